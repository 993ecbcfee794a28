"""The shape family: was the course of the last 48 windows seen before?"""

from __future__ import annotations

import numpy as np
import pytest

from detectors import shape
from tests.detectors.closing import noise

CYCLE = 24


def fed(values, *, state=None, first=0):
    """A shape that has learned these values, and its scores."""
    state = np.zeros(1, shape.STATE)[0] if state is None else state
    return state, [shape.step(state, value, n) for n, value in enumerate(values, start=first)]


def cycles(times, *, first=0):
    """A machine's cycle with a little noise."""
    return 5 * np.sin(2 * np.pi * np.arange(first, first + times) / CYCLE) + noise(seed=first, times=times)[:, 0] / 10


def test_a_cycle_that_is_left_out_is_strange():
    """The machine stands at a usual value, at a time when it never stood."""
    _, usual = fed(cycles(1000))
    _, stands = fed([*cycles(900), *np.full(48, 25.0), *cycles(52, first=948)])

    assert max(usual[600:]) < 4
    assert max(stands[900:950]) > 10


def test_the_first_score_comes_after_149_windows():
    """Twenty-five blocks: eight are the pattern, eight lie between, and it takes some to compare with."""
    _, scores = fed(noise(seed=1, times=400)[:, 0])

    assert scores[:149] == [0.0] * 149
    assert any(scores[149:])


def test_a_score_holds_until_the_next_block_is_full():
    """It changes every six windows."""
    _, scores = fed(noise(seed=2, times=600)[:, 0])

    changes = np.flatnonzero(np.diff(scores)) + 1
    assert len(changes) > 20
    assert set(changes % 6) == {5}


def test_a_pattern_that_is_well_known_is_not_strange():
    """Nearer than ever isn't an alarm."""
    _, scores = fed([*noise(seed=3, times=700)[:, 0], *np.tile([20.0, 21.0], 200)])

    assert min(scores) == 0.0
    assert scores[-1] == 0.0


def test_what_is_older_than_768_windows_is_forgotten():
    """A pattern of long ago is new again."""
    odd = np.full(48, 30.0)
    values = [*cycles(900), *odd, *cycles(400), *odd, *cycles(1200), *odd, *cycles(6)]

    _, scores = fed(values)

    def highest(first):
        return max(scores[first : first + 60])

    assert highest(900) > 10
    assert highest(1348) < highest(900) / 2
    assert highest(2596) > 2 * highest(1348)


def test_the_distance_is_that_to_the_nearest_of_all_patterns():
    """No pattern of the bank is left out, and none that overlaps the newest is taken."""
    values = noise(seed=4, times=6 * 300)[:, 0]
    state, _ = fed(values)
    blocks = np.array(state["B"], np.float64)

    near = [np.linalg.norm(blocks[-8:] - blocks[first : first + 8]) for first in range(128)]

    assert shape._nearest(state, 128) == pytest.approx(min(near))


@pytest.mark.parametrize("value", [0.0, 21.5, -1e99])
def test_a_constant_has_no_shape(value):
    """A value that never moves is no news."""
    state, scores = fed([value] * 2000)

    assert set(scores) == {0.0}
    assert np.isfinite(state["B"]).all()


def test_an_enormous_value_leaves_numbers_behind():
    """One wild window is clipped, and the patterns after it can be compared."""
    values = noise(seed=5, times=900)[:, 0]
    values[500] = 1e100

    state, scores = fed(values)

    assert np.isfinite(scores).all()
    assert np.isfinite(state["vx"])
    assert abs(state["B"]).max() <= 10
