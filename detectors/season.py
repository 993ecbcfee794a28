"""The season family: is the value where it usually is at this hour of the day?

    g = g + a (x - g),       a = max(1/1000, 1/(n + 1))
    r = x - mu_b             b: this hour of the day, mu_b: its usual value, see profile.py
    r = x - g                in an hour that is seen for the first time
    rho = rho + c (r - rho), c = max(2/6, 1/(n + 1))
    z3 = |T(rho)|            T: see tracker.py

mu_b is learned after x was judged by it.

Catches: a value that is usual at another hour: the night's consumption at noon, a machine that didn't start its shift.
Misses: weekdays, shifts, batches: what repeats in another rhythm than a day.
Cost: 5 floats beside the profile, some nanoseconds.

A window that is judged but not learned moves `judged` instead of rho, as in level.py, and g not at all.
"""

from __future__ import annotations

import numpy as np

from detectors import tracker
from detectors.compiled import Record, inlined

__all__ = ["STATE", "go_back", "learn", "score"]

STATE = np.dtype(
    [
        ("g", np.float64),  # mean of the last thousand values
        ("rho", np.float64),  # smoothed residual of the learned windows
        ("judged", np.float64),  # the same with the windows since then that weren't learned
        ("tracker", tracker.STATE),  # of rho
    ],
    align=True,
)

LONG = 1.0 / 1000.0
SMOOTHING = 2.0 / 6.0


@inlined
def score(
    state: Record,
    profile: Record,
    b: int,
    x: float,
    n: int,
    learning: bool,  # noqa: FBT001 - compiled code knows no keywords
) -> float:
    """How many sigmas the smoothed residual of x in hour b is away from its usual place, 0 to 50.

    `profile` is read only.
    """
    if learning:
        state.g += tracker.weight(n, LONG) * (x - state.g)
    visited = profile.c[b] > 0
    r = x - profile.mu[b] if visited else x - state.g if n > 0 else 0.0
    a = tracker.weight(n, SMOOTHING)
    if learning:
        state.rho += a * (r - state.rho)
        state.judged = state.rho
    else:
        state.judged += a * (r - state.judged)
    return abs(tracker.score(state.tracker, state.judged, n))


def go_back(state: Record) -> None:
    """Go on learning from the usual residual, as if the newest windows hadn't been; what was judged stays."""
    state["rho"] = state["tracker"]["m"]


@inlined
def learn(state: Record, n: int) -> None:
    """Take the smoothed residual into its tracker: after `score`, for a window that may be learned."""
    tracker.learn(state.tracker, state.rho, n)
