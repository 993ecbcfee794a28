"""What is promised of all rules together: blocks, restarts, lanes and bad input change nothing."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import StateError
from contracts.findings import Kind
from contracts.readings import Block, Clock, SeriesName, Tick
from detectors import checking, stale
from detectors.samples import Counts, Samples
from tests.detectors.golden_samples import AFTER, NAMES, SETTINGS
from tests.detectors.plant import BAD, GOOD, PRESS, T0, UNCERTAIN, block_of, feed, pieces, rows_of, settings_of

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
EVERYTHING = {
    "limit": {"hh": 3, "h": 2, "l": -2, "ll": -3, "deadband": 0.5, "on_delay_s": 1, "off_delay_s": 2},
    "rate": {"rise_max_per_s": 1.0, "fall_max_per_s": 0.5},
    "flatline": {"after_s": 4, "tolerance": 0.25},
    "stale": {"after_s": 30},
}
LEARNED = {**EVERYTHING, "stale": {"after_s": "auto"}}
SERIES = (("press", "temp"), ("press", "flow"), ("pump", "temp"), ("press", "power"), ("mill", "speed"))

STREAMS = st.lists(
    st.tuples(
        st.integers(0, len(SERIES) - 1),
        st.sampled_from([0, 0, 0.25, 0.5, 1, 1, 2, 20, 29, 31, 45, 130]),  # seconds that pass before it
        st.sampled_from([0, 0, 0, 0, 0.5, 3, 5, 8]),  # and that it is behind
        st.sampled_from([-4.0, -2.5, -1.0, 0.0, 0.1, 1.0, 2.5, 2.5, 4.0, float("nan"), float("inf")]),
        st.sampled_from([GOOD, GOOD, GOOD, GOOD, UNCERTAIN, BAD]),
    ),
    min_size=1,
    max_size=120,
)


def rows_at(stream):
    """Rows of a stream of (series, seconds passed, seconds behind, value, quality)."""
    clock, readings = 0.0, []
    for series, passed, behind, value, quality in stream:
        clock += passed
        readings.append((series, clock - behind, value, quality))
    return rows_of(readings)


RUNNING = {"sensor": "flow", "min": 0.5, "settle_s": 5}


@settings(max_examples=150)
@given(
    STREAMS,
    st.lists(st.integers(0, 120), max_size=8),
    st.sampled_from([0.0, 10.0, 60.0]),
    st.booleans(),
    st.sampled_from([None, RUNNING]),
)
def test_the_cut_into_blocks_changes_nothing(stream, cuts, window_s, learned, running):
    """Findings, windows and counts are those of the readings, not of the batches in which a broker hands them out."""
    config = settings_of(LEARNED if learned else EVERYTHING, window_s=window_s, running=running)
    rows = rows_at(stream)

    whole = feed(Samples(config), [rows], SERIES)
    cut = feed(Samples(config), pieces(rows, cuts), SERIES)
    single = feed(Samples(config), pieces(rows, range(len(rows))), SERIES)

    assert cut.findings == whole.findings == single.findings
    assert cut.closed.tobytes() == whole.closed.tobytes() == single.closed.tobytes()
    assert cut.counts == whole.counts == single.counts
    assert sum(whole.counts[:4]) == len(rows)


@settings(max_examples=150)
@given(STREAMS, st.integers(0, 120), st.sampled_from(["event", "wall"]), st.sampled_from([None, RUNNING]))
def test_a_restart_changes_nothing(stream, cut, clock, running):
    """A process that dies after a snapshot goes on as if it had not."""
    config = settings_of(EVERYTHING, clock=clock, running=running)
    parts = pieces(rows_at(stream), [cut])
    steady, broken = Samples(config), Samples(config)
    for part in parts[:1]:
        steady.read(block_of(part, SERIES))
        broken.read(block_of(part, SERIES))
    broken = Samples.restore(config, pickle.loads(pickle.dumps(broken.snapshot())))  # noqa: S301 - our own bytes

    expected, got = (feed(samples, parts[1:], SERIES) for samples in (steady, broken))
    ticked = [samples.tick(Tick(0, T0 + 31_000)) for samples in (steady, broken)]

    assert got.findings == expected.findings
    assert got.closed.tobytes() == expected.closed.tobytes()
    assert ticked[0] == ticked[1]
    assert_same(broken.snapshot(), steady.snapshot())


def assert_same(one, other):
    """Two snapshots are equal, but for the bound that a restart lets be found anew."""
    for snapshot in (one, other):
        snapshot["asset_records"]["due_ts"] = 0
    assert one["series"].tobytes() == other["series"].tobytes()
    assert one["asset_records"].tobytes() == other["asset_records"].tobytes()
    assert one["machines"].tobytes() == other["machines"].tobytes()
    assert {key: value for key, value in one.items() if isinstance(value, list)} == {
        key: value for key, value in other.items() if isinstance(value, list)
    }


@settings(max_examples=60)
@given(STREAMS, st.integers(0, len(SERIES) - 1))
def test_findings_come_in_pairs(stream, series):
    """Every alarm is raised before it is cleared, cleared before it is raised again, and keeps its onset."""
    findings = feed(Samples(settings_of(EVERYTHING)), [rows_at(stream)], SERIES).findings

    open_since = {}
    for finding in findings:
        alarm = (finding.asset, finding.sensor, finding.rule)
        assert finding.active != (alarm in open_since)
        if finding.active:
            assert finding.onset_ts <= finding.ts
            open_since[alarm] = finding.onset_ts
        else:
            assert finding.onset_ts == open_since.pop(alarm)


def test_lanes_may_share_a_group_and_have_numbers_of_their_own():
    """Series 0 of one lane isn't series 0 of another, and an asset that changes lanes keeps its state."""
    samples = Samples(settings_of({"limit": {"h": 2, "on_delay_s": 2}}))
    samples.read(block_of(rows_of([(0, 0, 9.0)]), (("press", "temp"),), lane=0))
    samples.read(block_of(rows_of([(0, 0, 9.0)]), (("pump", "temp"),), lane=1))

    moved = Block(
        lane=1,
        rows=rows_of([(1, 2, 9.0)]),
        names=(SeriesName(1, "press", "temp"),),
        sources=("readings/0",),
        arrived_ms=T0,
    )
    findings = samples.read(moved).findings

    assert [(finding.asset, finding.onset_ts) for finding in findings] == [("press", T0)]
    assert (samples.series_count, samples.asset_count) == (2, 2)


