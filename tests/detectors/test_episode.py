"""The alarm state: when is it over?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import episode


def begun():
    """An alarm; normal before was 20 with a standard deviation of 1."""
    state = np.zeros(1, episode.STATE)[0]
    episode.begin(state, 1000, 20.0, 1.0, 2)
    return state


def ends(state, values, spreads=None):
    """Position and reason of the end; None: it goes on. Without `spreads` only the values are watched."""
    for i, y in enumerate(values):
        reason = episode.step(state, y, math.nan if spreads is None else spreads[i])
        if reason != episode.GOES_ON:
            return i, reason
    return None


def test_twelve_calm_windows_end_it():
    """The alarm clears when the value has been back for twelve windows."""
    assert ends(begun(), [30.0] * 5 + [20.0] * 20) == (16, episode.ENDED_CALM)


@pytest.mark.parametrize(("y", "calm"), [(22.9, True), (23.1, False), (17.1, True), (16.9, False)])
def test_calm_is_within_three_sigmas_of_before(y, calm):
    """Back means back to what was normal before the alarm."""
    assert (ends(begun(), [y] * 12) is not None) == calm


def test_one_wild_window_starts_the_count_again():
    """A value that only touches normal keeps the alarm."""
    assert ends(begun(), [20.0] * 11 + [30.0] + [20.0] * 11) is None


def test_after_480_windows_it_is_the_new_normal():
    """No alarm stands for ever: what lasts eight hours of minutes is how the machine is now."""
    assert ends(begun(), [30.0] * 1000) == (480, episode.ENDED_HELD)


def test_calm_in_the_last_window_is_calm():
    """An alarm that comes back just in time isn't called a new normal."""
    assert ends(begun(), [30.0] * 469 + [20.0] * 12) == (480, episode.ENDED_CALM)


def test_without_an_alarm_nothing_ends():
    """Silence has no end."""
    assert ends(np.zeros(1, episode.STATE)[0], [30.0] * 1000) is None


def test_once_over_it_stays_over():
    """One raise, one clear."""
    state = begun()
    ends(state, [20.0] * 12)

    assert ends(state, [20.0] * 1000) is None


def test_after_a_constant_any_other_value_is_off():
    """A variance of zero before the alarm doesn't divide by zero."""
    state = np.zeros(1, episode.STATE)[0]
    episode.begin(state, 1000, 20.0, 0.0, 0)

    assert ends(state, [20.0 + 1e-6] * 100) is None
    assert ends(state, [20.0] * 12) == (11, episode.ENDED_CALM)


def test_a_confirmed_alarm_is_never_the_new_normal():
    """What a person knows to be a fault is one after a week, too; it ends when it is mended."""
    state = begun()
    state["confirmed"] = 1

    assert ends(state, [30.0] * 10_000) is None
    assert ends(state, [20.0] * 12) == (11, episode.ENDED_CALM)
    assert int(state["confirmed"]) == 0


def test_an_alarm_that_is_confirmed_no_more_ends_as_others_do():
    """Whoever takes the word back, takes it back."""
    state = begun()
    state["confirmed"] = 1
    ends(state, [30.0] * 1000)
    state["confirmed"] = 0

    assert ends(state, [30.0] * 10) == (0, episode.ENDED_HELD)


def test_where_the_spread_is_watched_too_both_must_be_calm():
    """A sensor that is back at its level and still trembles is not back to normal."""
    levels = [20.0] * 40
    state = begun()
    episode.watch_too(state, -3.0, 0.25)

    assert ends(state, levels, [0.0] * 20 + [-3.0] * 20) == (31, episode.ENDED_CALM)


def test_a_new_alarm_watches_the_spread_only_if_it_is_told_to():
    """What the alarm before it watched is none of its business."""
    state = begun()
    episode.watch_too(state, -3.0, 0.25)
    ends(state, [20.0] * 12, [-3.0] * 12)
    episode.begin(state, 2000, 20.0, 1.0, 0)

    assert ends(state, [20.0] * 12) == (11, episode.ENDED_CALM)


def test_an_alarm_knows_what_found_it():
    """Also when it ends."""
    assert int(begun()["found_by"]) == 2
