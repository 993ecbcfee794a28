"""The incident of an asset: when it begins, and when it is over."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import incident


def state():
    """Of an asset of which nothing was ever told."""
    return np.zeros(1, incident.STATE)[0]


def step(of, *, reached=False, together=False, sensors=0, usual=False, start=1000):
    """The next row."""
    return incident.step(of, start, reached, together, sensors, usual)


def begun():
    """An incident that has just begun."""
    of = state()
    told = [step(of, reached=True, together=True, sensors=1, start=start) for start in (1000, 2000, 3000)]
    assert told == [incident.GOES_ON, incident.GOES_ON, incident.BEGINS]
    return of


def test_the_score_is_high_only_if_both_are():
    """What shows in one way only is common, and no reason to send somebody."""
    assert incident.score(4.0, 4.0, 0.0) == pytest.approx(1.15 * 4.0)
    assert incident.score(16.0, 1.0, -2.0) == pytest.approx(1.15 * 4.0)
    assert incident.score(16.0, 0.0, 0.0) == incident.score(-1.0, 9.0, 9.0) == 0.0


def test_one_sensor_that_is_very_strange_is_as_good_as_many_that_are_a_little():
    """What it takes is larger where more sensors could have been it."""
    assert incident.score(4.0, 0.0, incident.alone(5.3, 10)) == pytest.approx(1.15 * 4.0)
    assert incident.alone(4.0, 50) < incident.alone(4.0, 5) < 4.0


def test_it_takes_a_sensor_in_alarm_to_begin():
    """There is always a sensor to look at."""
    assert step(state(), reached=True, together=True, sensors=0) == incident.GOES_ON


def test_it_takes_three_rows_to_begin_and_began_with_the_first():
    """What is over after a row or two sends nobody."""
    of = state()
    rows = [True, True, False, True, True, True]

    told = [step(of, reached=reached, together=True, sensors=1, start=60 * row) for row, reached in enumerate(rows)]

    assert told == [incident.GOES_ON] * 5 + [incident.BEGINS]
    assert (of["onset"], of["held"]) == (180, 0)


def test_what_is_usual_or_in_no_sensor_does_not_count_towards_the_three():
    """A row between them begins the count anew."""
    for between in ({"usual": True, "sensors": 1}, {"sensors": 0}):
        of = state()
        steps = [{"sensors": 1}, {"sensors": 1}, between, {"sensors": 1}, {"sensors": 1}]
        assert {step(of, reached=True, together=True, **one) for one in steps} == {incident.GOES_ON}


def test_it_goes_on_below_its_threshold_while_the_group_and_a_sensor_are_in_alarm():
    """The fault is there as long as it is, however used to it the score gets."""
    of = begun()

    assert [step(of, together=True, sensors=1) for _ in range(50)] == [incident.GOES_ON] * 50


@pytest.mark.parametrize(("together", "sensors"), [(True, 0), (False, 3), (False, 0)])
def test_it_is_over_after_three_calm_rows(together, sensors):
    """One calm row is no end, three are."""
    of = begun()

    told = [step(of, together=together, sensors=sensors) for _ in range(3)]

    assert told == [incident.GOES_ON, incident.GOES_ON, incident.ENDED_CALM]
    assert of["status"] == incident.OVER


def test_a_row_in_between_starts_the_count_anew():
    """A fault that comes and goes is one incident."""
    of = begun()

    told = [step(of, together=bool(row % 3 == 2), sensors=1) for row in range(30)]

    assert set(told) == {incident.GOES_ON}


def test_what_has_become_usual_ends_it():
    """A new way of running isn't a fault for ever."""
    assert step(begun(), together=True, sensors=1, usual=True) == incident.ENDED_HELD


def test_nothing_is_held_for_longer_than_600_rows():
    """An alarm that never ends is one that nobody reads."""
    of = begun()

    told = [step(of, together=True, sensors=1) for _ in range(601)]

    assert told[:600] == [incident.GOES_ON] * 600
    assert told[600] == incident.ENDED_HELD


def test_a_confirmed_one_is_held_until_it_is_calm():
    """What a person has called a fault doesn't become usual."""
    of = begun()
    of["confirmed"] = 1

    told = [step(of, together=True, sensors=1) for _ in range(2000)]

    assert set(told) == {incident.GOES_ON}
    assert [step(of) for _ in range(3)][-1] == incident.ENDED_CALM
    assert of["confirmed"] == 0
