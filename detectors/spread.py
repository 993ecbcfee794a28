"""The spread family: does the value move from window to window as much as it usually does?

    d = x - x_prev                                0 at the first value
    q = q + a (d^2 - q),   a = max(2/25, 1/(n + 1))
    Q = Q + b (d^2 - Q),   b = max(1/8000, 1/(n + 1))
    y = ln(q + 1e-4 Q + 1e-24)
    z2 = |T(y)|                                   T: see tracker.py; it takes y from n = 30 on; z2 = 0 before n = 60

q is the mean square of the last two dozen differences, Q that of the long past: a ten-thousandth of it keeps y from
falling without end where the value stands still. T begins late because the first value differs from nothing: its y, of
-55, would make everything look usual for days.

A sensor that gets quiet or freezes shows in no other family, so that z2 is a way to an alarm by itself, as a spike is:

    L_2 = the surprise of z2                      by a calibration of its own, see calibration.py; 0 for six blocks

In S (combination.py) it is one of four, and there it is heard more softly while little is known of y, as

    z2 sqrt(v / (v + 3000 / (n + 1)))             v: variance of y, in T

because a spread that was seen for a day has not shown how it can change (measured: as loud as the others from the start
it costs 1 point on NAB and 0.01 of F1 on SKAB).

Catches: a sensor that gets noisy, and one that gets quiet or freezes: both are strange; a burst, a loose contact, a
valve that hunts.
Misses: a level that moves slowly, whatever the distance.
Cost: 8 floats and a calibration, a logarithm, some tens of nanoseconds.

A window that is judged but not learned moves `x_judged` and `judged` instead of x_prev and q, as in level.py, and
enters no block.
"""

from __future__ import annotations

import math

import numpy as np

from detectors import calibration, tracker
from detectors.compiled import Record, inlined

__all__ = ["BLOCK", "STATE", "difference", "forget_block", "fresh", "go_back", "learn", "score", "softened", "surprise"]

STATE = np.dtype(
    [
        ("x_prev", np.float64),  # newest learned value
        ("x_judged", np.float64),  # newest value, learned or not
        ("q", np.float64),  # mean square of the last differences of the learned windows
        ("judged", np.float64),  # the same with the windows since then that weren't learned
        ("Q", np.float64),  # mean square of the differences of the long past
        ("y", np.float64),  # of the newest value, learned or not
        ("tracker", tracker.STATE),  # of y
        ("cur", np.float32),  # largest z2 of this block so far
        ("calibration", calibration.STATE),  # of z2
    ],
    align=True,
)

SMOOTHING = 2.0 / 25.0
LONG_SHARE = 1e-4
Y_FLOOR = 1e-24  # of a constant: ln needs something
UNKNOWING = 30  # windows before y is taken into T
UNSURE = 60  # windows before the first score counts
LITTLE_KNOWN = 3000.0  # variance of y times windows
BLOCK = 50  # windows
BLOCKS_MIN = 6.0  # until z2 says something by itself


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    state["cur"] = 0.0
    calibration.fresh(state["calibration"], calibration.TAIL_OF_Z)


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
    return abs(tracker.score(state.tracker, state.y, n - UNKNOWING)) if n >= UNSURE else 0.0


@inlined
def softened(state: Record, z: float, n: int) -> float:
    """What of z2 is heard in S."""
    v = state.tracker.v
    return float(z * math.sqrt(v / (v + LITTLE_KNOWN / (n + 1))))


@inlined
def surprise(state: Record, z: float) -> float:
    """L_2 of this z2, by what was known before."""
    if state.calibration.c < calibration.COUNT_FIRST + BLOCKS_MIN:
        return 0.0
    return calibration.surprise(state.calibration, z, calibration.TAIL_OF_Z)


def forget_block(state: Record) -> None:
    """Leave out what the block that isn't over yet had as its maximum: a known fault, which is nothing usual."""
    state["cur"] = 0.0


def go_back(state: Record, m: float, v: float, x: float) -> None:
    """Take this for the usual y and its variance, and x for the newest learned value; what was judged stays."""
    state["q"] = max(math.exp(m) - LONG_SHARE * float(state["Q"]) - Y_FLOOR, 0.0)
    state["x_prev"] = x
    state["tracker"] = (m, v)


@inlined
def learn(state: Record, z: float, n: int) -> None:
    """Take y into its tracker, and its score z2 into the block: after `score`, for a window that may be learned."""
    if n < UNKNOWING:
        return
    tracker.learn(state.tracker, state.y, n - UNKNOWING)
    state.cur = max(state.cur, z)
    if n % BLOCK == BLOCK - 1:
        if n > BLOCK:
            calibration.learn(state.calibration, float(state.cur), calibration.TAIL_OF_Z)
        state.cur = 0.0
