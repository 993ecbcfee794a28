"""The tracker of one quantity: where it usually is, how far it strays, how strange a new value is."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import tracker


def learned(values):
    """A tracker that has learned these values."""
    state = np.zeros(1, tracker.STATE)[0]
    for n, value in enumerate(values):
        tracker.learn(state, value, n)
    return state


def test_at_first_it_is_the_mean_and_variance_of_all_values():
    """A few values in, mean and variance are those of the textbook."""
    values = np.random.default_rng(1).normal(50, 3, 80)

    state = learned(values)

    assert state["m"] == pytest.approx(values.mean())
    assert state["v"] == pytest.approx(values.var())


def test_a_value_is_scored_in_sigmas_of_what_came_before():
    """Three sigmas off scores 3, on either side."""
    state = learned([19.0, 21.0] * 40)

    assert tracker.score(state, 23.0, 80) == pytest.approx(3.0)
    assert tracker.score(state, 17.0, 80) == pytest.approx(-3.0)


def test_scoring_learns_nothing():
    """To ask is not to learn."""
    state = learned([19.0, 21.0])
    before = state.tobytes()

    tracker.score(state, 1000.0, 2)

    assert state.tobytes() == before


def test_the_first_value_is_no_surprise():
    """Nothing is known yet, so nothing is strange."""
    assert tracker.score(np.zeros(1, tracker.STATE)[0], 1e6, 0) == 0.0


@pytest.mark.parametrize("value", [-1e90, -100.0, 100.0, 1e90])
def test_no_score_is_beyond_50(value):
    """However absurd the value, its score stays a number one can average."""
    state = learned([0.0, 1.0] * 10)

    assert abs(tracker.score(state, value, 20)) == 50.0


def test_after_100_values_a_spike_is_learned_as_ten_sigmas():
    """One absurd value can't make the detector deaf."""
    state = learned([19.0, 21.0] * 60)
    before = float(state["v"])

    tracker.learn(state, 1e9, 120)

    assert state["v"] < before * 1.9
    assert state["m"] == pytest.approx(20 + 10 / 121, rel=1e-6)


def test_before_100_values_a_spike_is_learned_as_it_is():
    """While little is known, nothing can be called an outlier."""
    state = learned([19.0, 21.0] * 49)

    tracker.learn(state, 1020.0, 98)

    assert state["m"] == pytest.approx(20 + 1000 / 99, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, -273.15, 1e12])
def test_a_constant_is_known_to_a_billionth(value):
    """Rounding noise of a constant is no deviation; the smallest real one is a large one."""
    state = learned([value] * 200)

    assert abs(tracker.score(state, value * (1 + 1e-12), 200)) < 0.01
    assert tracker.score(state, value + abs(value) * 1e-6 + 1e-6, 200) == 50.0


def test_old_values_fade_after_8000():
    """A level that moved weeks ago is no longer the usual one."""
    state = learned([10.0] * 200 + [10.5, 11.5] * 15_000)

    assert state["m"] == pytest.approx(11.0, abs=0.05)
