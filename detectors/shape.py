"""The shape family: has the value's course of the last 48 windows been seen before?

    mx, vx        long-term mean and variance of x, learned first: a = max(1e-4, 1/(n + 1));
                  d = x - mx (mx = x at the first value);  mx = mx + a d;  vx = (1 - a)(vx + a d^2)
    w = clip((x - mx) / sqrt(vx), -10, 10)        0 where sqrt(vx) <= 1e-12

Each 6 learned windows make a block, B_j the mean of its w. A pattern is 8 blocks, and the newest one is compared with
those that end at e, from max(7, j - 136) to j - 9: at most 128 of them, and none overlaps the newest. With 4 or more

    y = min over e of sqrt(sum over i = 0..7 of (B_(j-i) - B_(e-i))^2)
    z4 = clip((y - m) / max(sqrt(v), 1e-3 |m| + 1e-9), 0, 50)         from the sixth y on
    then a = max(6/8000, 1/(k + 1));  d = y - m (m = y at the first);  m = m + a d;  v = (1 - a)(v + a d^2)

k counts the y before. z4 holds until the next block. Only far is strange: a pattern can't be too well known.

The patterns overlap, so that 128 of them are 144 numbers and not 1024.

Catches: a course that never was like this: a cycle left out, cut short or doubled, a plateau where there is a swing, at
values that are all usual.
Misses: what lasts less than a block or two; whatever repeats in more than 768 windows; a shape that comes at another
level.
Cost: 600 bytes; some 0.15 us a window, all of it at the end of a block.
Source: E. Keogh, J. Lin, A. Fu, HOT SAX: efficiently finding the most unusual time series subsequence, 2005 (distance
to the nearest other as strangeness; here against the past alone).

A window that isn't learned is in no block.
"""

from __future__ import annotations

import math

import numpy as np

from detectors import tracker
from detectors.compiled import Record, inlined

__all__ = ["STATE", "step"]

SPAN = 6  # windows in a block
LENGTH = 8  # blocks in a pattern
PATTERNS = 128
KEPT = PATTERNS + 2 * LENGTH  # blocks
CANDIDATES_MIN = 4
LONG = 1e-4
W_MAX = 10.0
SD_MIN = 1e-12
KNOWN = 5  # y before the first z
MEMORY = SPAN * tracker.MEMORY
Z_MAX = 50.0

STATE = np.dtype(
    [
        ("mx", np.float64),  # long-term mean of x
        ("vx", np.float64),  # its variance
        ("total", np.float64),  # of w in the block that isn't full
        ("m", np.float64),  # mean of y
        ("v", np.float64),  # its variance
        ("z", np.float64),  # z4, which holds
        ("k", np.int32),  # y that were learned
        ("blocks", np.int32),  # that were ever full; stops at KEPT
        ("B", np.float32, (KEPT,)),  # the newest last
    ],
    align=True,
)


@inlined
def step(state: Record, x: float, n: int) -> float:
    """Take x in, as the value after n others; return z4, 0 to 50: 0 until there is one."""
    if n == 0:
        state.mx = x
    d = x - state.mx
    a = tracker.weight(n, LONG)
    state.mx += a * d
    state.vx = (1.0 - a) * (state.vx + a * d * d)
    sd = math.sqrt(state.vx)
    if sd > SD_MIN:
        state.total += min(max((x - state.mx) / sd, -W_MAX), W_MAX)
    if n % SPAN == SPAN - 1:
        for i in range(KEPT - 1):
            state.B[i] = state.B[i + 1]
        state.B[KEPT - 1] = state.total / SPAN
        state.total = 0.0
        state.blocks = min(state.blocks + 1, KEPT)
        candidates = state.blocks - 2 * LENGTH
        if candidates >= CANDIDATES_MIN:
            _judge(state, _nearest(state, candidates))
    return float(state.z)


@inlined
def _nearest(state: Record, candidates: int) -> float:
    """y: the distance of the newest pattern to the nearest of those before."""
    nearest = math.inf
    newest = KEPT - LENGTH
    for first in range(newest - LENGTH - candidates, newest - LENGTH):
        total = 0.0
        for i in range(LENGTH):
            away = float(state.B[newest + i]) - float(state.B[first + i])
            total += away * away
        nearest = min(nearest, total)
    return math.sqrt(nearest)


@inlined
def _judge(state: Record, y: float) -> None:
    k = state.k
    if k == 0:
        state.m = y
    d = y - state.m
    if k >= KNOWN:
        state.z = min(max(d / max(math.sqrt(state.v), 1e-3 * abs(state.m) + 1e-9), 0.0), Z_MAX)
    a = tracker.weight(k, MEMORY)
    state.m += a * d
    state.v = (1.0 - a) * (state.v + a * d * d)
    state.k = k + 1
