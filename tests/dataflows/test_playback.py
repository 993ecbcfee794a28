"""A recording through the lanes: everything once and in order, whatever the lanes and batches, and at its pace."""

from collections import defaultdict
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.findings import Kind
from contracts.readings import Block, Reason, Reject, group_key, group_of
from contracts.settings import Settings
from dataflows.chunks import CHUNK, Chunk, Names
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback

T0 = 1_700_000_000_000
SERIES = [(f"asset-{asset}", sensor) for asset in range(9) for sensor in ("temp", "flow")]


class Recorded:
    """A recording that lies in a list of chunks."""

    def __init__(self, chunks):
        self.names = Names()
        self.sources = ("a.csv", "b.csv")
        for asset, sensor in SERIES:
            self.names.index(asset, sensor)
        self._chunks = chunks

    def chunks(self):
        """All chunks."""
        yield from self._chunks


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        """Seconds, as time.monotonic gives them."""
        return self.now_s


def chunk(*rows, source=0, rejects=()):
    """A chunk of (ts, name) rows, with values and lines that count up."""
    readings = np.zeros(len(rows), CHUNK)
    for place, (ts, name) in enumerate(rows):
        readings[place] = (ts, place, place + 1, name, 0)
    return Chunk(rows=readings, source=source, rejects=tuple(rejects))


def reject(line):
    return Reject(Reason.BAD_VALUE, "no number", None, b"x", "a.csv", 0, line)


def settings_of(**service):
    return Settings.model_validate({"service": {"clock": "event", **service}})


def lanes_of(recording, settings, **options):
    """The source's lanes, and what they count."""
    happenings = Happenings()
    playback = Playback(recording, settings, pace=options.pop("pace", Pace()), happenings=happenings, **options)
    return {name: playback.build_part("lanes", name, None) for name in playback.list_parts()}, happenings


def drain(lanes):
    """All that the lanes hand out until each has ended, by lane: what Bytewax does, in turns."""
    out = defaultdict(list)
    running = dict(lanes)
    while running:
        for name, lane in list(running.items()):
            try:
                out[name] += lane.next_batch()
            except StopIteration:
                del running[name]
    return out


def rows_by_series(out):
    """(asset, sensor) → [(ts, value, line)] as the groups would see them."""
    names, rows = {}, defaultdict(list)
    for key, item in (pair for items in out.values() for pair in items):
        if isinstance(item, Block):
            names |= {(item.lane, name.number): (name.asset, name.sensor) for name in item.names}
            for row in item.rows:
                asset, sensor = names[item.lane, int(row["series"])]
                assert key == group_key(group_of(asset, 128))
                rows[asset, sensor].append((int(row["ts"]), float(row["value"]), int(row["offset"])))
    return rows


def test_lanes_have_the_names_of_those_of_kafka():
    """A recording goes the way that live readings go."""
    lanes, _ = lanes_of(Recorded([]), settings_of(lanes=12))

    assert list(lanes) == [f"lane-{lane:02d}" for lane in range(12)]


@given(
    names=st.lists(st.integers(0, len(SERIES) - 1), max_size=60),
    lanes=st.integers(1, 13),
    rows_max=st.integers(1, 20),
)
def test_every_reading_comes_once_and_in_order_whatever_the_lanes_and_batches(names, lanes, rows_max):
    """The number of lanes and the size of a batch decide nothing."""
    rows = [(T0 + place, name) for place, name in enumerate(names)]
    recording = Recorded([chunk(*rows[:25]), chunk(*rows[25:], source=1)])

    parts, _ = lanes_of(recording, settings_of(lanes=lanes, poll_messages_max=rows_max))
    found = rows_by_series(drain(parts))

    expected = defaultdict(list)
    for place, (ts, name) in enumerate(rows):
        line = place if place < 25 else place - 25
        expected[SERIES[name]].append((ts, float(line), line + 1))
    assert found == expected


def test_a_block_says_which_file_its_rows_are_from():
    """An alert can be traced to the line that caused it."""
    parts, _ = lanes_of(Recorded([chunk((T0, 0)), chunk((T0 + 1, 0), source=1)]), settings_of(lanes=1))

    blocks = [item for _, item in drain(parts)["lane-00"]]

    assert [block.sources[block.rows["partition"][0]] for block in blocks] == ["a.csv", "b.csv"]


def test_bad_lines_leave_the_flow_as_rejects_and_are_counted():
    """Nothing of a recording is dropped without a trace."""
    recording = Recorded([chunk((T0, 0), rejects=[reject(7), reject(8)])])
    parts, happenings = lanes_of(recording, settings_of(lanes=3))

    items = [item for items in drain(parts).values() for _, item in items]

    assert [item.offset for item in items if isinstance(item, Reject)] == [7, 8]
    assert happenings.registry.get_sample_value("andon_rejects_total", {"reason": "bad_value"}) == 2


