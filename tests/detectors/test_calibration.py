"""The calibrated score: what share of blocks gets this high."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import calibration

TAILS = [calibration.TAIL_OF_S, calibration.TAIL_OF_K]


def fresh(tail):
    """A calibration that has seen nothing."""
    state = np.zeros(1, calibration.STATE)[0]
    calibration.fresh(state, tail)
    return state


def learned(maxima, tail):
    """A calibration that has learned these block maxima."""
    state = fresh(tail)
    for y in maxima:
        calibration.learn(state, y, tail)
    return state


def seldom(high, maxima, tail):
    """log10 of one in how many blocks of 50 gets this high; a block of `tail` may be shorter."""
    blocks = 50 if tail is calibration.TAIL_OF_S else 10
    return -math.log10(np.mean(maxima > high) * 50 / blocks)


@pytest.mark.parametrize("tail", TAILS)
def test_u_is_the_80_percent_quantile_of_the_block_maxima(tail):
    """One block in five gets above it."""
    maxima = np.random.default_rng(1).gumbel(2.0, 0.3, 4000)

    state = learned(maxima, tail)

    assert np.mean(maxima > float(state["u"])) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("share", [0.1, 0.03, 0.01])
def test_the_score_is_the_share_of_blocks_that_get_this_high(share, tail):
    """A score of 2 is reached in one block of a hundred, or in fewer: what is promised is `at most`."""
    maxima = np.random.default_rng(2).gumbel(2.0, 0.3, 20_000)
    state = learned(maxima[:10_000], tail)
    high = float(np.quantile(maxima[10_000:], 1 - share))

    surprise = calibration.surprise(state, high, tail)

    assert surprise == pytest.approx(seldom(high, maxima[10_000:], tail), abs=0.35)
    assert surprise < seldom(high, maxima[10_000:], tail) + 0.1


def test_a_heavy_tail_is_seen_to_be_one():
    """Where large scores are usual, a large score says less."""
    rng = np.random.default_rng(4)
    tail = calibration.TAIL_OF_K
    light, heavy = learned(rng.exponential(1.0, 5000), tail), learned(rng.pareto(2.0, 5000), tail)

    assert float(light["xi"]) < 0.2
    assert 0.4 < float(heavy["xi"]) <= 0.8
    far = [calibration.surprise(state, float(state["u"]) + 12 * float(state["e"]), tail) for state in (light, heavy)]
    assert far[1] < far[0] - 1


def test_a_wild_block_is_learned_as_a_high_one():
    """One catastrophe doesn't make the next one usual."""
    maxima = np.random.default_rng(5).gumbel(2.0, 0.3, 1000)
    calm = learned(maxima, calibration.TAIL_OF_S)

    wild = learned([*maxima, 1e6], calibration.TAIL_OF_S)

    assert float(wild["e"]) < 1.2 * float(calm["e"])
    assert calibration.surprise(wild, 6.0, calibration.TAIL_OF_S) > 3


@pytest.mark.parametrize("tail", TAILS)
def test_at_u_both_halves_of_the_score_meet(tail):
    """The score has no jump."""
    state = learned(np.random.default_rng(3).gumbel(2.0, 0.3, 500), tail)
    u = float(state["u"])

    assert calibration.surprise(state, u, tail) == pytest.approx(tail.l_u)
    assert calibration.surprise(state, u + 1e-9, tail) == pytest.approx(tail.l_u, abs=1e-6)
    assert calibration.surprise(state, 0.0, tail) == 0.0


@pytest.mark.parametrize("tail", TAILS)
def test_asking_learns_nothing(tail):
    """To ask is not to learn."""
    state = fresh(tail)
    before = state.tobytes()

    calibration.surprise(state, 5.0, tail)

    assert state.tobytes() == before


@pytest.mark.parametrize("tail", TAILS)
def test_blocks_without_any_deviation_keep_the_score_finite(tail):
    """A constant series has u at its floor, and nothing is divided by zero."""
    state = learned([0.0] * 8000, tail)

    assert float(state["u"]) == pytest.approx(1e-3)
    assert calibration.surprise(state, 0.0, tail) == 0.0
    assert math.isfinite(calibration.surprise(state, 1000.0, tail))


def test_counts_stop_at_their_largest():
    """Years of blocks don't wrap a count, which would make the tail forget all at once."""
    state = fresh(calibration.TAIL_OF_K)
    for name in ("c", "ce", "pairs"):
        state[name] = calibration.COUNT_MAX

    for y in (3.0, 4.0, 5.0):
        calibration.learn(state, y, calibration.TAIL_OF_K)

    assert {int(state[name]) for name in ("c", "ce", "pairs")} == {calibration.COUNT_MAX}
