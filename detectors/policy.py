"""The alarm policy: which windows are strange enough to tell a person.

Never within 120 windows of the last alarm (age), but for what is said of that below. Then, by the settings,

    budget:  L >= log10(N / X), at least log10(5), + r         L = max(L_S, L_K) - log10(2)
    ranked:  R >= 0.58 (1 + 0.2 u + r / 3)                     R = max(P, L_K / 4)

with P of combination.py, L_S its S calibrated, L_K of spike.py. Two scores may raise, and each has half of the budget:
hence the 2. A River model is one score: L = L_S, R = P.

N = 604800 / (50 D) is the number of 50-window blocks in a week, D a window's length in seconds, X the alarms a week
that this series may raise: the asset's budget divided by its sensors. More than one alarm in five blocks can't be asked
for: below log10(5) the score tells too little. u counts recent alarms (u = u + 1 at an alarm, times exp(-1/1200) a
window), so that a series that has just alarmed must be stranger to alarm again; only `ranked` needs it, the budget
knows by itself.

r is what people have raised this series' own threshold by. Each alarm that a person calls false adds 0.3, to at most
1.5; it halves in 30 days of data (the lengths of the windows that were judged, so time without data doesn't count), and
is forgotten below 0.01. In L, 0.3 halves the rate of alarms that is asked for. In R it is a tenth of 0.58: about
what 0.3 of L is where the excess e (calibration.py) is 0.3 and the peaks' mean 2.5, as they often are.

In the first 150 windows the policy runs, and nothing is told: early scores are optimistic, because nothing was seen
yet.

A budget has an exception: once the alarm is over, what is ten times as rare as is asked for, L >= threshold + 1, raises
again at once. A small false alarm must not hide the large true one that follows; it costs a tenth of the budget at
most.

Where every reading is a window of its own, D is the learned interval of the series:

    D = D + max(1/1000, 1/n) (dt - D)                 dt at most 10 D after the tenth: a gap isn't an interval

Catches: nothing by itself.
Misses: a second anomaly within 120 windows of the first, unless it is far stranger than need be.
Cost: 3 floats and a count.
"""

from __future__ import annotations

import math

import numpy as np

from detectors import tracker
from detectors.calibration import LOG10_5
from detectors.combination import BLOCK
from detectors.compiled import Record, inlined

__all__ = [
    "L_OF_HALF",
    "L_PER_RANK",
    "RANK_MIN",
    "REFRACTORY",
    "SOONER",
    "STATE",
    "WARMUP",
    "age_by_one",
    "fresh",
    "learn_interval",
    "length_s",
    "raise_by_one",
    "rank_threshold",
    "step",
    "threshold",
]

STATE = np.dtype(
    [
        ("u", np.float64),  # recent alarms
        ("interval_s", np.float64),  # learned time between two windows
        ("raised_by", np.float64),  # r, in L
        ("age", np.int32),  # windows since the last alarm
    ],
    align=True,
)

L_OF_HALF = math.log10(2.0)
L_PER_RANK = 4.0
RANK_MIN = 0.58
REFRACTORY = 120  # windows
SOONER = 1.0  # in L
WARMUP = 150  # windows
RAISE = 0.2
RAISED_BY_ONE = 0.3
RAISED_MAX = 1.5
RAISED_MIN = 0.01
RAISED_IN_P = 1.0 / 3.0
RAISED_HALF_LIFE_S = 30 * 86_400.0
U_KEPT = math.exp(-1.0 / 1200.0)
AGE_MAX = 1_000_000_000
WEEK_S = 604_800.0
INTERVAL_S_MIN = 1e-3
GAP = 10.0  # intervals


def fresh(state: Record) -> None:
    """Set what doesn't start at zero."""
    state["age"] = AGE_MAX


def raise_by_one(state: Record) -> None:
    """A person called an alarm of this series false."""
    state["raised_by"] = min(float(state["raised_by"]) + RAISED_BY_ONE, RAISED_MAX)


@inlined
def length_s(state: Record, window_s: float) -> float:
    """How much time a window stands for; `window_s` = 0 takes the learned interval."""
    return float(max(window_s if window_s > 0.0 else state.interval_s, INTERVAL_S_MIN))


@inlined
def learn_interval(state: Record, elapsed_s: float, n: int) -> None:
    """Take in the time between the window before and this one, which comes after n >= 1 others."""
    if n > GAP:
        elapsed_s = min(elapsed_s, GAP * state.interval_s)
    state.interval_s += tracker.weight(n - 1, 1e-3) * (elapsed_s - state.interval_s)


@inlined
def threshold(state: Record, window_s: float, alarms_per_week: float, sensors: int) -> float:
    """The smallest L that raises; `window_s` = 0 takes the learned interval."""
    blocks_per_week = WEEK_S / (BLOCK * length_s(state, window_s))
    return float(max(math.log10(blocks_per_week * sensors / alarms_per_week), LOG10_5) + state.raised_by)


@inlined
def rank_threshold(state: Record) -> float:
    """The smallest R that raises."""
    return float(RANK_MIN * (1.0 + RAISE * state.u + RAISED_IN_P * state.raised_by))


@inlined
def step(state: Record, score: float, smallest: float, at_once: float) -> bool:
    """Whether this window raises: its score (L or R) reaches `smallest`, and the last alarm is long enough ago.

    What reaches `at_once` needn't wait; infinity: everything has to.
    """
    alarm = (score >= smallest and state.age >= REFRACTORY) or score >= at_once
    if alarm:
        state.age = 0
        state.u += 1.0
    return alarm


@inlined
def age_by_one(state: Record, window_s: float) -> None:
    """A window has passed; before `step`."""
    state.u *= U_KEPT
    if state.raised_by > 0.0:
        state.raised_by *= 0.5 ** (length_s(state, window_s) / RAISED_HALF_LIFE_S)
        if state.raised_by < RAISED_MIN:
            state.raised_by = 0.0
    state.age = min(state.age + 1, AGE_MAX)
