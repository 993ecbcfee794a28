"""The alarm state: from the window that raises to the one in which the series is back at what was normal before.

When an alarm starts and none is active, mean and variance of the two watched quantities y_a and y_b are kept as they
were before this window was learned: m_a*, v_a*, m_b*, v_b*. For each later window

    r = |y - m*| / sqrt(v* + 1e-24);   peak = max(peak, r)          of each of the two
    calm = calm + 1 if r < max(3, 0.4 peak), for both, else 0

and the state ends when calm reaches 12 (who was far away is back sooner than at 3 sd), or when it has been held for
more than 480 windows: then what was strange is the new normal. A further alarm inside keeps the snapshot. Meanwhile the
detectors go on learning: freezing them ruins detection (measured: 71 to 58 points on NAB), so the snapshot gives the
duration.

y_a is the smoothed value (level.py) and y_b that of spread.py; under a River model y_a is its score and there is no
y_b.

An alarm that a person calls *true* is confirmed: the m* and v* are what is normal again, nothing of the series is
learned until the alarm ends, and it ends by calm within 3 sd only. What is known to be a fault never becomes the new
normal, however long it lasts; a person can take the word back.

Cost: 6 floats, a time and two counts.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import Record, inlined

__all__ = [
    "ABANDONED",
    "ACTIVE",
    "CALM",
    "ENDED_ABANDONED",
    "ENDED_CALM",
    "ENDED_HELD",
    "GOES_ON",
    "HELD_MAX",
    "OVER",
    "STATE",
    "begin",
    "off",
    "step",
    "watch_too",
]

STATE = np.dtype(
    [
        ("onset", np.int64),  # start of the window that raised, ms since the epoch
        ("m", np.float64),  # m_a*
        ("v", np.float64),  # v_a*
        ("m_b", np.float64),
        ("v_b", np.float64),
        ("peak", np.float32),
        ("peak_b", np.float32),
        ("held", np.int32),  # windows since then
        ("calm", np.uint8),
        ("confirmed", np.uint8),  # by a person; only while it is active
        ("status", np.uint8),  # OVER, ACTIVE or ABANDONED
        ("pair", np.uint8),  # y_b is watched, too
        ("found_by", np.uint8),  # which family led when it began
    ],
    align=True,
)

OVER, ACTIVE, ABANDONED = 0, 1, 2
"""ABANDONED: what it watched no longer exists, because the settings name another model. The next window ends it."""

CALM_SD = 3.0
CALM_OF_PEAK = 0.4
PEAK_MAX = 1e6
CALM = 12  # windows
HELD_MAX = 480  # windows

GOES_ON, ENDED_CALM, ENDED_HELD, ENDED_ABANDONED = 0, 1, 2, 3


@inlined
def begin(state: Record, onset: int, m: float, v: float, found_by: int) -> None:
    """An alarm starts, in the window that starts at `onset`; m and v of y_a are from before it was learned."""
    state.onset, state.m, state.v, state.held, state.calm, state.status = onset, m, v, 0, 0, ACTIVE
    state.confirmed, state.pair, state.found_by = 0, 0, found_by
    state.peak = state.peak_b = 0.0


@inlined
def watch_too(state: Record, m_b: float, v_b: float) -> None:
    """The alarm that has just begun is over only when y_b is calm, too."""
    state.m_b, state.v_b, state.pair = m_b, v_b, 1


@inlined
def off(y: float, m: float, v: float) -> bool:
    """Whether y is away from what was normal before the alarm."""
    return not _distance(y, m, v) < CALM_SD


@inlined
def _distance(y: float, m: float, v: float) -> float:
    """r, at most 1e6; that too where y is no number."""
    r = abs(y - m) / math.sqrt(v + 1e-24)
    return min(PEAK_MAX, r)


@inlined
def step(state: Record, y_a: float, y_b: float) -> int:
    """Take in both y of the next window: GOES_ON (also where no alarm is), or why the alarm ended."""
    if state.status != ACTIVE:
        return GOES_ON
    state.held += 1
    of_peak = CALM_OF_PEAK if state.confirmed == 0 else 0.0
    r = _distance(y_a, state.m, state.v)
    state.peak = max(state.peak, r)
    restless = r >= max(CALM_SD, of_peak * state.peak)
    if state.pair != 0:
        r = _distance(y_b, state.m_b, state.v_b)
        state.peak_b = max(state.peak_b, r)
        restless = restless or r >= max(CALM_SD, of_peak * state.peak_b)
    state.calm = 0 if restless else state.calm + 1
    if state.calm >= CALM:
        state.status = OVER
        state.confirmed = 0
        return ENDED_CALM
    if state.held > HELD_MAX and state.confirmed == 0:
        state.status = OVER
        return ENDED_HELD
    return GOES_ON
