"""Windows: what is in them, when they close, and that nothing else closes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.readings import SeriesName, group_of
from contracts.settings import Service
from detectors.samples import Samples
from tests.detectors.plant import BAD, PRESS, T0, UNCERTAIN, block_of, outcome, rows_of, settings_of


def windows(readings, **settings):
    """(start, end, mean, count, learn, offset) of the windows that close, times in seconds after T0."""
    return shown(outcome(settings_of(**settings), readings).closed)


def shown(closed):
    return [
        ((row["start"] - T0) / 1000, (row["end"] - T0) / 1000, row["mean"], row["count"], row["learn"], row["offset"])
        for row in closed
    ]


def test_a_window_closes_when_its_end_and_the_allowance_for_late_readings_have_passed():
    """Not a millisecond earlier: a late reading could still belong to it."""
    assert windows([(0, 0, 1.0), (0, 59.999, 2.0), (0, 64.999, 9.0)]) == []
    assert windows([(0, 0, 1.0), (0, 59.999, 2.0), (0, 65, 9.0)]) == [(0, 60, 1.5, 2, 1, 2)]


def test_an_out_of_order_reading_is_in_the_window_of_its_own_time():
    """Also in the one before the newest reading's."""
    readings = [(0, 0, 1.0), (0, 62, 9.0), (0, 58, 3.0), (0, 61, 5.0), (0, 125, 0.0)]

    assert windows(readings) == [(0, 60, 2.0, 2, 1, 4), (60, 120, 7.0, 2, 1, 4)]


def test_an_out_of_order_reading_may_be_the_only_one_of_its_window():
    """The window before the first reading's is a window too."""
    assert windows([(0, 62, 9.0), (0, 58, 3.0), (0, 65, 1.0)]) == [(0, 60, 3.0, 1, 1, 2)]


def test_a_jump_over_many_windows_closes_those_that_are_open_and_makes_up_none():
    """A gap leaves no empty windows behind."""
    readings = [(0, 0, 1.0), (0, 62, 2.0), (0, 7000, 3.0), (0, 7100, 4.0)]

    assert windows(readings) == [(0, 60, 1.0, 1, 1, 2), (60, 120, 2.0, 1, 1, 2), (6960, 7020, 3.0, 1, 1, 3)]


def test_the_end_of_input_closes_no_window_and_a_restart_goes_on_with_it():
    """Half a window is not a window."""
    samples = Samples(settings_of())
    before = samples.read(block_of(rows_of([(0, 0, 1.0)]), PRESS)).closed
    restored = Samples.restore(settings_of(), samples.snapshot())

    after = restored.read(block_of(rows_of([(0, 30, 3.0), (0, 65, 9.0)]), PRESS)).closed

    assert before is None
    assert shown(after.rows) == [(0, 60, 2.0, 2, 1, 1)]


def test_bad_readings_are_in_no_mean_and_time_passes_with_them():
    """A window without a usable reading is none."""
    assert windows([(0, 0, 1.0), (0, 1, 9.0, BAD), (0, 65, 9.0, BAD)]) == [(0, 60, 1.0, 1, 1, 2)]
    assert windows([(0, 0, 1.0, BAD), (0, 65, 9.0, BAD), (0, 130, 1.0, BAD)]) == []
    assert windows([(0, 0, 1.0), (0, 1, float("nan")), (0, 65, 0.0)]) == [(0, 60, 1.0, 1, 1, 2)]


def test_an_uncertain_reading_is_in_the_mean_and_keeps_the_window_from_being_learned():
    """Only that window: the next one is learned again."""
    readings = [(0, 0, 1.0), (0, 1, 2.0, UNCERTAIN), (0, 2, 3.0), (0, 65, 4.0), (0, 130, 0.0)]

    assert windows(readings) == [(0, 60, 2.0, 3, 0, 3), (60, 120, 4.0, 1, 1, 4)]


def test_each_reading_is_a_window_of_its_own_where_windows_have_no_length():
    """It closes at once; a late one makes none, a doubled one neither."""
    readings = [(0, 0, 1.0), (0, 7, 2.0, UNCERTAIN), (0, 7, 9.0), (0, 6, 9.0), (0, 8, 9.0, BAD), (0, 9, 3.0)]

    assert windows(readings, window_s=0) == [(0, 0, 1.0, 1, 1, 0), (7, 7, 2.0, 1, 0, 1), (9, 9, 3.0, 1, 1, 5)]


def test_windows_name_each_series_once_and_again_after_a_restart():
    """Whoever takes the windows keeps names no longer than the process lives."""
    names = (("press", "temp"), ("press", "flow"))
    samples = Samples(settings_of(window_s=0))

    first = samples.read(block_of(rows_of([(1, 0, 1.0), (1, 1, 1.0)]), names)).closed
    second = samples.read(block_of(rows_of([(1, 2, 1.0), (0, 2, 1.0)]))).closed
    third = samples.read(block_of(rows_of([(1, 3, 1.0), (0, 3, 1.0)]))).closed
    restored = Samples.restore(settings_of(window_s=0), samples.snapshot())
    fourth = restored.read(block_of(rows_of([(0, 4, 1.0)]), (("press", "flow"),))).closed

    assert first.names == (SeriesName(1, "press", "flow"),)
    assert second.names == (SeriesName(0, "press", "temp"),)
    assert third.names == ()
    assert fourth.names == (SeriesName(1, "press", "flow"),)
    assert fourth.rows["slot"].tolist() == [1]


