"""The calibrated score: what share of blocks gets this high."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import calibration


def fresh():
    """A calibration that has seen nothing."""
    state = np.zeros(1, calibration.STATE)[0]
    calibration.fresh(state)
    return state


def learned(maxima):
    """A calibration that has learned these block maxima."""
    state = fresh()
    for y in maxima:
        calibration.learn(state, y)
    return state


def test_u_is_the_80_percent_quantile_of_the_block_maxima():
    """One block in five gets above it."""
    maxima = np.random.default_rng(1).gumbel(2.0, 0.3, 4000)

    state = learned(maxima)

    assert np.mean(maxima > float(state["u"])) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("share", [0.1, 0.03, 0.01])
def test_the_score_is_the_share_of_blocks_that_get_this_high(share):
    """A score of 2 is reached in one block of a hundred."""
    maxima = np.random.default_rng(2).gumbel(2.0, 0.3, 20_000)
    state = learned(maxima[:10_000])

    high = float(np.quantile(maxima[10_000:], 1 - share))

    assert calibration.surprise(state, high) == pytest.approx(-math.log10(share), abs=0.25)


def test_at_u_both_halves_of_the_score_meet():
    """The score has no jump."""
    state = learned(np.random.default_rng(3).gumbel(2.0, 0.3, 500))
    u = float(state["u"])

    assert calibration.surprise(state, u) == pytest.approx(math.log10(5))
    assert calibration.surprise(state, u + 1e-9) == pytest.approx(math.log10(5), abs=1e-6)
    assert calibration.surprise(state, 0.0) == 0.0


def test_asking_learns_nothing():
    """To ask is not to learn."""
    state = fresh()
    before = state.tobytes()

    calibration.surprise(state, 5.0)

    assert state.tobytes() == before


def test_blocks_without_any_deviation_keep_the_score_finite():
    """A constant series has u at its floor, and nothing is divided by zero."""
    state = learned([0.0] * 5000)

    assert float(state["u"]) == 1e-3
    assert calibration.surprise(state, 0.0) == 0.0
    assert math.isfinite(calibration.surprise(state, 6.0))
