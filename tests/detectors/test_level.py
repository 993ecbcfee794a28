"""The level family: is the smoothed value where it has been before?"""

from __future__ import annotations

import numpy as np
import pytest

from detectors import level
from tests.detectors.closing import noise


def fed(values):
    """A level that has learned these values, and the last score."""
    state = np.zeros(1, level.STATE)[0]
    z = 0.0
    for n, value in enumerate(values):
        z = level.score(state, value, n, True)
        level.learn(state, n)
    return state, z


def test_a_step_is_strange_within_a_dozen_windows():
    """A sensor two sigmas off its level for twelve minutes is noticed."""
    quiet = noise(seed=1, times=500)[:, 0]

    _, before = fed(quiet)
    _, after = fed([*quiet, *noise(seed=2, times=12)[:, 0] + 2])

    assert before < 3
    assert after > 4


def test_one_spike_is_mostly_smoothed_away():
    """A single window off by three sigmas isn't a change of level."""
    quiet = noise(seed=1, times=500)[:, 0]

    _, z = fed([*quiet, 23.0])

    assert z < 3


def test_low_is_as_strange_as_high():
    """A pressure that falls is as interesting as one that rises."""
    quiet = 40.0 - noise(seed=1, times=500)[:, 0]

    _, up = fed([*quiet, *[25.0] * 5])
    _, down = fed([*(40.0 - quiet), *[15.0] * 5])

    assert up == pytest.approx(down)
    assert up > 5


def test_windows_that_arent_learned_leave_no_trace():
    """An uncertain stretch is judged, and the next good window goes on from before it."""
    state, _ = fed(noise(seed=1, times=300)[:, 0])
    s, known = float(state["s"]), state["tracker"].tobytes()

    scores = [level.score(state, 100.0, 300, False) for _ in range(5)]

    assert scores == sorted(scores)
    assert scores[-1] > 5
    assert (float(state["s"]), state["tracker"].tobytes()) == (s, known)
    assert level.score(state, s, 300, True) < 3
