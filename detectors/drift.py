"""Drift: has the level moved and stayed? Two-sided Page-Hinkley on the value freed from its daily course.

    r = x - offset                                see profile.py

Reference phase, 500 windows, at the start and after each drift: mean m and variance v of r,
cx = sum of (r_i - r_(i-1))^2. At its end

    rho = clip(1 - cx / (499 * 2 v), 0, 0.95)     how much a value resembles the one before
    f = (1 + rho) / (1 - rho)                     by which sums of such values stray more

Then, for each window, with U = U_min = D = D_max = mean = 0 and count = 500 at first:

    z = clip((r - m) / sd, -4, 4)                 sd as in tracker.py
    count = count + 1;  mean = mean + (z - mean) / count
    U = U + z - mean - 0.25;   U_min = min(U_min, U)
    D = D + z - mean + 0.25;   D_max = max(D_max, D)
    drift when U - U_min > 20 f or D_max - D > 20 f

The move is dated back to when U was last at U_min (D at D_max). The drift is active from its detection to the end of
the reference phase that follows: by then the new normal is learned.

In the first three days of a series nothing is detected: a daily course isn't known yet, and its flanks would be taken
for drifts. The reference starts anew then, and also when the 24th hour of the day is visited, because r changes its
meaning.

Catches: a step of one sigma within some 25 windows in white noise (76 at autocorrelation 0.5, 520 at 0.9), slow
ramps; a false one in 50,000 windows or fewer.
Misses: a return within the reference phase; in strong autocorrelation steps of half a sigma; a slow change of spread.
Cost: 10 floats, 3 times, a count; some nanoseconds.
Source: E. S. Page, Continuous inspection schemes, 1954; D. V. Hinkley, Inference about the change-point from
cumulative sum tests, 1971. The factor f: without it every such test floods where values resemble their neighbours.
"""

from __future__ import annotations

import numpy as np

from detectors import tracker
from detectors.compiled import Record, inlined

__all__ = ["DRIFTED", "LEARNED", "QUIET", "REFERENCE", "STATE", "WAIT_MS", "begin", "ready", "start_over", "step"]

STATE = np.dtype(
    [
        ("count", np.int64),  # windows since the reference phase began
        ("m", np.float64),
        ("v", np.float64),
        ("cx", np.float64),
        ("r_prev", np.float64),
        ("f", np.float64),
        ("mean", np.float64),  # of z
        ("U", np.float64),
        ("U_min", np.float64),
        ("D", np.float64),
        ("D_max", np.float64),
        ("rise", np.int64),  # end of the window at which U was U_min, ms since the epoch
        ("fall", np.int64),  # end of the window at which D was D_max
        ("onset", np.int64),  # of the drift that is active
        ("active", np.uint8),
        ("mode", np.uint8),  # WAITING, RAW or CENTRED
    ],
    align=True,
)

REFERENCE = 500  # windows
WAIT_MS = 3 * 86_400_000
RHO_MAX = 0.95
Z_CLIP = 4.0
SLACK = 0.25  # sigmas that a level may be off
LIMIT = 20.0

WAITING, RAW, CENTRED = 0, 1, 2
QUIET, DRIFTED, LEARNED = 0, 1, 2


@inlined
def start_over(state: Record) -> None:
    """Begin the reference phase."""
    state.count, state.m, state.v, state.cx = 0, 0.0, 0.0, 0.0


@inlined
def begin(state: Record, onset: int) -> None:
    """A drift became active: its level moved at `onset`."""
    state.active = 1
    state.onset = onset
    start_over(state)


@inlined
def ready(state: Record, age_ms: int, centred: bool) -> None:  # noqa: FBT001 - compiled code knows no keywords
    """Before each window: how long the series is known, and whether its daily course is."""
    mode = WAITING if age_ms < WAIT_MS else CENTRED if centred else RAW
    if mode > state.mode:
        state.mode = mode
        start_over(state)


@inlined
def _refer(state: Record, r: float, end_ms: int) -> int:
    if state.count > 0:
        state.cx += (r - state.r_prev) ** 2
    state.r_prev = r
    state.count += 1
    d = r - state.m
    state.m += d / state.count
    state.v += (d * (r - state.m) - state.v) / state.count
    if state.count < REFERENCE:
        return QUIET
    rho = 0.0
    if state.v > 0.0:
        rho = min(max(1.0 - state.cx / ((REFERENCE - 1) * 2.0 * state.v), 0.0), RHO_MAX)
    state.f = (1.0 + rho) / (1.0 - rho)
    state.mean, state.U, state.U_min, state.D, state.D_max = 0.0, 0.0, 0.0, 0.0, 0.0
    state.rise = state.fall = end_ms
    learned = state.active == 1
    state.active = 0
    return LEARNED if learned else QUIET


@inlined
def step(state: Record, r: float, end_ms: int) -> int:
    """Take in r of the window that ends at `end_ms`: QUIET, DRIFTED, or LEARNED when an active drift has ended."""
    if state.count >= REFERENCE and state.mode == WAITING:
        start_over(state)
    if state.count < REFERENCE:
        return _refer(state, r, end_ms)
    z = min(max((r - state.m) / tracker.sigma(state.m, state.v), -Z_CLIP), Z_CLIP)
    state.count += 1
    state.mean += (z - state.mean) / state.count
    state.U += z - state.mean - SLACK
    if state.U_min >= state.U:
        state.U_min = state.U
        state.rise = end_ms
    state.D += z - state.mean + SLACK
    if state.D_max <= state.D:
        state.D_max = state.D
        state.fall = end_ms
    limit = LIMIT * state.f
    if state.U - state.U_min > limit:
        begin(state, state.rise)
        return DRIFTED
    if state.D_max - state.D > limit:
        begin(state, state.fall)
        return DRIFTED
    return QUIET