def test_a_number_that_was_never_announced_is_a_mistake_of_ours_and_changes_nothing():
    """The lane is wrong, not the data: nothing is read and no state is touched."""
    samples = Samples(settings_of())
    samples.read(block_of(rows_of([(0, 0, 1.0)]), PRESS))
    before = samples.snapshot()

    for number in (1, 10_000, -1):
        with pytest.raises(ValueError, match=f"lane 0 uses series number {number}, which it never announced"):
            samples.read(block_of(rows_of([(0, 1, 1.0), (number, 2, 1.0)])))

    assert samples.snapshot()["series"].tobytes() == before["series"].tobytes()
    assert samples.read(block_of(rows_of([(0, 1, 1.0)]))).counts == Counts(1, 0, 0, 0, 0, 0)


def test_a_block_is_left_as_it_is_even_a_read_only_one():
    """Other steps may hold the same rows."""
    rows = rows_of([(0, s, 1.0 if s % 2 else 9.0) for s in range(100)])
    before = rows.tobytes()
    rows.flags.writeable = False

    read = Samples(settings_of(EVERYTHING)).read(block_of(rows, PRESS))

    assert read.counts.accepted == 100
    assert rows.tobytes() == before


def test_more_findings_and_windows_than_fit_into_the_buffers_all_come_out():
    """A block of 20,000 readings, each a window of its own and each a jump."""
    rows = rows_of([(0, s, 9.0 * (s % 2)) for s in range(20_000)])
    samples = Samples(settings_of({"rate": {"rise_max_per_s": 1.0}}, window_s=0))

    read = samples.read(block_of(rows, PRESS))

    assert read.closed.rows["offset"].tolist() == list(range(20_000))
    assert len(read.findings) == 19_999
    assert [finding.source for finding in read.findings[:2]] == ["readings/0/1", "readings/0/2"]


def test_an_asset_with_thousands_of_sensors_falls_silent_one_by_one():
    """One reading shows that all of them but two are silent: as many findings as it has sensors."""
    names = tuple(("line", f"sensor-{number}") for number in range(3000))
    samples = Samples(settings_of({"stale": {"after_s": 30}}))
    samples.read(block_of(rows_of([*((n, 0, 1.0) for n in range(3000)), (1, 29, 1.0)]), names))

    findings = samples.read(block_of(rows_of([(0, 31, 1.0)]))).findings

    assert len([finding for finding in findings if finding.active]) == 2999
    assert {finding.kind for finding in findings} == {Kind.STALE}


def test_a_snapshot_is_a_copy_of_plain_data():
    """What is being saved doesn't change while it is written."""
    samples = Samples(settings_of(EVERYTHING))
    samples.read(block_of(rows_of([(0, 0, 1.0)]), PRESS))
    snapshot = samples.snapshot()
    frozen = pickle.dumps(snapshot)

    samples.read(block_of(rows_of([(0, 1, 9.0), (1, 2, 3.0)]), (("press", "temp"), ("press", "flow"))))

    assert pickle.dumps(snapshot) == frozen
    assert {type(value) for value in snapshot.values()} == {int, list, np.ndarray}


