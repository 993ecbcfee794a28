"""What share of blocks gets this high, for an asset's scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import group_calibration


def learned(maxima, *, c=1.0, ce=2.0, u=1.0):
    """After these block maxima."""
    state = np.zeros(1, group_calibration.STATE)[0]
    group_calibration.fresh(state, u=u, c=c, ce=ce)
    for y in maxima:
        group_calibration.learn(state, y)
    return state


def test_a_score_that_one_block_in_five_reaches_has_an_l_of_log_5():
    """The figure means what it says."""
    maxima = np.random.default_rng(1).exponential(0.4, 20_000) + 2.0
    state = learned(maxima)

    reached = (maxima > state["u"]).mean()

    assert reached == pytest.approx(0.2, abs=0.05)
    assert group_calibration.surprise(state, float(state["u"])) == pytest.approx(math.log10(5))


def test_a_score_that_one_block_in_a_thousand_reaches_has_an_l_of_three():
    """So that a budget can be kept."""
    found = []
    for seed in range(10):
        maxima = np.random.default_rng(seed).exponential(0.4, 2000) + 2.0
        rare = 2.0 + 0.4 * math.log(1000)
        found.append(group_calibration.surprise(learned(maxima), rare))

    assert np.mean(found) == pytest.approx(3.0, abs=0.35)


def test_one_enormous_block_does_not_make_the_next_one_usual():
    """A fault that was learned as a block moves what is usual by little."""
    maxima = [2.0, 2.1] * 200
    state, spoiled = learned(maxima), learned([*maxima, 1000.0])

    assert spoiled["u"] - state["u"] < 0.1


def test_it_is_a_number_at_no_score_at_all():
    """Nothing is divided by zero."""
    state = learned([0.0] * 1000)

    assert group_calibration.surprise(state, 0.0) == 0.0
    assert math.isfinite(group_calibration.surprise(state, 5.0))