def test_a_window_names_the_reading_that_closed_it():
    """By topic, partition and offset."""
    rows = rows_of([(0, 0, 1.0), (0, 70, 1.0)], first_offset=40)
    rows["partition"] = 1

    closed = Samples(settings_of()).read(block_of(rows, PRESS)).closed

    assert (closed.sources[closed.rows["partition"][0]], closed.rows["offset"][0]) == ("readings/1", 41)


@pytest.mark.parametrize("window_s", [480.0, 300.0, 0.0, 7.0])
def test_windows_never_overlap_or_go_back_when_their_length_changed_at_a_restart(window_s):
    """The open window of the old length is forgotten, and those that would reach back are left out."""
    samples = Samples(settings_of())
    before = samples.read(block_of(rows_of([(0, s, 1.0) for s in range(0, 400, 10)]), PRESS)).closed.rows
    restored = Samples.restore(settings_of(window_s=window_s), samples.snapshot())

    after = restored.read(block_of(rows_of([(0, s, 1.0) for s in range(400, 2000, 10)]), PRESS)).closed.rows

    both = np.concatenate([before, after])
    assert len(after) >= 2
    assert (both["start"][1:] >= both["end"][:-1]).all()
    assert (both["start"][1:] > both["start"][:-1]).all()
    if window_s:
        seen = T0 + 1000 * np.arange(400, 2000, 10)
        assert after["count"].tolist() == [np.sum((seen >= row["start"]) & (seen < row["end"])) for row in after]


def model(readings, *, window_s, late_s):
    """The definition, with a dictionary of all windows that ever were."""
    held, newest, out = {}, None, []
    for ts, value, quality in readings:
        if newest is not None and (ts == newest or ts < newest - late_s):
            continue
        if newest is None or ts > newest:
            newest = ts
            for k in sorted(k for k in held if ts >= (k + 1) * window_s + late_s):
                values, learn = held.pop(k)
                total = 0.0
                for held_value in values:
                    total += held_value
                out.append((k * window_s, total / len(values), len(values), learn))
        if quality != BAD:
            values, learn = held.setdefault(ts // window_s, ([], 1))
            values.append(value)
            held[ts // window_s] = (values, 0 if quality == UNCERTAIN else learn)
    return out


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, 9, 11, 40]),
            st.sampled_from([0, 0, 0, 1, 3, 6]),
            st.floats(-1e6, 1e6),
            st.sampled_from([0, 0, 0, 1, 2]),
        ),
        max_size=80,
    ),
    st.sampled_from([1, 5, 10]),
)
def test_windows_follow_their_definition(steps, late_s):
    """Whatever comes in whatever order, each window is the mean of what wasn't late, to the last bit."""
    clock, readings = 0, []
    for forward, back, value, quality in steps:
        clock += forward
        readings.append((clock - back, value, quality))

    closed = outcome(
        settings_of(window_s=10, late_s=late_s), [(0, ts, value, quality) for ts, value, quality in readings]
    ).closed

    assert [((row["start"] - T0) / 1000, row["mean"], row["count"], row["learn"]) for row in closed] == model(
        readings, window_s=10, late_s=late_s
    )


STAGGERED = settings_of().model_copy(update={"service": Service(clock="event", stagger_windows=True)})


def test_staggered_windows_begin_with_their_key_group():
    """All assets of a group close theirs together, and other groups at other times: so not all is saved at once."""
    assets = [f"press-{number}" for number in range(200)]
    names = tuple((asset, "temp") for asset in assets)
    samples = Samples(STAGGERED)
    readings = [(number, seconds, 1.0) for seconds in range(0, 200, 5) for number in range(len(assets))]

    closed = samples.read(block_of(rows_of(readings), names)).closed.rows

    begins = {
        (group_of(assets[row["slot"]], 128) % 16, int(row["start"]) % 60_000) for row in closed if row["start"] > T0
    }
    assert begins == {(phase, phase * 3_750) for phase in range(16)}
    assert {int(row["end"] - row["start"]) for row in closed} == {60_000}


def test_windows_that_were_open_when_they_began_to_be_staggered_are_forgotten():
    """A window is never part of two; what is closed is closed, and none goes back over it."""
    asset = next(f"press-{number}" for number in range(200) if group_of(f"press-{number}", 128) % 16 == 8)
    samples = Samples(settings_of())
    samples.read(block_of(rows_of([(0, at, 1.0) for at in range(0, 70, 5)]), ((asset, "temp"),)))
    restored = Samples.restore(STAGGERED, samples.snapshot())

    closed = restored.read(
        block_of(rows_of([(0, at, 9.0) for at in range(70, 400, 5)]), ((asset, "temp"),))
    ).closed.rows

    assert (np.diff(closed["start"]) == 60_000).all()
    assert {int(start) % 60_000 for start in closed["start"]} == {30_000}
    assert set(closed["mean"]) == {9.0}
