"""The consensus: do many sensors of an asset find their own values strange at the same time?

    M = mean over the sensors that are present of clip(L_i, 0, 4)       L_i: of S, see calibration.py

Once the group judges, those count that it knows: one that has just joined is strange to itself at first.

How unusual an M is for this asset is learned from its block maxima (group_calibration.py), from the 300th row on, and
also while there is an alarm: L_c. Until the first block is over nothing is known, and L_c is 0.

Catches: what shows a little in many sensors.
Misses: what shows in few of many.
Spikes of single windows aren't asked for: with them it is slightly worse.

Cost: 7 numbers an asset.
"""

from __future__ import annotations

import numpy as np

from detectors import group_calibration
from detectors.compiled import Record, inlined

__all__ = ["L_MAX", "STATE", "fresh", "step"]

STATE = np.dtype(
    [
        ("tail", group_calibration.STATE),
        ("cur", np.float64),  # largest M of this block so far
        ("rows", np.int64),  # learned
    ],
    align=True,
)

L_MAX = 4.0
FIRST = 300  # rows: until then the sensors' own L say little


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    group_calibration.fresh(state["tail"], u=group_calibration.U_MIN, c=1.0, ce=2.0)


@inlined
def step(state: Record, mean: float, learning: bool) -> float:  # noqa: FBT001 - compiled code knows no keywords
    """L_c of this M, by what was known before; M is learned if it may be."""
    known = state.rows >= FIRST + group_calibration.BLOCK
    agreed = group_calibration.surprise(state.tail, mean) if known else 0.0
    if not learning:
        return agreed
    state.rows += 1
    if state.rows <= FIRST:
        return agreed
    state.cur = max(state.cur, mean)
    if (state.rows - FIRST) % group_calibration.BLOCK == 0:
        if known:
            group_calibration.learn(state.tail, state.cur)
        else:
            state.tail.u = max(state.cur, group_calibration.U_MIN)
        state.cur = 0.0
    return agreed
