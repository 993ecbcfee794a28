"""The alarm policy: which windows are strange enough to tell a person.

Never within 120 windows of the last alarm (age), but for what is said of that below. Then, by the settings,

    budget:  L >= log10(min(N / X, n / 50 c)) + r              L = max(L_S - log10(2), max(L_K, L_2) - log10(4))
    ranked:  R >= 0.58 (1 + 0.2 u + r / 3)                     R = max(P, L_K / 4, L_2 / 4)

with P of combination.py, L_S its S calibrated, L_K of spike.py, L_2 of spread.py. Three scores may raise: S has half of
the budget, and each of the others a quarter. A River model is one score: L = L_S, R = P.

N = 604800 / (50 D) is the number of 50-window blocks in a week, D a window's length in seconds, X the alarms a week
that this series may raise: the asset's budget divided by its sensors. More than one alarm in five blocks can't be asked
for: below log10(5) the score tells too little.

n / 50 is the number of blocks that this series has seen, and c = 0.02 an advance, which an asset's sensors share, too.
A budget of half an alarm a week is one block in 24,000 where windows have a second: for two weeks nothing could be far
enough beyond what was seen. The advance lets through what is fifty times as rare as anything that could have been seen
so far, but nothing below L = 2. It costs the sum of c / i over the blocks i until N / X of them are c of a false alarm:
at most a fifth of one in the life of an asset. Then the budget alone holds, from eight blocks on where windows have a
minute.

u counts recent alarms (u = u + 1 at an alarm, times exp(-1/1200) a window), so that a series that has just alarmed must
be stranger to alarm again, and an asset likewise (incident.py); only `ranked` needs it, the budget knows by itself.

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
    "L_OF_QUARTER",
    "L_PER_RANK",
    "RAISE",
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
L_OF_QUARTER = math.log10(4.0)
L_PER_RANK = 4.0
RANK_MIN = 0.58
REFRACTORY = 120  # windows
SOONER = 1.0  # in L
ADVANCE = 0.02  # c: false alarms
ADVANCE_L_MIN = 2.0
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
def threshold(state: Record, window_s: float, alarms_per_week: float, sensors: int, n: int) -> float:
    """The smallest L that raises; `window_s` = 0 takes the learned interval.

    Args:
        n: windows that were seen.
    """
    blocks_per_week = WEEK_S / (BLOCK * length_s(state, window_s))
    rare = math.log10(blocks_per_week * sensors / alarms_per_week)
    beyond_all = max(math.log10((n + 1) * sensors / (BLOCK * ADVANCE)), ADVANCE_L_MIN)
    return float(max(min(rare, beyond_all), LOG10_5) + state.raised_by)


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
