"""The alarm policy: which windows are told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import policy

LONG = 1_000_000
"""Windows after which the advance is spent."""
MINUTE_S = 60.0


def fresh():
    """A policy that has never alarmed."""
    state = np.zeros(1, policy.STATE)[0]
    policy.fresh(state)
    return state


def alarms(state, scores, smallest, at_once=math.inf):
    """The positions of the windows that alarm."""
    out = []
    for i, score in enumerate(scores):
        policy.age_by_one(state, MINUTE_S)
        if policy.step(state, score, smallest, at_once):
            out.append(i)
    return out


def test_a_score_at_the_threshold_alarms():
    """The threshold itself is enough, a hair below isn't."""
    assert alarms(fresh(), [0.5999, 0.6], 0.6) == [1]


def test_within_120_windows_there_is_no_second_alarm():
    """One event, one alarm."""
    assert alarms(fresh(), [1.0] * 300, 0.6) == [0, 120, 240]


def test_what_is_far_stranger_than_need_be_does_not_wait():
    """A small false alarm doesn't hide the large true one that follows."""
    assert alarms(fresh(), [1.7, 2.5, 2.6, 1.7], 1.6, at_once=2.6) == [0, 2]


def test_recent_alarms_raise_the_bar_for_ranks():
    """A series that has just alarmed twice must be stranger to alarm again, for a while."""
    state = fresh()
    alarms(state, [1.0] * 121, 0.6)

    raised = policy.rank_threshold(state)
    alarms(state, [0.0] * 24_000, 0.6)

    assert raised == pytest.approx(0.58 * (1 + 0.2 * (1 + math.exp(-120 / 1200))))
    assert policy.rank_threshold(state) == pytest.approx(0.58, abs=1e-4)


def test_the_budget_becomes_a_score():
    """One alarm a week of 201.6 blocks is a block in 201.6; shared by four it is one in 806.4."""
    state = fresh()

    assert policy.threshold(state, MINUTE_S, 1.0, 1, LONG) == pytest.approx(math.log10(201.6))
    assert policy.threshold(state, MINUTE_S, 1.0, 4, LONG) == pytest.approx(math.log10(806.4))
    assert policy.threshold(state, MINUTE_S, 0.5, 1, LONG) == pytest.approx(math.log10(403.2))


@pytest.mark.parametrize(("window_s", "alarms_per_week"), [(60.0, 5000.0), (86_400.0, 0.5), (7 * 86_400.0, 10.0)])
def test_no_budget_is_so_large_that_anything_alarms(window_s, alarms_per_week):
    """More alarms than there are strange blocks can't be had: a constant series stays quiet at any budget."""
    assert policy.threshold(fresh(), window_s, alarms_per_week, 1, LONG) == math.log10(5)


def test_the_interval_is_learned_where_readings_are_windows():
    """A sensor that reports every ten seconds has ten-second windows."""
    state = fresh()
    for n in range(1, 500):
        policy.learn_interval(state, 10.0, n)

    assert policy.threshold(state, 0.0, 1.0, 1, LONG) == pytest.approx(math.log10(604_800 / 500))


def test_a_gap_is_no_interval():
    """A month of repair doesn't make a fast sensor a slow one."""
    state = fresh()
    for n in range(1, 2000):
        policy.learn_interval(state, 10.0, n)

    policy.learn_interval(state, 30 * 86_400.0, 2000)

    assert float(state["interval_s"]) == pytest.approx(10.0, rel=0.01)


def test_an_interval_of_nothing_gives_a_finite_threshold():
    """A source that repeats one time doesn't break the arithmetic."""
    state = fresh()
    policy.learn_interval(state, 0.0, 1)

    assert math.isfinite(policy.threshold(state, 0.0, 1.0, 1, LONG))


def test_the_age_stops_growing():
    """Decades without an alarm don't overflow the count."""
    state = fresh()
    state["age"] = policy.AGE_MAX

    policy.age_by_one(state, MINUTE_S)

    assert int(state["age"]) == policy.AGE_MAX


def test_a_false_alarm_raises_both_thresholds():
    """It halves the alarms that are asked for, or makes the rank that is needed a tenth higher."""
    state = fresh()

    policy.raise_by_one(state)

    assert policy.threshold(state, MINUTE_S, 1.0, 1, LONG) == pytest.approx(math.log10(201.6) + 0.3)
    assert policy.rank_threshold(state) == pytest.approx(0.58 * 1.1)


def test_also_the_smallest_threshold_rises():
    """Where the budget is too large to be kept, a person's word still counts."""
    state = fresh()

    policy.raise_by_one(state)

    assert policy.threshold(state, MINUTE_S, 10_000.0, 1, LONG) == pytest.approx(math.log10(5) + 0.3)


def test_false_alarms_make_no_series_deaf():
    """However often somebody says so: a thirtieth of the alarms that were asked for remains."""
    state = fresh()
    for _ in range(100):
        policy.raise_by_one(state)

    assert policy.threshold(state, MINUTE_S, 1.0, 1, LONG) == pytest.approx(math.log10(201.6) + 1.5)


@pytest.mark.parametrize(("window_s", "windows"), [(3600.0, 720), (86_400.0, 30)])
def test_what_people_raised_halves_in_30_days_of_data(window_s, windows):
    """Machines change, and a word of last year shouldn't count as one of today, however long a window is."""
    state = fresh()
    policy.raise_by_one(state)
    for _ in range(windows):
        policy.age_by_one(state, window_s)

    assert float(state["raised_by"]) == pytest.approx(0.15)


def test_what_people_raised_is_forgotten_in_the_end():
    """A list of adjusted thresholds doesn't grow for ever."""
    state = fresh()
    policy.raise_by_one(state)
    for _ in range(149):
        policy.age_by_one(state, 86_400.0)

    assert float(state["raised_by"]) == 0.0


def test_early_in_its_life_a_series_may_spend_an_advance():
    """What is fifty times as rare as anything that could have been seen is told, from L = 2 on."""
    state = fresh()

    def needed(n):
        return policy.threshold(state, 1.0, 0.5, 1, n)

    assert needed(LONG) == needed(10 * LONG) == pytest.approx(math.log10(604_800 / 50 / 0.5))
    assert needed(999) == pytest.approx(math.log10(1000 / 50 / 0.02))
    assert needed(0) == needed(99) == pytest.approx(2.0)
    assert policy.threshold(state, 1.0, 0.5, 8, 999) == pytest.approx(needed(999) + math.log10(8))


def test_the_advance_is_a_fifth_of_a_false_alarm_for_life():
    """Summed over all blocks until the budget alone holds: the sum of what each may raise beyond it."""
    state = fresh()
    beyond = 0.0
    for block in range(3, 200_000):
        beyond += 10.0 ** -policy.threshold(state, 1.0, 0.5, 1, 50 * block) - 10.0 ** -policy.threshold(
            state, 1.0, 0.5, 1, 100 * LONG
        )

    assert 0.05 < beyond < 0.2


def test_where_windows_are_long_the_budget_soon_holds():
    """A minute's windows: after seven hours."""
    state = fresh()

    assert policy.threshold(state, MINUTE_S, 0.5, 1, 420) == policy.threshold(state, MINUTE_S, 0.5, 1, LONG)
