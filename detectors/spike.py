"""The spike channel: has the value jumped, from one window to the next, as it seldom does?

    f = |x - x_prev|                              see spread.py
    scale = 0.4 G + 0.6 min(h_b, 4 G)             b: hour of the day, seen in 20 windows or more; else G
    K = min(1000, f / (1.2533 scale + 1e-9 |x| + 1e-12))          0 up to n = 10
    L_K = the surprise of K                       by a calibration of its own, see calibration.py

G is the usual f, and h_b that of this hour; f / (1.2533 scale) is in sigmas where x is normal. Learned afterwards:

    f' = min(f, 5 * 1.2533 G) from n = 100 on
    G = G + max(1/8000, 1/(n + 1)) (f' - G)
    h_b = h_b + max(1 - 0.85^h, 1/(c_b + 1)) (f' - h_b)           h, c_b: see profile.py

A mean of |d| stays put under heavy tails, where one of d^2 doesn't; and web traffic is quieter at night.

The families are smoothed over windows and averaged, which is what keeps them quiet, and what dilutes a spike of one to
ten windows. K is neither. It takes no part in S: it is a second way to an alarm, and where a budget is kept each of
the two may spend half of it (policy.py).

Catches: a spike, a dip, a step, in the window in which it comes; a sensor that jumps to full scale and back.
Misses: a jump of the size that the series often has; anything slow.
Cost: 144 bytes with the calibration, some 20 ns.

A window that isn't learned is judged, and enters neither G, h nor a block.
"""

from __future__ import annotations

import math

import numpy as np

from detectors import calibration, profile, tracker
from detectors.compiled import Record, inlined

__all__ = ["STATE", "forget_block", "fresh", "learn", "score"]

STATE = np.dtype(
    [
        ("G", np.float64),  # mean f
        ("cur", np.float32),  # largest K of this block so far
        ("calibration", calibration.STATE),  # of K
        ("h", np.float32, (profile.BINS,)),  # mean f of each hour; below 0: unknown
    ],
    align=True,
)

BLOCK = 10  # windows
UNKNOWING = 10  # windows before the first score counts
VISITS_MIN = 20
OF_THE_HOUR = 0.6
HOUR_MAX = 4.0  # times G
PER_SIGMA = 1.2533  # mean |d| to standard deviation, of a normal d: sqrt(pi / 2)
K_MAX = 1000.0
WINSOR_SD = 5.0
LN_KEPT_PER_HOUR = math.log(0.85)


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    state["h"] = -1.0
    calibration.fresh(state["calibration"], calibration.TAIL_OF_K)


@inlined
def score(state: Record, hours: Record, b: int, x: float, d: float, n: int) -> float:
    """K of the difference d to the window before, in hour b; `hours` is the day's profile."""
    if n <= UNKNOWING:
        return 0.0
    scale = state.G
    if hours.c[b] >= VISITS_MIN and state.h[b] >= 0.0:
        scale = (1.0 - OF_THE_HOUR) * state.G + OF_THE_HOUR * min(float(state.h[b]), HOUR_MAX * state.G)
    return float(min(abs(d) / (PER_SIGMA * scale + 1e-9 * abs(x) + 1e-12), K_MAX))


def forget_block(state: Record) -> None:
    """Leave out what the block that isn't over yet had as its maximum: a known fault, which is nothing usual."""
    state["cur"] = 0.0


@inlined
def learn(state: Record, hours: Record, b: int, d: float, k: float, n: int, elapsed_ms: int) -> None:
    """Take d, and its score K, in: after `score`, before the profile learns, for a window that may be learned."""
    f = abs(d)
    if n >= tracker.WINSOR_AFTER:
        f = min(f, WINSOR_SD * PER_SIGMA * state.G)
    visits = float(hours.c[b])
    if state.h[b] < 0.0 and visits == 0.0:
        state.h[b] = f
    elif state.h[b] < 0.0 and n >= VISITS_MIN:  # the profile is older than this channel
        state.h[b] = state.G
    if state.h[b] >= 0.0:
        a = max(1.0 - math.exp(LN_KEPT_PER_HOUR * profile.hours(elapsed_ms)), 1.0 / (visits + 1.0))
        state.h[b] += a * (f - state.h[b])
    state.G += tracker.weight(n, tracker.MEMORY) * (f - state.G)
    state.cur = max(state.cur, k)
    if n % BLOCK == BLOCK - 1:
        calibration.learn(state.calibration, float(state.cur), calibration.TAIL_OF_K)
        state.cur = 0.0