def test_state_grows_with_series_and_not_with_readings():
    """About 350 bytes a series, for ever."""
    samples = Samples(settings_of(EVERYTHING))
    names = tuple(("press", f"sensor-{number}") for number in range(100))
    sizes = []
    for hour in range(3):
        samples.read(block_of(rows_of([(s % 100, 3600 * hour + s, float(s % 7)) for s in range(3600)]), names))
        sizes.append(len(pickle.dumps(samples.snapshot())))

    assert len(set(sizes)) == 1
    assert sizes[0] < 100 * 400


def test_an_unknown_version_of_saved_state_is_refused_by_name():
    """A newer andon's state isn't guessed at."""
    with pytest.raises(StateError, match="step `samples` has version 4; this andon reads 1 to 3"):
        Samples.restore(settings_of(), {**Samples(settings_of()).snapshot(), "version": 4})
    with pytest.raises(StateError, match="version None"):
        Samples.restore(settings_of(), {})


@pytest.mark.parametrize(("version", "out"), [(1, []), (2, [("press", "temp")]), (3, [("press", "temp")])])
def test_the_saved_state_of_every_version_is_still_read(version, out):
    """An update of andon loses no alarm and no open window, and forgets nothing that is out of service."""
    samples = Samples.restore(SETTINGS, pickle.loads((GOLDEN / f"samples-{version}.pickle").read_bytes()))  # noqa: S301

    read = samples.read(block_of(rows_of(AFTER), NAMES))

    assert [(f.asset, f.sensor, f.rule, f.active, (f.onset_ts - T0) / 1000) for f in read.findings] == [
        ("press", "temp", "flat", False, 0),
        ("press", "flow", "rise", False, 50),
        ("press", "flow", "h", False, 50),
        ("pump", "temp", "silent", False, 30 + 29),
        ("press", None, "silent", True, 57 + 30),
        ("press", None, "silent", False, 57 + 30),
    ]
    assert samples.out_of_service() == out
    learned = [(int(row["count"]), int(row["learn"])) for row in read.closed.rows]
    assert learned == [(30, 1), (51, 1 - len(out)), (53, 0)]


def test_a_fresh_group_is_empty_until_it_is_told_of_a_series():
    """An empty group is not worth saving."""
    samples = Samples(settings_of())

    assert samples.empty
    samples.read(block_of(rows_of([(0, 0, 1.0)]), PRESS))
    assert (samples.empty, samples.series_count, samples.asset_count) == (False, 1, 1)


def test_the_clock_of_a_block_is_how_far_its_assets_have_come():
    """By the event clock readings tell the time: only of their own asset, and never backwards."""
    samples = Samples(settings_of())
    first = block_of(rows_of([(0, 5, 1.0), (2, 90, 1.0), (1, 7, 1.0, BAD)]), SERIES)
    later = block_of(rows_of([(0, 6, 1.0), (0, 3, 1.0)]))

    samples.read(first)
    assert samples.clock_of(first) == Clock((("press", T0 + 7000), ("pump", T0 + 90_000)))
    samples.read(later)
    assert samples.clock_of(later) == Clock((("press", T0 + 7000),))


@settings(max_examples=60)
@given(STREAMS, st.lists(st.integers(0, 120), max_size=8))
def test_clocks_come_as_far_however_readings_are_cut_into_blocks(stream, cuts):
    """The last word on each asset's time is that of the readings."""
    rows = rows_at(stream)
    times = []
    for parts in ([rows], pieces(rows, cuts)):
        samples, clock = Samples(settings_of()), {}
        for number, part in enumerate(parts):
            block = block_of(part, SERIES if number == 0 else ())
            samples.read(block)
            for asset, ms in samples.clock_of(block).times:
                assert ms >= clock.get(asset, ms)
                clock[asset] = ms
        times.append(clock)

    assert times[0] == times[1]
    assert times[0] == {
        asset: max(int(row["ts"]) for row in rows if SERIES[row["series"]][0] == asset)
        for asset in {SERIES[number][0] for number in rows["series"]}
    }


def test_nothing_is_compiled_twice():
    """Blocks of one row, sliced and read-only blocks, few and many series are all one type to the compiler."""
    samples = Samples(settings_of(EVERYTHING, clock="wall"))
    names = tuple(("press", f"sensor-{number}") for number in range(40))
    rows = rows_of([(s % 40, s, 1.0) for s in range(200)])
    read_only = rows[100:150].copy()
    read_only.flags.writeable = False

    for part in (rows[:1], rows[1:100:2], rows[100:101], read_only, rows[150:]):
        samples.read(block_of(part, names[:1] if part is rows[:1] else names, arrived_s=1))
        samples.tick(Tick(0, T0))

    assert len(checking.check_rows.signatures) == 1
    assert len(stale.tick.signatures) == 1
