"""The combination of scores: how strange a window is, and how strange for this series."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import combination


def fresh():
    """A combination that has seen nothing."""
    state = np.zeros(1, combination.STATE)[0]
    combination.fresh(state)
    return state


def fed(state, scores, *, first=10, learning=True):
    """S after each of these scores; the number of learned windows goes on from `first`."""
    out, n = [], first
    for z in scores:
        s = combination.smooth(state, z, 1, n, learning)
        if learning:
            combination.learn(state, s, n)
            n += 1
        out.append(s)
    return out


def test_s_is_the_mean_of_the_last_four_scores():
    """One strange window is diluted, four in a row count in full."""
    assert fed(fresh(), [6.0, 0, 0, 6, 6, 6, 6, 6, 6]) == pytest.approx([6, 3, 2, 3, 3, 4.5, 6, 6, 6])


def test_families_are_averaged():
    """Two families, of which one is alarmed, say half."""
    assert combination.smooth(fresh(), 6.0, 2, 10, True) == 3.0


def test_the_first_ten_windows_have_no_score():
    """Ten values say nothing about what is usual."""
    state = fresh()

    assert fed(state, [5.0] * 10, first=0) == [0.0] * 10
    assert fed(state, [6.0], first=10)[0] == pytest.approx(1.5)


def test_a_series_that_was_often_strange_must_be_stranger():
    """A sensor with a history of peaks ranks lower than a calm one at the same score."""
    calm, restless = fresh(), fresh()
    fed(calm, [1.0] * 800)
    fed(restless, [5.0] * 800)

    assert combination.rank(calm, 4.0) == pytest.approx(4 / 2.5, rel=0.01)
    assert combination.rank(restless, 4.0) == pytest.approx(4 / 6.5, rel=0.01)


def test_peaks_fade_by_half_in_50000_windows():
    """An extreme event isn't remembered for ever."""
    state = fresh()
    fed(state, [6.0] * 50, first=0)
    before = float(state["peaks"].max())

    fed(state, [0.0] * 50_000, first=50)

    assert float(state["peaks"].max()) == pytest.approx(before / 2, rel=1e-3)


def test_a_block_ends_every_fifty_windows_with_its_maximum():
    """Calibration learns from the largest S of each fifty windows."""
    state = fresh()
    ends = {}
    for n in range(150):
        s = combination.smooth(state, 6.0 if 60 <= n < 66 else 1.0, 1, n, True)
        y = combination.learn(state, s, n)
        if y != combination.NO_BLOCK:
            ends[n] = y

    assert ends == {49: 1.0, 99: 6.0, 149: 1.0}


def test_what_isnt_learned_enters_neither_the_peaks_nor_the_block():
    """An uncertain stretch leaves nothing behind, though its scores are still in the mean for three windows."""
    state = fresh()
    fed(state, [1.0] * 20, first=10)

    uncertain = fed(state, [6.0] * 4, first=30, learning=False)
    after = fed(state, [1.0] * 19, first=30)

    assert uncertain[-1] > 4
    assert after[0] > 4
    assert after[5] == pytest.approx(1.0)
    assert float(state["cur"]) == pytest.approx(1.0)


def test_a_block_of_tainted_windows_teaches_nothing():
    """Where every other window is uncertain, nothing is calibrated, rather than calibrated to zero."""
    state = fresh()
    for n in range(50):
        combination.smooth(state, 5.0, 1, n, False)
        y = combination.learn(state, combination.smooth(state, 5.0, 1, n, True), n)

    assert y == combination.NO_BLOCK
    assert state["peaks"].max() <= fresh()["peaks"].max()