def test_sensors_beyond_the_bound_are_refused_each_and_reported_once():
    """A recording with too many sensors is bounded as live readings are."""
    recording = Recorded([chunk((T0, 0), (T0, 1), (T0 + 1, 1), (T0 + 1, 0))])
    parts, _ = lanes_of(recording, settings_of(lanes=2, sensors_per_asset_max=1))

    out = drain(parts)

    items = [item for items in out.values() for _, item in items]
    findings = [finding for item in items if isinstance(item, tuple) for finding in item]
    assert rows_by_series(out) == {SERIES[0]: [(T0, 0.0, 1), (T0 + 1, 3.0, 4)]}
    assert [(item.reason, item.offset) for item in items if isinstance(item, Reject)] == [
        (Reason.CAPACITY, 2),
        (Reason.CAPACITY, 3),
    ]
    assert [(finding.kind, finding.asset, finding.rule) for finding in findings] == [
        (Kind.CAPACITY, SERIES[0][0], "sensors")
    ]


def test_a_paced_recording_hands_out_what_is_due_and_no_more():
    """At speed 60 a minute of the recording takes a second."""
    clock = Clock()
    recording = Recorded([chunk((T0, 0), (T0 + 60_000, 0), (T0 + 90_000, 1), (T0 + 180_000, 0))])
    parts, _ = lanes_of(recording, settings_of(lanes=1), pace=Pace(speed=60, clock=clock))
    lane = parts["lane-00"]

    def due_after(seconds):
        clock.now_s = 100.0 + seconds
        return [int(row["ts"]) - T0 for _, block in lane.next_batch() for row in block.rows]

    assert due_after(0) == [0]
    assert due_after(0.9) == []
    assert due_after(1.6) == [60_000, 90_000]
    assert due_after(10) == [180_000]
    with pytest.raises(StopIteration):
        lane.next_batch()


def test_history_before_the_live_time_is_due_at_once():
    """A demo learns from days in seconds, and only then keeps the time."""
    clock = Clock()
    pace = Pace(speed=10, from_ms=T0, clock=clock)

    assert pace.due(np.array([T0 - 50_000, T0 - 10])) == 2
    clock.now_s += 1000
    assert pace.due(np.array([T0 - 5, T0, T0 + 10_000])) == 2
    clock.now_s += 1
    assert pace.due(np.array([T0 + 10_000, T0 + 10_001])) == 1


def test_an_idle_lane_rests_only_while_nothing_is_due():
    """Every lane holds up the epoch, so none rests longer than some milliseconds."""
    clock = Clock()
    parts, _ = lanes_of(
        Recorded([chunk((T0, 0), (T0 + 1000, 0))]), settings_of(lanes=1), pace=Pace(speed=1, clock=clock)
    )
    lane = parts["lane-00"]

    lane.next_batch()
    assert lane.next_awake() is None
    lane.next_batch()
    assert lane.next_awake() is not None


def test_a_lane_without_readings_does_not_pile_up_those_of_others():
    """Memory stays bounded when all of a long recording belongs to one lane."""
    taken = []

    class Long(Recorded):
        def chunks(self):
            """One reading each; what was taken is seen."""
            for place in range(1000):
                taken.append(place)
                yield chunk((T0 + place, 0))

    parts, _ = lanes_of(Long([]), settings_of(lanes=2))
    home = group_of(SERIES[0][0], 128) % 2

    for _ in range(1000):
        assert parts[f"lane-{1 - home:02d}"].next_batch() == []

    assert len(taken) < 100
    assert len(rows_by_series(drain(parts))[SERIES[0]]) == 1000


def test_a_playback_that_is_stopped_ends():
    """Ctrl-C ends a replay in order."""
    stop = Event()
    parts, _ = lanes_of(Recorded([chunk((T0, 0)), chunk((T0 + 1, 0))]), settings_of(lanes=1), stop=stop)
    lane = parts["lane-00"]

    assert len(lane.next_batch()) == 1
    stop.set()
    with pytest.raises(StopIteration):
        lane.next_batch()


def test_progress_is_told_after_each_batch():
    """A person sees how far a long replay has come."""
    told = []
    parts, _ = lanes_of(
        Recorded([chunk((T0, 0), (T0 + 1, 1), (T0 + 2, 2))]),
        settings_of(lanes=1, poll_messages_max=2),
        on_progress=lambda readings, ts: told.append((readings, ts)),
    )

    drain(parts)

    assert told == [(2, T0 + 1), (3, T0 + 2)]
