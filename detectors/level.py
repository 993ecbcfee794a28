"""The level family: is the value, smoothed over a dozen windows, where it has been before?

    s = s + a (x - s),   a = max(2/13, 1/(n + 1))
    z1 = |T(s)|                                   T: see tracker.py

x is the window's mean, n the number of windows learned before. 2/13 is the weight of an exponential mean that spans
12 windows.

Catches: a step, a ramp, a sensor off its usual level in either direction.
Misses: a spike of one or two windows (2/13 of it gets through), a change of spread at the same level, a value that is
usual at another hour of the day.
Cost: 4 floats, some nanoseconds.

A window that is judged but not learned moves `judged` instead of s. So a stretch of uncertain windows is judged as
any other, and leaves no trace in what is learned: the next good window goes on from s.
"""

from __future__ import annotations

import numpy as np

from detectors import tracker
from detectors.compiled import Record, inlined

__all__ = ["STATE", "go_back", "learn", "score"]

STATE = np.dtype(
    [
        ("s", np.float64),  # smoothed value of the learned windows
        ("judged", np.float64),  # the same with the windows since then that weren't learned
        ("tracker", tracker.STATE),  # of s
    ],
    align=True,
)

SMOOTHING = 2.0 / 13.0


@inlined
def score(state: Record, x: float, n: int, learning: bool) -> float:  # noqa: FBT001 - compiled code knows no keywords
    """How many sigmas the smoothed value is away from its usual place, 0 to 50; x enters the smoothing."""
    a = tracker.weight(n, SMOOTHING)
    if learning:
        state.s += a * (x - state.s)
        state.judged = state.s
    else:
        state.judged += a * (x - state.judged)
    return abs(tracker.score(state.tracker, state.judged, n))


def go_back(state: Record, m: float, v: float) -> None:
    """Take this for the usual place and variance, and go on learning from there; `judged` stays where it is."""
    state["s"] = m
    state["tracker"] = (m, v)


@inlined
def learn(state: Record, n: int) -> None:
    """Take the smoothed value into its tracker: after `score`, for a window that may be learned."""
    tracker.learn(state.tracker, state.s, n)
