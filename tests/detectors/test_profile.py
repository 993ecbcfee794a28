"""The day's profile: what a series usually reads in each hour."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import profile

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def day_of(state, *, times, step_ms, value):
    """Feed `times` windows from midnight on; value is a function of the hour."""
    for i in range(times):
        ts = i * step_ms
        b = profile.hour(ts)
        profile.learn(state, b, value(b), step_ms if i else HOUR_MS)


@pytest.mark.parametrize(
    ("ts", "hour"), [(0, 0), (HOUR_MS - 1, 0), (HOUR_MS, 1), (DAY_MS - 1, 23), (DAY_MS, 0), (-1, 23)]
)
def test_the_hour_is_that_of_the_day(ts, hour):
    """Hours are counted in UTC from midnight, also before 1970."""
    assert profile.hour(ts) == hour


def test_nothing_is_offset_until_every_hour_was_seen():
    """Half a day says nothing about the other half."""
    state = np.zeros(1, profile.STATE)[0]

    day_of(state, times=23, step_ms=HOUR_MS, value=float)
    before = [profile.offset(state, b) for b in range(24)]
    profile.learn(state, 23, 23.0, HOUR_MS)

    assert before == [0.0] * 24
    assert profile.complete(state)
    assert [profile.offset(state, b) for b in range(24)] == pytest.approx([b - 11.5 for b in range(24)])


@pytest.mark.parametrize("step_ms", [HOUR_MS, 60_000, 1000])
def test_a_day_moves_a_bin_by_three_tenths_whatever_the_sampling_rate(step_ms):
    """Fast and slow sensors get the same daily profile."""
    state = np.zeros(1, profile.STATE)[0]
    for _ in range(10 * (HOUR_MS // step_ms)):
        profile.learn(state, 5, 20.0, step_ms)

    for _ in range(HOUR_MS // step_ms):
        profile.learn(state, 5, 30.0, step_ms)

    assert state["mu"][5] == pytest.approx(23.0, abs=0.01)


def test_after_a_gap_one_window_counts_as_an_hour_at_most():
    """A sensor back from a week's repair doesn't overwrite the profile at once."""
    state = np.zeros(1, profile.STATE)[0]
    for _ in range(600):
        profile.learn(state, 5, 20.0, 60_000)

    profile.learn(state, 5, 30.0, 7 * DAY_MS)

    assert state["mu"][5] == pytest.approx(23.0)


def test_the_count_of_visits_stops_at_its_largest():
    """Years of data don't wrap the count, which would make the bin jump to the newest value."""
    state = np.zeros(1, profile.STATE)[0]
    for _ in range(70_000):
        profile.learn(state, 5, 20.0, 60_000)

    profile.learn(state, 5, 30.0, 60_000)

    assert state["c"][5] == 65_535
    assert state["mu"][5] < 20.1
