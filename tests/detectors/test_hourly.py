"""What is usual at an hour of the day is taken off."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.settings import Settings
from detectors import hourly
from detectors.windows import Windows
from tests.detectors.closing import START_MS, closed_of, judged, noise, settings_of

DAY = 1440
RANKED = {"policy": "ranked"}


def fresh():
    """Of a series of which nothing is known."""
    return np.zeros(1, hourly.STATE)[0]


def days(state, times, *, restless=3, peak=4.0, calm=0.5):
    """So many days on which one hour has a strange window, and no other has; then the first window of another."""
    for _ in range(times):
        for b in range(24):
            for s in (calm, peak if b == restless else calm, calm):
                hourly.learn(state, b, s)
    hourly.learn(state, 0, calm)


def test_what_comes_every_day_at_the_same_hour_is_taken_off_at_that_hour():
    """After a week little of it is left; at another hour it is as strange as ever."""
    state = fresh()
    days(state, 10)

    assert hourly.beyond(state, 3, 4.0) < 1.5
    assert hourly.beyond(state, 4, 4.0) == 4.0


def test_an_hour_takes_up_three_tenths_of_its_largest_in_a_day():
    """Twice the mean of the hours is left in: nothing is taken off where all hours are alike."""
    state = fresh()
    days(state, 1, peak=4.0, calm=0.0)

    expected = 1.2 - 2 * 1.2 / 24
    assert hourly.beyond(state, 3, 4.0) == pytest.approx(4.0 - expected)

    alike = fresh()
    days(alike, 20, peak=4.0, calm=4.0)
    assert [hourly.beyond(alike, b, 3.0) for b in range(24)] == [3.0] * 24


def test_nothing_is_less_than_nothing():
    """What is less strange than usual isn't strange."""
    state = fresh()
    days(state, 10)

    assert hourly.beyond(state, 3, 0.1) == 0.0


def test_what_was_strange_once_is_forgotten_in_some_days():
    """One fault doesn't hide the next of its hour for long."""
    state = fresh()
    days(state, 1, peak=8.0)
    once = hourly.beyond(state, 3, 8.0)
    days(state, 8, peak=0.5)

    assert once == pytest.approx(8.0 - 2.0, abs=0.5)
    assert hourly.beyond(state, 3, 8.0) == 8.0


def test_an_hour_with_a_known_fault_is_left_out():
    """A person called it true: it is no part of what is usual."""
    state = fresh()
    days(state, 10, restless=-1)
    before = state["E"].tobytes()
    hourly.learn(state, 7, 8.0)

    hourly.forget_hour(state)
    hourly.learn(state, 8, 0.5)

    assert state["E"].tobytes() == before


def test_an_hour_is_over_when_a_window_of_another_is_learned_however_much_later():
    """A gap of days between them is no hour of its own."""
    state = fresh()
    hourly.learn(state, 5, 4.0)
    hourly.learn(state, 6, 0.0)

    assert state["E"].tolist() == [36 if b == 5 else 0 for b in range(24)]


def nightly(times, *, fault=None):
    """Values each minute, with a swell of half an hour at ten past three each night; and a fault one night then."""
    values = noise(seed=31, times=times)[:, 0]
    minute = START_MS // 60_000 % DAY
    first = (3 * 60 + 10 - minute) % DAY
    for at in range(first, times, DAY):
        values[at : at + 30] += 6 * np.sin(np.linspace(0, np.pi, 30))[: times - at]
    if fault is not None:
        at = first + fault * DAY
        values[at : at + 90] += 60
    return values


def test_the_backup_of_each_night_is_told_for_some_nights_and_then_seldom():
    """Ranked, it would be told each night for ever; and a fault at just that hour is told."""
    times = 21 * DAY

    quiet, told = (
        [
            found.onset_ts
            for found in judged(settings_of(anomaly=RANKED, drift=False), closed_of(values))
            if found.active
        ]
        for values in (nightly(times), nightly(times, fault=18))
    )

    night = DAY * 60_000
    assert any(onset < START_MS + 4 * night for onset in quiet)
    assert len([onset for onset in quiet if onset >= START_MS + 7 * night]) <= 7
    assert any(START_MS + 17 * night <= onset < START_MS + 20 * night for onset in set(told) - set(quiet))


def test_a_window_that_is_not_learned_is_in_no_hour():
    """Nothing uncertain becomes usual."""
    values = noise(seed=32, times=600)[:, 0]
    learn = np.ones((600, 1), bool)
    values[300:310] += 40
    learn[300:310] = False
    windows, without = Windows(Settings()), Windows(Settings())

    windows.judge(closed_of(values, learn=learn))
    values[300:310] -= 40
    without.judge(closed_of(values, learn=learn))

    usual = [one.snapshot()["states"]["hourly"]["E"].tolist() for one in (windows, without)]
    assert usual[0] == usual[1]
