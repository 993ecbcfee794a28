"""What is usual at an hour of the day: as strange as the series always is at this hour is nothing to tell.

    when hour b is over:    E_b = E_b + 0.3 (largest S' in it - E_b)            in steps of 1/30
    S = S' - max(0, E_b - 2 mean of E)                                          at least 0

S' is that of combination.py before this, and E_b what it usually comes to in hour b of the day, 0 at first. An hour
that isn't twice as restless as the hours are on average has nothing taken off: so that S stays S' for every series
whose strange windows don't keep hours, and an hour that was strange once is as good as any other after some days.

The other hours are judged the better for it: what comes each night is no longer among the peaks, and in no tail.

Catches nothing by itself: it keeps quiet of the backup each night, the start of the shift, the daily flush.
Misses: what happens at the hour of something usual and is no stranger than that; weekdays, and any other period.
Cost: 32 bytes, two dozen additions of small numbers in the hours of which something is known.

An hour is over when the first window of another hour is learned, however much later. A window that isn't learned, and
the three after it (combination.py), are in no hour's largest. The hour in which an alarm lies that a person calls true
is left out.
"""

from __future__ import annotations

import numpy as np

from detectors import profile
from detectors.compiled import Record, inlined

__all__ = ["STATE", "beyond", "forget_hour", "learn"]

RATE = 0.3  # a day
RESTLESS = 2.0  # times the mean of the hours
PER_ONE = 30.0  # 8 bits hold E times this; S' is at most 8

STATE = np.dtype(
    [
        ("cur", np.float32),  # largest S' of the hour that isn't over
        ("E", np.uint8, (profile.BINS,)),  # times 30
        ("open", np.uint8),  # the hour that isn't over, from 1; 0: none
    ],
    align=True,
)


@inlined
def beyond(state: Record, b: int, s: float) -> float:
    """S, of an S' in hour b."""
    usual = int(state.E[b])
    if usual == 0:
        return s
    total = 0
    for i in range(profile.BINS):
        total += int(state.E[i])
    off = (usual - RESTLESS * total / profile.BINS) / PER_ONE
    return max(0.0, s - max(0.0, off))


@inlined
def learn(state: Record, b: int, s: float) -> None:
    """Take in S' of a window in hour b, after it was judged."""
    if state.open != b + 1:
        if state.open > 0:
            before = float(state.E[state.open - 1])
            state.E[state.open - 1] = round(before + RATE * (PER_ONE * float(state.cur) - before))
        state.open = b + 1
        state.cur = 0.0
    state.cur = max(state.cur, s)


def forget_hour(state: Record) -> None:
    """Leave out the hour that isn't over yet: what was in it is a known fault."""
    state["open"] = 0
