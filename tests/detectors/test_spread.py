"""The spread family: does the value move as much as it usually does?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import spread
from tests.detectors.closing import noise

QUIET = noise(seed=1, times=5000)[:, 0]


def judged(state, value, n, *, learning=True):
    """The score of the next value."""
    return spread.score(state, spread.difference(state, value, n, learning), n, learning)


def fed(values, *, state=None, first=0):
    """A spread that has learned these values, and its scores."""
    if state is None:
        state = np.zeros(1, spread.STATE)[0]
        spread.fresh(state)
    scores = []
    for n, value in enumerate(values, start=first):
        scores.append(judged(state, value, n))
        spread.learn(state, scores[-1], n)
    return state, scores


def test_a_sensor_that_gets_noisy_is_strange():
    """A loose contact trembles around the usual level."""
    _, scores = fed([*QUIET, *(20 + 10 * (noise(seed=2, times=20)[:, 0] - 20))])

    assert max(scores[4000:5000]) < 4.5
    assert scores[-1] > 8


def test_a_sensor_that_goes_quiet_is_strange_too():
    """A frozen transmitter repeats its last value, which is a usual one."""
    _, scores = fed([*QUIET, *[20.0] * 60])

    assert scores[-1] > 8


def test_a_slow_rise_is_no_spread():
    """Another level is another family's business."""
    values = QUIET.copy()
    values[4500:] += np.linspace(0, 20, 500)

    _, scores = fed(values)

    assert max(scores[4500:]) < 4.5


def test_a_constant_is_not_strange_and_its_logarithm_is_a_number():
    """A setpoint that never moves has differences of nothing."""
    state, scores = fed([21.5] * 300)

    assert scores == [0.0] * 300
    assert math.isfinite(state["y"])


def test_windows_that_arent_learned_leave_no_trace():
    """A wild stretch of uncertain windows is judged, and the next good one differs from the last good one."""
    state, _ = fed(QUIET)
    kept = {name: state[name].tobytes() for name in ("x_prev", "q", "Q", "tracker")}

    wild = [judged(state, value, 5000, learning=False) for value in (90.0, -90.0, 90.0, -90.0)]

    assert wild[-1] > 5
    assert {name: state[name].tobytes() for name in kept} == kept
    assert judged(state, 20.0, 5000) < 3


def test_it_goes_back_to_what_was_usual():
    """Once a fault is known to be one, the next good window is judged as if it hadn't been."""
    state, _ = fed(QUIET)
    m, v = (float(state["tracker"][name]) for name in ("m", "v"))
    fed([60.0, 20.0] * 20, state=state, first=5000)

    spread.go_back(state, m, v, 20.0)

    assert (float(state["tracker"]["m"]), float(state["tracker"]["v"])) == (m, v)
    assert judged(state, 20.5, 5040) < 1


@pytest.mark.parametrize("m", [-55.0, -800.0])
def test_it_goes_back_to_nothing_where_nothing_moved(m):
    """Before the fault the value stood still."""
    state = np.zeros(1, spread.STATE)[0]
    state["Q"] = 1.0

    spread.go_back(state, m, 0.0, 20.0)

    assert float(state["q"]) == 0.0


def test_it_hears_from_the_first_days_on():
    """The first value, which differs from nothing, isn't remembered as very quiet."""
    loud = 20 + 10 * (noise(seed=2, times=20)[:, 0] - 20)

    early = max(fed([*QUIET[:500], *loud])[1][500:])

    assert early > 4
    assert fed(QUIET[:60])[1] == [0.0] * 60


def test_it_may_raise_by_itself_once_six_blocks_are_known():
    """What only this family sees, as a sensor that freezes, isn't averaged away by the others."""
    state, _ = fed(QUIET[:400])
    young, _ = fed(QUIET[:340])

    assert spread.surprise(state, 12.0) > 2
    assert spread.surprise(state, 1.0) < 0.7
    assert spread.surprise(young, 12.0) == 0.0


def test_a_block_in_which_a_known_fault_lies_is_left_out():
    """What a person has called a fault is nothing usual."""
    state, _ = fed(QUIET[:4000])
    usual = state["calibration"].copy()
    for n in range(4000, 4040):
        spread.learn(state, 40.0, n)

    spread.forget_block(state)
    for n in range(4040, 4050):
        spread.learn(state, 1.0, n)

    assert state["calibration"]["u"] <= usual["u"]
