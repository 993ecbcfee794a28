"""The spread family: does the value move from window to window as much as it usually does?

    d = x - x_prev                                0 at the first value
    q = q + a (d^2 - q),   a = max(2/25, 1/(n + 1))
    Q = Q + b (d^2 - Q),   b = max(1/8000, 1/(n + 1))
    y = ln(q + 1e-4 Q + 1e-24)
    z2 = |T(y)|                                   T: see tracker.py

q is the mean square of the last two dozen differences, Q that of the long past: a ten-thousandth of it keeps y from
falling without end where the value stands still.

Catches: a sensor that gets noisy, and one that gets quiet or freezes: both are strange; a burst, a loose contact, a
valve that hunts.
Misses: a level that moves slowly, whatever the distance. In the first days nearly everything: the y of the first value,
-55, counts in v as one of n, so that the sd is 2.5 after 500 windows and 0.6 after 8000. A tracker that begins with the
second value hears more and ranks worse (68.3 for 71.3 points on NAB, whose files are short), so it stays.
Cost: 8 floats, a logarithm, some tens of nanoseconds.

A window that is judged but not learned moves `x_judged` and `judged` instead of x_prev and q, as in level.py.
"""

from __future__ import annotations

import math

import numpy as np

from detectors import tracker
from detectors.compiled import Record, inlined

__all__ = ["STATE", "difference", "go_back", "learn", "score"]

STATE = np.dtype(
    [
        ("x_prev", np.float64),  # newest learned value
        ("x_judged", np.float64),  # newest value, learned or not
        ("q", np.float64),  # mean square of the last differences of the learned windows
        ("judged", np.float64),  # the same with the windows since then that weren't learned
        ("Q", np.float64),  # mean square of the differences of the long past
        ("y", np.float64),  # of the newest value, learned or not
        ("tracker", tracker.STATE),  # of y
    ],
    align=True,
)

SMOOTHING = 2.0 / 25.0
LONG_SHARE = 1e-4
Y_FLOOR = 1e-24  # of a constant: ln needs something


@inlined
def difference(state: Record, x: float, n: int, learning: bool) -> float:  # noqa: FBT001 - compiled code knows no keywords
    """d: how far x is from the value before it; x takes that one's place."""
    d = 0.0
    if n > 0:
        d = x - (state.x_prev if learning else state.x_judged)
    if learning:
        state.x_prev = x
    state.x_judged = x
    return d


@inlined
def score(state: Record, d: float, n: int, learning: bool) -> float:  # noqa: FBT001 - compiled code knows no keywords
    """How many sigmas the differences' spread is away from its usual one, 0 to 50; d enters the smoothing."""
    a = tracker.weight(n, SMOOTHING)
    if learning:
        state.q += a * (d * d - state.q)
        state.Q += tracker.weight(n, tracker.MEMORY) * (d * d - state.Q)
        state.judged = state.q
    else:
        state.judged += a * (d * d - state.judged)
    state.y = math.log(state.judged + LONG_SHARE * state.Q + Y_FLOOR)
    return abs(tracker.score(state.tracker, state.y, n))


def go_back(state: Record, m: float, v: float, x: float) -> None:
    """Take this for the usual y and its variance, and x for the newest learned value; what was judged stays."""
    state["q"] = max(math.exp(m) - LONG_SHARE * float(state["Q"]) - Y_FLOOR, 0.0)
    state["x_prev"] = x
    state["tracker"] = (m, v)


@inlined
def learn(state: Record, n: int) -> None:
    """Take y into its tracker: after `score`, for a window that may be learned."""
    tracker.learn(state.tracker, state.y, n)
