"""T(y), the tracker: where a quantity y usually is, how far it usually strays, and how strange a new y is.

    d = y - m                                     m = y at the first value
    sd = max(sqrt(v), 1e-9 |m| + 1e-12)           the floor: a constant's rounding noise is no deviation
    z = clip(d / sd, -50, 50)                     the score, by what was known before y

then y is learned, as a running mean and variance at first and with exponential weights later:

    d = clip(d, -10 sd, 10 sd)   from n = 100 on: one spike can't spoil the variance (winsorising)
    a = max(1/8000, 1/(n + 1))
    m = m + a d
    v = (1 - a) (v + a d^2)

n counts the values that were learned before. Every family of scores ends in a tracker of its own.

Catches: what is unlikely under a normal distribution whose mean and spread change slowly.
Misses: a y that is strange in its order or its company, and not in its size; what was usual within the last 8000
values.
Cost: 2 floats, some nanoseconds.
Source: T. Finch, Incremental calculation of weighted mean and variance, 2009.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import Record, inlined

__all__ = ["MEMORY", "STATE", "learn", "score", "sigma", "weight"]

STATE = np.dtype(
    [
        ("m", np.float64),  # mean of y
        ("v", np.float64),  # variance of y
    ],
    align=True,
)

MEMORY = 1.0 / 8000.0  # smallest weight of a new value
Z_MAX = 50.0  # beyond it all values are equally strange
WINSOR_SD = 10.0  # what is learned of an outlier
WINSOR_AFTER = 100  # values until sd is good enough to call something an outlier


@inlined
def weight(n: int, smallest: float) -> float:
    """Weight of a new value after n others: that of a running mean at first, `smallest` later."""
    return max(smallest, 1.0 / (n + 1))


@inlined
def sigma(m: float, v: float) -> float:
    """Standard deviation with its floor, so that nothing is divided by zero."""
    return max(math.sqrt(v), 1e-9 * abs(m) + 1e-12)


@inlined
def score(state: Record, y: float, n: int) -> float:
    """How many sigmas y is away from what is known, -50 to 50; 0 while nothing is known (n = 0)."""
    if n == 0:
        return 0.0
    return float(min(max((y - state.m) / sigma(state.m, state.v), -Z_MAX), Z_MAX))


@inlined
def learn(state: Record, y: float, n: int) -> None:
    """Take y into mean and variance, as the value after n others."""
    if n == 0:
        state.m = y
    d = y - state.m
    if n >= WINSOR_AFTER:
        widest = WINSOR_SD * sigma(state.m, state.v)
        d = min(max(d, -widest), widest)
    a = weight(n, MEMORY)
    state.m += a * d
    state.v = (1.0 - a) * (state.v + a * d * d)
