"""The day's profile: what a series usually reads in each hour of the day.

    b = hour of the day of t, 24 bins (UTC: a constant shift of the clock changes nothing)
    a = max(1 - 0.7^h, 1/(c_b + 1))               h: hours since the window before, 0 to 1
    mu_b = mu_b + a (x - mu_b)
    c_b = c_b + 1

So a bin takes up 0.3 of what an hour of data in it says, whatever the sampling rate: 0.3 a day.

    offset(b) = mu_b - mean of mu                 once all 24 bins were visited, 0 before

x - offset is the value freed from its daily course.

Catches nothing by itself; season.py, spike.py and drift.py stand on it.
Misses: weekdays, shifts, batches: any period other than a day.
Cost: 24 floats and 24 small counts, an exponential per window.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import Record, inlined

__all__ = ["BINS", "STATE", "complete", "hour", "hours", "learn", "offset"]

BINS = 24

STATE = np.dtype(
    [
        ("mu", np.float64, (BINS,)),
        ("c", np.uint16, (BINS,)),  # stops at 65535: by then 0.7^h decides, save for windows under 0.2 s
        ("visited", np.uint8),  # bins with c > 0
    ],
    align=True,
)

HOUR_MS = 3_600_000
LN_KEPT_PER_HOUR = math.log(0.7)
VISITS_MAX = 65_535


@inlined
def hour(ts_ms: int) -> int:
    """Hour of the day (UTC), 0 to 23, of a time in ms since the epoch."""
    return (ts_ms // HOUR_MS) % BINS


@inlined
def hours(elapsed_ms: int) -> float:
    """h: what a window counts in its hour, 0 to 1; `elapsed_ms` is the time since the window before."""
    return min(max(elapsed_ms, 0), HOUR_MS) / HOUR_MS


@inlined
def complete(state: Record) -> bool:
    """Whether every hour of the day was seen, so that the hours can be compared."""
    return bool(state.visited == BINS)


@inlined
def offset(state: Record, b: int) -> float:
    """How much higher than on the day's average the series usually is in hour b; 0 until `complete`."""
    if state.visited < BINS:
        return 0.0
    total = 0.0
    for i in range(BINS):
        total += state.mu[i]
    return float(state.mu[b] - total / BINS)


@inlined
def learn(state: Record, b: int, x: float, elapsed_ms: int) -> None:
    """Take x into hour b; `elapsed_ms` is the time since the series' window before (an hour for the first)."""
    h = hours(elapsed_ms)
    visits = state.c[b]
    if visits == 0:
        state.visited += 1
    a = max(1.0 - math.exp(LN_KEPT_PER_HOUR * h), 1.0 / (visits + 1.0))
    state.mu[b] += a * (x - state.mu[b])
    if visits < VISITS_MAX:
        state.c[b] = visits + 1
