"""Order: is a reading the newest of its series, a duplicate, out of order, or too late?

Event times of a series should rise. Networks repeat, delay and reorder; each reading therefore gets one of four
verdicts, in this order of questions:

    the first of its series                               accepted
    ts = newest ts                                        duplicate      (dropped)
    ts < newest ts − late_ms, or of a closed window       late           (dropped)
    ts < newest ts                                        out of order   (into its window and nowhere else)
    else                                                  accepted

Misses: a duplicate that isn't of the newest reading counts as out of order, and is in the mean of its window twice.
Cost: 16 bytes a series, some nanoseconds a reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contracts.settings import ResolvedAsset
from detectors.compiled import inlined

__all__ = ["ACCEPTED", "CONFIG", "DUPLICATE", "LATE", "OUT_OF_ORDER", "STATE", "config_of", "step"]

ACCEPTED, LATE, DUPLICATE, OUT_OF_ORDER = range(4)

STATE = np.dtype([("newest_ts", np.int64), ("begun", np.uint8)], align=True)
CONFIG = np.dtype([("late_ms", np.int64)], align=True)


def config_of(asset: ResolvedAsset) -> tuple[Any, ...]:
    """The values of CONFIG. Where each reading is a window of its own, an older one belongs to no open window."""
    return (asset.late_ms_max if asset.window_ms else 0,)


@inlined
def step(state: Any, config: Any, closed_until: int, ts: int) -> int:
    """The verdict on a reading; an accepted one is the newest from now on.

    Args:
        state: one record of STATE.
        config: one record of CONFIG.
        closed_until: readings before this time (ms) belong to windows that are closed.
        ts: event time of the reading (ms).
    """
    if state.begun:
        if ts == state.newest_ts:
            return DUPLICATE
        if ts < state.newest_ts:
            if ts < state.newest_ts - config.late_ms or ts < closed_until:
                return LATE
            return OUT_OF_ORDER
    state.begun = 1
    state.newest_ts = ts
    return ACCEPTED
