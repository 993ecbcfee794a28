"""Trends: what a screen shows of readings is what they were, in as few points as it has pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console import trends as module
from console.plant import Readings
from console.trends import Trends
from tests.console.plants import stores

HOUR = 3_600_000
T = 1_700_000_400_000 - 1_700_000_400_000 % HOUR
NAMES = [("press-1", "temp"), ("press-1", "speed")]


def readings(ts, value, series=0):
    ts = np.asarray(ts, np.int64)
    return Readings(NAMES, np.full(len(ts), series, np.int32), ts, np.asarray(value, np.float64))


def test_a_bucket_holds_the_lowest_the_highest_and_the_last(tmp_path):
    """A peak of one second is seen on a screen of a day."""
    _, _, trends = stores(tmp_path)
    trends.take(readings([T, T + 3_000, T + 6_000, T + 10_000], [5.0, 9.0, 7.0, 1.0]))

    found = trends.of("press-1", "temp", from_ms=T, to_ms=T + 60_000, points_max=100)

    assert found.start == [T, T + 10_000]
    assert (found.low, found.high, found.last) == ([5.0, 1.0], [9.0, 1.0], [7.0, 1.0])


def test_what_is_read_twice_changes_nothing(tmp_path):
    """After a restart a stretch is read once more."""
    store, _, trends = stores(tmp_path)
    part = readings([T, T + 3_000, T + 6_000], [5.0, 9.0, 7.0])
    trends.take(part)
    trends.flush()
    again = Trends(store)

    again.take(readings([T, T + 3_000], [5.0, 9.0]))
    found = again.of("press-1", "temp", from_ms=T, to_ms=T + 60_000, points_max=100)

    assert (found.low, found.high, found.last) == ([5.0], [9.0], [7.0])
    assert again.newest_ts == T + 6_000


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3 * HOUR), st.floats(-1e6, 1e6)), min_size=1, max_size=60), st.integers(1, 9))
def test_however_they_come_the_trend_is_that_of_all_of_them(tmp_path_factory, pairs, cuts):
    """Batches, their order and late readings change no point."""
    _, _, trends = stores(tmp_path_factory.mktemp("store"))
    for cut in range(cuts):
        part = pairs[cut::cuts]
        if part:
            trends.take(readings([T + at for at, _ in part], [value for _, value in part]))
            trends.flush()

    found = trends.of("press-1", "temp", from_ms=T, to_ms=T + 3 * HOUR, points_max=18)

    for start, low, high in zip(found.start, found.low, found.high, strict=True):
        inside = [value for at, value in pairs if start <= T + at < start + found.step_ms]
        assert (low, high) == (min(inside), max(inside))
    assert sum(1 for _ in found.start) == len({(T + at) // found.step_ms for at, _ in pairs})


def test_a_long_time_comes_in_as_many_points_as_were_asked_for(tmp_path):
    """A week on a screen of 700 points is 700 points."""
    _, _, trends = stores(tmp_path)
    ts = np.arange(T - 7 * 24 * HOUR, T, 30_000)
    trends.take(readings(ts, np.sin(ts / HOUR)))

    week = trends.of("press-1", "temp", from_ms=T - 7 * 24 * HOUR, to_ms=T, points_max=700)
    hour = trends.of("press-1", "temp", from_ms=T - HOUR, to_ms=T, points_max=700)

    assert 500 <= len(week.start) <= 1_100
    assert 110 <= len(hour.start) <= 121
    assert week.step_ms >= 600_000 > hour.step_ms


def test_of_a_sensor_that_nobody_knows_there_is_nothing(tmp_path):
    """An unknown name is an empty trend, not a fault."""
    _, _, trends = stores(tmp_path)

    assert trends.of("press-9", "temp", from_ms=T, to_ms=T + HOUR, points_max=100).start == []


def test_series_beyond_the_bound_are_refused_and_counted(tmp_path, monkeypatch):
    """Ever-new names don't fill the disk."""
    monkeypatch.setattr(module, "SERIES_MAX", 1)
    _, _, trends = stores(tmp_path)
    trends.take(readings([T], [1.0], series=0))
    trends.take(readings([T], [1.0], series=1))
    trends.flush()

    assert trends.names() == [("press-1", "temp")]
    assert trends.refused == {("press-1", "speed")}


@pytest.mark.parametrize("empty", [readings([], []), Readings([], np.zeros(0, np.int32), np.zeros(0), np.zeros(0))])
def test_nothing_is_nothing(tmp_path, empty):
    """A poll without readings writes nothing."""
    _, _, trends = stores(tmp_path)
    trends.take(empty)
    trends.flush()

    assert trends.names() == []
