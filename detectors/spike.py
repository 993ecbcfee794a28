"""The spike channel: has the value jumped, from one window to the next, as it seldom does?

    d = x - x_prev                                see spread.py
    z5 = |T(d)|                                   T: see tracker.py; 0 while n < 10
    L5 = the surprise of z5                       a calibration of its own, see calibration.py

The families are smoothed over windows and averaged, which is what keeps them quiet, and what dilutes a spike of one to
ten windows. This score is neither. It takes no part in S and P: it is a second way to an alarm where a budget is
kept, and each of the two may spend half of it (policy.py).

y, the maximum of z5 in a block of 50 windows, is usually higher than that of S, so that u begins at 3.

Catches: a spike, a dip, a step, in the window in which it comes; a sensor that jumps to full scale and back.
Misses: a jump of the size that the series often has; anything slow.
Cost: 8 floats, some nanoseconds.

A window that isn't learned is judged, and enters neither the tracker nor a block.
"""

from __future__ import annotations

import numpy as np

from detectors import calibration, tracker
from detectors.combination import BLOCK, UNKNOWING
from detectors.compiled import Record, inlined

__all__ = ["STATE", "forget_block", "fresh", "learn", "score"]

STATE = np.dtype(
    [
        ("tracker", tracker.STATE),  # of d
        ("calibration", calibration.STATE),  # of z5
        ("cur", np.float64),  # largest z5 of this block so far
    ],
    align=True,
)

U_FIRST = 3.0
E_FIRST = 0.5


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    calibration.fresh(state["calibration"], u=U_FIRST, e=E_FIRST)


@inlined
def score(state: Record, d: float, n: int) -> float:
    """z5: how many sigmas the difference d to the window before is away from the usual, 0 to 50."""
    if n < UNKNOWING:
        return 0.0
    return abs(tracker.score(state.tracker, d, n))


def forget_block(state: Record) -> None:
    """Leave out what the block that isn't over yet had as its maximum: a known fault, which is nothing usual."""
    state["cur"] = 0.0


@inlined
def learn(state: Record, d: float, z: float, n: int) -> None:
    """Take d into its tracker and z5 into its block: after `score`, for a window that may be learned."""
    tracker.learn(state.tracker, d, n)
    state.cur = max(state.cur, z)
    if n % BLOCK == BLOCK - 1:
        calibration.learn(state.calibration, state.cur)
        state.cur = 0.0
