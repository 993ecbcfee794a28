"""The calibrated score L: -log10 of the share of 50-window blocks in which a score gets this high.

y is the maximum of the score s in a block. u is a quantile of y, followed by a stochastic approximation: four of five
blocks stay below it. The tail above u is generalised Pareto, of scale sigma and shape xi:

    L = L_u s / u                                            for s <= u
    L = L_u + ln(1 + xi (s - u) / sigma) / (xi ln 10)        else; L_u + (s - u) / (sigma ln 10) where xi <= 1e-3

so that 10^-L estimates P(maximum of 50 windows >= s). At a block's end:

    y' = min(y, the s of L = 2.4)                 what would be an anomaly doesn't spoil the tail
    w = w + a (|y' - u| - w)                      a = max(1/memory, 1/c);  c: blocks, from 3 on
    y > u:   x = y' - u
             e = max(0.05, e + a_e (x - e))       a_e = max(1/excesses, 1/ce);  ce: blocks above u, from 2 on
             b = b + a_b (min(x, x_lag) - b)      a_b = max(1/excesses, 1/(pairs + 2))
             u = u + 1.6 a w
    else:    u = u - 0.4 a w                      up 1.6 in one of five blocks, down 0.4 in four
    u = max(u, 1e-3)

e is the mean excess, and b the mean of the smaller of two: half of it is the first probability-weighted moment, so that
nothing need be sorted or kept. From them, with k = min(pairs, excesses) and b within 0.05 e to 0.95 e:

    xi = clip((k (2 - e / (e - b)) + 20 xi_0) / (k + 20) + margin, 0, 0.8)
    sigma = e (1 - xi)

The three scores that are calibrated differ in what is best for them:

    |       | block | L_u     | memory | excesses | u at first | e, w | xi_0, xi | margin | x_lag             |
    | S     | 50    | log10 5 | 400    | 80       | 1.2        | 0.3  | 0        | 0.25   | x before the last |
    | K     | 10    | 0       | 1000   | 200      | 2.0        | 0.5  | 0.2      | 0.15   | the last x        |
    | z2    | 50    | log10 5 | 400    | 80       | 2.0        | 0.5  | 0.2      | 0.1    | the last x        |

S is that of combination.py, K that of spike.py, z2 that of spread.py. The margin is for what excesses can't tell yet of
the rarest: a tail that is a little too light breaks a budget, one that is a little too heavy costs a little.
Neighbouring blocks of S depend on each other, which makes a tail look light: hence the lag. A River model's S strays
further: its u is 2.2 at first.

Catches: what makes scores of different series comparable as rates, so that "at most X alarms a week" can be promised.
Misses: the heaviest tails, up to one and a half times the promised rate; in the first 1500 windows more.
Cost: 36 bytes a score; learned once in a block.
Source: H. Robbins and S. Monro, A stochastic approximation method, 1951; J. Pickands, Statistical inference using
extreme order statistics, 1975; J. Hosking and J. Wallis, Parameter and quantile estimation for the generalized Pareto
distribution, 1987 (probability-weighted moments).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.compiled import Record, inlined

__all__ = [
    "COUNT_FIRST",
    "COUNT_MAX",
    "LOG10_5",
    "STATE",
    "TAIL_OF_K",
    "TAIL_OF_S",
    "TAIL_OF_Z",
    "U_OF_MODEL",
    "Tail",
    "fresh",
    "learn",
    "surprise",
]

STATE = np.dtype(
    [
        ("u", np.float32),  # 80 % quantile of the block maxima
        ("w", np.float32),  # mean |y' - u|
        ("e", np.float32),  # mean excess above u
        ("b", np.float32),  # mean of the smaller of two excesses
        ("xi", np.float32),  # shape of the tail
        ("x", np.float32, (2,)),  # the last excess, and the one before it; below 0: there was none
        ("c", np.uint16),  # blocks; stops at COUNT_MAX, as the others
        ("ce", np.uint16),  # blocks above u
        ("pairs", np.uint16),  # pairs of excesses
    ],
    align=True,
)

LOG10_5 = math.log10(5.0)
LN_10 = math.log(10.0)
E_MIN = 0.05
U_MIN = 1e-3
XI_MIN = 1e-3
XI_MAX = 0.8
PRIOR = 20.0  # pairs that xi_0 counts as
L_LEARNED_MAX = 2.4
COUNT_FIRST = 3
COUNT_MAX = 60_000


class Tail(NamedTuple):
    """What is particular to one of the scores: all floats, which compiled code takes as constants."""

    l_u: float
    memory: float  # blocks
    excesses: float
    u: float
    e: float
    xi: float
    margin: float
    lag: float  # 1 or 2 excesses


TAIL_OF_S = Tail(l_u=LOG10_5, memory=400.0, excesses=80.0, u=1.2, e=0.3, xi=0.0, margin=0.25, lag=2.0)
U_OF_MODEL = 2.2
"""At first, where S is a River model's alone: one score strays further than the mean of four."""
TAIL_OF_K = Tail(l_u=0.0, memory=1000.0, excesses=200.0, u=2.0, e=0.5, xi=0.2, margin=0.15, lag=1.0)
TAIL_OF_Z = Tail(l_u=LOG10_5, memory=400.0, excesses=80.0, u=2.0, e=0.5, xi=0.2, margin=0.1, lag=1.0)


