"""The shape family: has the value's course of the last 48 windows been seen before, and that of the last 144?

    mx, vx        long-term mean and variance of x, learned first: a = max(1e-4, 1/(n + 1));
                  d = x - mx (mx = x at the first value);  mx = mx + a d;  vx = (1 - a)(vx + a d^2)
    w = clip((x - mx) / sqrt(vx), -10, 10)        0 where sqrt(vx) <= 1e-12

Each 6 learned windows make a block, B_j the mean of its w. A pattern is 8 blocks, and the newest one is compared with
those that end at e, from max(7, j - 136) to j - 9: at most 128 of them, and none overlaps the newest. With 4 or more

    y = min over e of sqrt(sum over i = 0..7 of (B_(j-i) - B_(e-i))^2)
    z = clip((y - m) / max(sqrt(v), 1e-3 |m| + 1e-9), 0, 50)          from the sixth y on
    then a = max(6/8000, 1/(k + 1));  d = y - m (m = y at the first);  m = m + a d;  v = (1 - a)(v + a d^2)

k counts the y before. z holds until the next block. Only far is strange: a pattern can't be too well known.

Three blocks make a coarse block, C_j the mean of their B, and the same is asked of these, of at most 96 patterns, with
a = max(18/8000, 1/(k + 1)) and from the 31st y on: these come when the series' warm-up is over, and the spread of a few
is a guess. The stranger of the two is the family's score:

    z4 = max(z of B, z of C)

A cycle of more than 48 windows is never seen whole by the first, and what comes again after more than 768 is forgotten
by it. The second sees 144, and remembers 1728.

The patterns overlap, so that 128 of them are 144 numbers and not 1024: in 16 bits, as multiples of 1/3000.

Catches: a course that never was like this: a cycle left out, cut short or doubled, a plateau where there is a swing, at
values that are all usual.
Misses: what lasts less than a block or two; whatever repeats in more than 1728 windows; a shape that comes at another
level.
Cost: 600 bytes; some 0.2 us a window, all of it at the end of a block.
Source: E. Keogh, J. Lin, A. Fu, HOT SAX: efficiently finding the most unusual time series subsequence, 2005 (distance
to the nearest other as strangeness; here against the past alone).

A window that isn't learned is in no block.
"""

from __future__ import annotations

import math

import numpy as np

from contracts.readings import Rows
from detectors import tracker
from detectors.compiled import Record, inlined

__all__ = ["STATE", "held", "retold", "step"]

SPAN = 6  # windows in a block
COARSER = 3  # blocks in a coarse block
LENGTH = 8  # blocks in a pattern
PATTERNS = 128
PATTERNS_COARSE = 96
CANDIDATES_MIN = 4
LONG = 1e-4
W_MAX = 10.0
SD_MIN = 1e-12
KNOWN = 5  # y before the first z
KNOWN_COARSE = 30
MEMORY = SPAN * tracker.MEMORY
Z_MAX = 50.0
PER_ONE = 3000.0  # 16 bits hold B times this


def _scale(patterns: int) -> np.dtype[np.void]:
    """What is kept of blocks of one length."""
    return np.dtype(
        [
            ("m", np.float64),  # mean of y
            ("v", np.float64),  # its variance
            ("z", np.float64),  # which holds
            ("k", np.int32),  # y that were learned
            ("blocks", np.int32),  # that were ever full; stops at as many as are kept
            ("B", np.int16, (patterns + 2 * LENGTH,)),  # times 3000, the newest last
        ],
        align=True,
    )


STATE = np.dtype(
    [
        ("mx", np.float64),  # long-term mean of x
        ("vx", np.float64),  # its variance
        ("total", np.float64),  # of w in the block that isn't full
        ("fine", _scale(PATTERNS)),
        ("coarse", _scale(PATTERNS_COARSE)),
    ],
    align=True,
)


def retold(states: Rows, saved: Rows) -> None:
    """Take over, in place, what was saved when there was one length of blocks; the coarse ones begin afresh.

    Args:
        states, saved: shape (series,), the same series.
    """
    fine = states["fine"]
    for name in ("m", "v", "z", "k", "blocks"):
        fine[name] = saved[name]
    fine["B"] = np.rint(saved["B"] * PER_ONE)


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
        _enter(state.fine, state.total / SPAN, KNOWN, MEMORY)
        state.total = 0.0
        if n % (COARSER * SPAN) == COARSER * SPAN - 1:
            _enter(state.coarse, _newest(state.fine), KNOWN_COARSE, COARSER * MEMORY)
    return held(state)


@inlined
def held(state: Record) -> float:
    """z4 of the newest learned window."""
    return float(max(state.fine.z, state.coarse.z))


@inlined
def _newest(scale: Record) -> float:
    """Mean of the newest blocks that are as long as a coarse one."""
    kept = scale.B.shape[0]
    total = 0
    for i in range(kept - COARSER, kept):
        total += scale.B[i]
    return float(total / (COARSER * PER_ONE))


@inlined
def _enter(scale: Record, mean: float, known: int, memory: float) -> None:
    """A block is full."""
    kept = scale.B.shape[0]
    for i in range(kept - 1):
        scale.B[i] = scale.B[i + 1]
    scale.B[kept - 1] = round(mean * PER_ONE)
    scale.blocks = min(scale.blocks + 1, kept)
    candidates = scale.blocks - 2 * LENGTH
    if candidates >= CANDIDATES_MIN:
        _judge(scale, _nearest(scale, candidates), known, memory)


@inlined
def _nearest(scale: Record, candidates: int) -> float:
    """y: the distance of the newest pattern to the nearest of those before."""
    newest = scale.B.shape[0] - LENGTH
    nearest = math.inf
    for first in range(newest - LENGTH - candidates, newest - LENGTH):
        total = 0.0
        for i in range(LENGTH):
            away = float(scale.B[newest + i]) - float(scale.B[first + i])
            total += away * away
        nearest = min(nearest, total)
    return math.sqrt(nearest) / PER_ONE


@inlined
def _judge(scale: Record, y: float, known: int, memory: float) -> None:
    k = scale.k
    if k == 0:
        scale.m = y
    d = y - scale.m
    if k >= known:
        scale.z = min(max(d / max(math.sqrt(scale.v), 1e-3 * abs(scale.m) + 1e-9), 0.0), Z_MAX)
    a = tracker.weight(k, memory)
    scale.m += a * d
    scale.v = (1.0 - a) * (scale.v + a * d * d)
    scale.k = k + 1
