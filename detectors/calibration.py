"""The calibrated score L: -log10 of the share of 50-window blocks in which S gets this high.

y is the maximum of S in a block. u is y's 80 % quantile, followed by a stochastic approximation; above u the excess
is taken as exponential with mean e:

    L = log10(5) + (S - u) / (e ln 10)            for S > u
    L = log10(5) S / u                            else

so that 10^-L estimates P(block maximum >= S). At a block's end:

    a = max(1/200, 1/c)                           c: blocks, from 10 on
    w = w + a (|y - u| - w)                       the step's width follows the spread of y
    y > u:   e = max(0.05, e + max(1/40, 1/ce) (y - u - e));   u = u + 1.6 a w
    else:    u = u - 0.4 a w                      up 1.6 in one of five blocks, down 0.4 in four
    u = max(u, 1e-3)

Catches: what makes scores of different series comparable as rates, so that "at most X alarms a week" can be promised.
Misses: tails heavier than exponential (up to four times the promised rate where they come with strong
autocorrelation).
Cost: 5 floats, learned once in 50 windows.
Source: H. Robbins and S. Monro, A stochastic approximation method, 1951; J. Pickands, Statistical inference using
extreme order statistics, 1975 (the excess over a high threshold; here with shape 0).
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import Record, inlined

__all__ = ["LOG10_5", "STATE", "fresh", "learn", "surprise"]

STATE = np.dtype(
    [
        ("u", np.float64),  # 80 % quantile of the block maxima
        ("e", np.float64),  # mean excess above it
        ("w", np.float64),  # mean |y - u|
        ("c", np.float64),  # blocks, from 10
        ("ce", np.float64),  # blocks above u, from 2
    ],
    align=True,
)

LOG10_5 = math.log10(5.0)
LN_10 = math.log(10.0)
E_MIN = 0.05
U_MIN = 1e-3


def fresh(state: Record, *, u: float = 1.8, e: float = 0.3) -> None:
    """Set what doesn't start at zero; u and e as they are guessed."""
    state["u"], state["e"], state["w"], state["c"], state["ce"] = u, e, e, 10.0, 2.0


@inlined
def surprise(state: Record, s: float) -> float:
    """L of this S, by the blocks so far."""
    if s > state.u:
        return float(LOG10_5 + (s - state.u) / (state.e * LN_10))
    return float(LOG10_5 * s / state.u)


@inlined
def learn(state: Record, y: float) -> None:
    """Take in the maximum y of a block that has ended."""
    state.c += 1.0
    a = max(1.0 / 200.0, 1.0 / state.c)
    state.w += a * (abs(y - state.u) - state.w)
    if y > state.u:
        state.ce += 1.0
        excess = y - state.u
        state.e = max(E_MIN, state.e + max(1.0 / 40.0, 1.0 / state.ce) * (excess - state.e))
        state.u += 1.6 * a * state.w
    else:
        state.u -= 0.4 * a * state.w
    state.u = max(state.u, U_MIN)
