"""The combination: from the families' scores z_i to S, how strange a window is, and P, how strange for this series.

    s0 = mean over the families of min(8, z_i)    while n < 10: z_i = 0
    S' = mean of the last min(4, n + 1) values of s0
    S = S' less what is usual at this hour        see hourly.py
    P = S / (1.5 + mean of the 16 peaks)          each peak is 0.3 at first

The peaks remember how high S has been before, so that a series that is often strange must be stranger to stand out:

    cur = max(cur, S)                             after the window was judged
    every 50 windows: each peak *= 0.5^(50/50000); the smallest becomes cur if cur is larger; cur starts anew

n counts the windows learned before. cur, the maximum of a block of 50 windows, is also what calibration.py learns
from.

Catches: several windows, or several families, that are strange together; P makes series comparable with one another.
Misses: one strange window is diluted by the three before it, and by the families that don't see it.
Cost: 21 short floats.

A window that is judged but not learned takes part in S'. The three learned windows after it still have it in theirs,
so they don't enter cur: nothing uncertain is learned from.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import Record, inlined

__all__ = ["BLOCK", "FAMILIES", "NO_BLOCK", "STATE", "forget_block", "fresh", "learn", "rank", "smooth"]

FAMILIES = ("level", "spread", "season", "shape")
"""In the order of their z_i."""

SPAN = 4  # windows that S' is the mean of
PEAKS = 16
BLOCK = 50  # windows
Z_CLIP = 8.0
CALM = 1.5
PEAK_FIRST = 0.3
UNKNOWING = 10  # windows before the first score counts
PEAK_KEPT = 0.5 ** (BLOCK / 50_000)

NO_BLOCK = -1.0
"""Says that no block has ended, or that all its windows were tainted; S is never negative."""

STATE = np.dtype(
    [
        ("recent", np.float32, (SPAN,)),  # ring of s0
        ("cur", np.float32),  # largest S of this block so far
        ("peaks", np.float32, (PEAKS,)),
        ("filled", np.uint8),  # entries of the ring, 0 to 4
        ("next", np.uint8),  # place in the ring
        ("tainted", np.uint8),  # learned windows until no uncertain one is in the ring
    ],
    align=True,
)


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    state["cur"] = NO_BLOCK
    state["peaks"] = PEAK_FIRST


@inlined
def smooth(state: Record, z_total: float, families: int, n: int, learning: bool) -> float:  # noqa: FBT001
    """S' after this window; `z_total` is the sum of min(8, z_i) over the families."""
    state.recent[state.next] = 0.0 if n < UNKNOWING else z_total / families
    state.next = (state.next + 1) % SPAN
    if state.filled < SPAN:
        state.filled += 1
    if not learning:
        state.tainted = SPAN
    elif state.tainted > 0:
        state.tainted -= 1
    total = 0.0
    for i in range(state.filled):
        total += float(state.recent[i])
    return float(total / state.filled)


@inlined
def rank(state: Record, s: float) -> float:
    """P of this S."""
    total = 0.0
    for i in range(PEAKS):
        total += float(state.peaks[i])
    return s / (CALM + total / PEAKS)


def forget_block(state: Record) -> None:
    """Leave out what the block that isn't over yet had as its maximum: a known fault, which is no usual peak."""
    state["cur"] = NO_BLOCK


@inlined
def learn(state: Record, s: float, n: int) -> float:
    """Remember S, after judging it; at a block's end return the block's maximum of S, else NO_BLOCK."""
    if state.tainted == 0:
        state.cur = max(state.cur, s)
    if n % BLOCK != BLOCK - 1:
        return NO_BLOCK
    smallest = 0
    for i in range(PEAKS):
        state.peaks[i] = state.peaks[i] * PEAK_KEPT
        if state.peaks[i] < state.peaks[smallest]:
            smallest = i
    block_max = float(state.cur)
    state.peaks[smallest] = max(state.peaks[smallest], block_max)
    state.cur = NO_BLOCK
    return block_max
