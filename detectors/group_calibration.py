"""L of an asset's scores: -log10 of the share of 50-row blocks in which a score gets this high.

As calibration.py for the scores of series, with an exponential tail: y is the maximum of s in a block, u follows its
80 % quantile and e the mean excess above it:

    L = log10(5) + (s - u) / (e ln 10)            for s > u
    L = log10(5) s / u                            else

    a = max(1/200, 1/c)                           at a block's end; c: blocks
    w = w + a (min(|y - u|, 3 w + 0.3) - w)       a fault that is learned as a block moves u by no more than this
    y > u:   e = max(0.05, e + max(1/40, 1/ce) (y - u - e));   u = u + 1.6 a w
    else:    u = u - 0.4 a w
    u = max(u, 1e-3)

Catches: nothing by itself.
Misses: tails heavier than exponential; but the logarithm of T2 or SPE, which is what is calibrated here, has none.
Cost: 5 floats, learned once in a block.
Source: as calibration.py.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import Record, inlined

__all__ = ["BLOCK", "STATE", "fresh", "learn", "surprise"]

STATE = np.dtype(
    [
        ("u", np.float64),  # 80 % quantile of the block maxima
        ("e", np.float64),  # mean excess above it
        ("w", np.float64),  # mean |y - u|
        ("c", np.float64),  # blocks, and what is known beforehand
        ("ce", np.float64),  # blocks above u
    ],
    align=True,
)

BLOCK = 50  # rows
LOG10_5 = math.log10(5.0)
LN_10 = math.log(10.0)
E_FIRST = 0.3
E_MIN = 0.05
U_MIN = 1e-3


def fresh(state: Record, *, u: float, c: float, ce: float) -> None:
    """Set what is taken for usual beforehand, and how many blocks that is worth."""
    state["u"], state["e"], state["w"], state["c"], state["ce"] = u, E_FIRST, E_FIRST, c, ce


@inlined
def surprise(state: Record, s: float) -> float:
    """L of this score, by the blocks so far."""
    if s > state.u:
        return float(LOG10_5 + (s - state.u) / (state.e * LN_10))
    return float(LOG10_5 * s / state.u)


@inlined
def learn(state: Record, y: float) -> None:
    """Take in the maximum y of a block that has ended."""
    state.c += 1.0
    a = max(1.0 / 200.0, 1.0 / state.c)
    state.w += a * (min(abs(y - state.u), 3.0 * state.w + E_FIRST) - state.w)
    if y > state.u:
        state.ce += 1.0
        excess = y - state.u
        state.e = max(E_MIN, state.e + max(1.0 / 40.0, 1.0 / state.ce) * (excess - state.e))
        state.u += 1.6 * a * state.w
    else:
        state.u -= 0.4 * a * state.w
    state.u = max(state.u, U_MIN)