def fresh(state: Record, tail: Tail = TAIL_OF_S) -> None:
    """Set what doesn't start at zero."""
    state["u"], state["e"], state["w"] = tail.u, tail.e, tail.e
    state["b"] = tail.e * (1.0 - tail.xi) / (2.0 - tail.xi)
    state["xi"] = tail.xi
    state["x"] = -1.0
    state["c"], state["ce"] = COUNT_FIRST, 2


@inlined
def surprise(state: Record, s: float, tail: Tail = TAIL_OF_S) -> float:
    """L of this score, by the blocks so far."""
    u = float(state.u)
    if s <= u:
        return float(tail.l_u * s / u)
    xi = float(state.xi)
    away = (s - u) / (float(state.e) * (1.0 - xi))
    return tail.l_u + (math.log(1.0 + xi * away) / xi if xi > XI_MIN else away) / LN_10


@inlined
def learn(state: Record, y: float, tail: Tail = TAIL_OF_S) -> None:
    """Take in the maximum y of a block that has ended."""
    xi, u = float(state.xi), float(state.u)
    span = (L_LEARNED_MAX - tail.l_u) * LN_10
    highest = u + float(state.e) * (1.0 - xi) * ((math.exp(xi * span) - 1.0) / xi if xi > XI_MIN else span)
    kept = min(y, highest)  # y'
    state.c = min(state.c + 1, COUNT_MAX)
    a = max(1.0 / tail.memory, 1.0 / state.c)
    w = float(state.w)
    w += a * (abs(kept - u) - w)
    state.w = w
    if y > u:
        _learn_excess(state, kept - u, tail)
        state.u = max(u + 1.6 * a * w, U_MIN)
    else:
        state.u = max(u - 0.4 * a * w, U_MIN)


@inlined
def _learn_excess(state: Record, x: float, tail: Tail) -> None:
    state.ce = min(state.ce + 1, COUNT_MAX)
    e, b = float(state.e), float(state.b)
    e = max(E_MIN, e + max(1.0 / tail.excesses, 1.0 / state.ce) * (x - e))
    before = float(state.x[0] if tail.lag == 1.0 else state.x[1])
    if before >= 0.0:
        state.pairs = min(state.pairs + 1, COUNT_MAX)
        b += max(1.0 / tail.excesses, 1.0 / (state.pairs + 2.0)) * (min(x, before) - b)
    state.x[1] = state.x[0]
    state.x[0] = x
    state.e, state.b = e, b
    b = max(0.05 * e, min(0.95 * e, b))
    k = min(float(state.pairs), tail.excesses)
    shape = (k * (2.0 - e / (e - b)) + PRIOR * tail.xi) / (k + PRIOR) + tail.margin
    state.xi = min(max(shape, 0.0), XI_MAX)
