"""The incident: the one anomaly of an asset with several sensors, in place of an alarm for each of them.

Two things speak for one: the sensors no longer go together as always (L_g, group.py), and they find their own values
strange: many of them a little (L_c, consensus.py), or one of them very much,

    L_1 = max over the sensors of L_i - log10 p - 0.3            L_i: of all its scores, see policy.py; p: sensors

where log10 p is for having asked p of them, and 0.3 for having asked L_c, too. Either of the two alone is common; the
score of the asset is their geometric mean,

    A = 1.15 sqrt(max(L_g, 0) max(L_c, L_1, 0))

so that 10^-A estimates the share of 50-row blocks in which it gets this high (1.15 as measured). An incident begins
with the first of three rows in a row in which one of the sensors is in its own alarm state (episode.py) and

    budget:  A >= log10(min(N / X, n / 50 c)) + r       see policy.py; at least 1.3 + r; X is the asset's, n its rows
    ranked:  A >= 1.6 + 0.2 u + r                       u: its recent incidents, see policy.py

and goes on while the group is in alarm and one of the sensors is. It is over

    calm    after three rows in which that isn't so
    held    after 600 rows, or when the group has taken what is for usual

and while a person's word stands that it is true, by calm only.

Catches: faults that show in sensors and in how they go together.
Misses: one that leaves the sensors' company as it is; one of which no sensor's own history shows anything; what is
over after two rows.
Cost: two times and some counts.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import Record, inlined

__all__ = [
    "ABANDONED",
    "ACTIVE",
    "BEGINS",
    "CONFIRMED",
    "ENDED_ABANDONED",
    "ENDED_CALM",
    "ENDED_HELD",
    "GOES_ON",
    "OVER",
    "RANKED",
    "STATE",
    "THRESHOLD_MIN",
    "alone",
    "score",
    "step",
]

STATE = np.dtype(
    [
        ("onset", np.int64),  # start of the row that began it, ms since the epoch
        ("held", np.int32),  # rows since then
        ("calm", np.uint8),
        ("confirmed", np.uint8),  # by a person; only while it is active
        ("status", np.uint8),  # OVER, ACTIVE or ABANDONED
        ("reached", np.uint8),  # rows in a row in which one could begin, to the newest
        ("since", np.int64),  # start of the first of them
    ],
    align=True,
)

OVER, ACTIVE, ABANDONED = 0, 1, 2
"""ABANDONED: the asset's sensors are others by the settings. The next window ends it."""

GOES_ON, ENDED_CALM, ENDED_HELD, ENDED_ABANDONED, BEGINS = 0, 1, 2, 3, 4

RANKED = 1.6
THRESHOLD_MIN = 1.3  # below it A says little
CONFIRMED = 3  # rows
AS_BLOCKS = 1.15
FOR_ASKING_TWICE = 0.3
CALM = 3  # rows
HELD_MAX = 600  # rows


@inlined
def alone(loudest: float, sensors: int) -> float:
    """L_1, of the largest L that one of so many sensors has by itself."""
    return loudest - math.log10(max(1.0, float(sensors))) - FOR_ASKING_TWICE


@inlined
def score(apart: float, agreed: float, alone: float) -> float:
    """A, of L_g, L_c and L_1."""
    return AS_BLOCKS * math.sqrt(max(apart, 0.0) * max(agreed, alone, 0.0))


@inlined
def step(
    state: Record,
    onset: int,
    reached: bool,  # noqa: FBT001 - compiled code knows no keywords
    together: bool,  # noqa: FBT001
    sensors: int,
    usual: bool,  # noqa: FBT001
) -> int:
    """Take in the next row of the asset: GOES_ON (also where no incident is), BEGINS, or why it ended.

    Args:
        onset: the row's start; an incident's is that of the first row in which it could begin.
        reached: A has reached its threshold.
        together: the group is in alarm.
        sensors: how many of the sensors are.
        usual: the group has taken what is for usual.
    """
    if state.status != ACTIVE:
        if usual or not reached or sensors == 0:
            state.reached = 0
            return GOES_ON
        if state.reached == 0:
            state.since = onset
        state.reached += 1
        if state.reached < CONFIRMED:
            return GOES_ON
        state.status, state.onset, state.held, state.calm, state.confirmed = ACTIVE, state.since, 0, 0, 0
        state.reached = 0
        return BEGINS
    state.held += 1
    state.calm = 0 if together and sensors > 0 else state.calm + 1
    if state.calm >= CALM:
        state.status, state.confirmed = OVER, 0
        return ENDED_CALM
    if usual or (state.held > HELD_MAX and state.confirmed == 0):
        state.status, state.confirmed = OVER, 0
        return ENDED_HELD
    return GOES_ON
