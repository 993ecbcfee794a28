"""The shape family: was the course of the last 48 windows, or of the last 144, seen before?"""

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


def test_what_is_older_than_both_remember_is_forgotten():
    """A pattern of long ago is new again."""
    odd = np.full(48, 30.0)
    values = [*cycles(900), *odd, *cycles(400), *odd, *cycles(2200), *odd, *cycles(6)]

    _, scores = fed(values)

    def highest(first):
        return max(scores[first : first + 60])

    assert highest(900) > 10
    assert highest(1348) < highest(900) / 2
    assert highest(3596) > 2 * highest(1348)


def test_the_distance_is_that_to_the_nearest_of_all_patterns():
    """No pattern of the bank is left out, and none that overlaps the newest is taken."""
    values = noise(seed=4, times=6 * 300)[:, 0]
    state, _ = fed(values)
    for scale, patterns in (("fine", 128), ("coarse", 96)):
        blocks = state[scale]["B"] / 3000

        near = [np.linalg.norm(blocks[-8:] - blocks[first : first + 8]) for first in range(len(blocks) - 16)]

        assert len(near) == patterns
        assert shape._nearest(state[scale], patterns) == pytest.approx(min(near))


def test_a_long_cycle_that_goes_wrong_is_seen_by_the_coarse_blocks():
    """Each piece of it was seen before, in this order they never came: a beat that is doubled in a slow rhythm."""
    cycle = np.concatenate([np.full(50, 20.0), np.full(50, 26.0), np.full(50, 20.0), np.full(50, 14.0)])
    values = np.tile(cycle, 16)
    wrong = np.concatenate([values[:2400], np.full(50, 20.0), np.full(50, 14.0), np.full(50, 20.0), values[2550:]])
    spread = noise(seed=6, times=len(values))[:, 0] / 10 - 2.0

    def highest(values):
        state, z = np.zeros(1, shape.STATE)[0], []
        for n, value in enumerate(values):
            shape.step(state, value, n)
            z.append((float(state["fine"]["z"]), float(state["coarse"]["z"])))
        return np.max(z[2400:2700], axis=0)

    fine, coarse = highest(wrong + spread)
    assert coarse > 8 > 2 * max(highest(values + spread))
    assert coarse > 1.5 * fine


def test_coarse_blocks_have_no_say_before_their_31st_distance():
    """Twenty coarse blocks until the first, then thirty more of 18 windows; until then z4 is that of the fine."""
    values = noise(seed=7, times=1000)[:, 0]
    state = np.zeros(1, shape.STATE)[0]

    coarse = []
    for n, value in enumerate(values):
        shape.step(state, value, n)
        coarse.append(float(state["coarse"]["z"]))

    first = (20 + 30) * 18 - 1
    assert not any(coarse[:first])
    assert any(coarse[first:])


def test_a_state_with_one_length_of_blocks_goes_on():
    """Its blocks and distances stay what they were, in 16 bits; the coarse begin afresh."""
    numbers = [(name, np.float64) for name in "mvz"] + [(name, np.int32) for name in ("k", "blocks")]
    saved = np.zeros(1, [*numbers, ("B", np.float32, (144,))])
    saved[["m", "v", "z", "k", "blocks"]] = (1.5, 0.25, 3.0, 70, 90)
    saved["B"] = np.linspace(-10, 10, 144)
    states = np.zeros(16, shape.STATE)[:1]

    shape.retold(states, saved)

    fine = states["fine"][0]
    assert [float(fine[name]) for name in ("m", "v", "z", "k", "blocks")] == [1.5, 0.25, 3.0, 70, 90]
    np.testing.assert_allclose(fine["B"] / 3000, saved["B"][0], atol=1 / 6000)
    assert states["coarse"].tobytes() == np.zeros(1, shape.STATE)["coarse"].tobytes()


@pytest.mark.parametrize("value", [0.0, 21.5, -1e99])
def test_a_constant_has_no_shape(value):
    """A value that never moves is no news."""
    state, scores = fed([value] * 2000)

    assert set(scores) == {0.0}
    assert not state["fine"]["B"].any()


def test_an_enormous_value_leaves_numbers_behind():
    """One wild window is clipped, and the patterns after it can be compared."""
    values = noise(seed=5, times=900)[:, 0]
    values[500] = 1e100

    state, scores = fed(values)

    assert np.isfinite(scores).all()
    assert np.isfinite(state["vx"])
    assert abs(state["fine"]["B"].astype(int)).max() <= 10 * 3000
