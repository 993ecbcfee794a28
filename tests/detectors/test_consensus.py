"""The consensus of an asset's sensors."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import consensus


def fresh():
    """Of an asset that was never seen."""
    state = np.zeros(1, consensus.STATE)[0]
    consensus.fresh(state)
    return state


def means(rows, *, seed=1):
    """What sensors of a quiet plant say together."""
    return np.abs(np.random.default_rng(seed).normal(0.2, 0.05, rows))


def test_it_says_nothing_until_a_block_is_known():
    """300 rows until the sensors' own scores mean something, 50 more for theirs."""
    state = fresh()

    told = [consensus.step(state, mean, learning=True) for mean in means(351)]

    assert told[:350] == [0.0] * 350
    assert told[350] > 0


def test_many_sensors_that_are_a_little_strange_are_unusual():
    """Twice the usual is seldom; the usual isn't."""
    state = fresh()
    for mean in means(2000):
        consensus.step(state, mean, learning=True)

    assert consensus.step(state, 0.2, learning=False) < 0.7
    assert consensus.step(state, 1.0, learning=False) > 2.0


def test_a_row_that_is_not_to_be_learned_leaves_no_trace():
    """Maintenance is judged, and forgotten."""
    state = fresh()
    for mean in means(2000):
        consensus.step(state, mean, learning=True)
    before = state.tobytes()

    consensus.step(state, 4.0, learning=False)

    assert state.tobytes() == before


def test_an_asset_without_any_surprise_is_no_trouble():
    """All constant: no division by nothing."""
    state = fresh()

    told = [consensus.step(state, 0.0, learning=True) for _ in range(600)]

    assert np.isfinite(told).all()
    assert consensus.step(state, 1.0, learning=False) == pytest.approx(consensus.step(state, 1.0, learning=False))
