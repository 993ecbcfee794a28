"""Does the machine run? What its sensors read while it doesn't is none of their usual behaviour.

One sensor of the asset tells, by `running` in the settings: the machine runs while the value v of its newest accepted
reading is usable and

    min <= v <= max

A *spell* at rest lasts from just after the last reading that said that it runs, because it may have stopped at any time
since then, to the first one that says so again; after it come `settle_s` seconds for the machine to settle. A window
that touches the spell, or those seconds, is not closed: it never was, as one without a reading. So nothing of it is
judged or learned, by any learned detector; the next window follows the last one in which the machine ran. A reading in
it begins no flat stretch, and a stretch that has begun is forgotten (flatline.py). Limits, rates of change and silence
are looked at all the while: a boiler that is off may still be too hot.

Until its running sensor has spoken, and while that is silent, an asset is taken for what was known last; at first that
it runs.

Only the newest spell is remembered. A window is asked at each of its readings and when it closes, so it can't miss an
earlier one unless it has no reading in it, and two more begin before the sensor speaks again.

Catches: the night, the weekend, the stop for want of material; the warming-up after it.
Misses: a machine that idles at full speed; where each reading is a window of its own, those that come between the stop
and the first word of it: such sensors should be no slower than the others, and come before them in a message. Where
they come after them, a window more is left out after the start.
Cost: 32 bytes an asset, some nanoseconds a reading of an asset that has such a sensor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from contracts.readings import Rows
from contracts.settings import ResolvedAsset
from detectors.compiled import inlined

__all__ = ["CONFIG", "STATE", "config_of", "hear", "rests", "settle"]

STATE = np.dtype(
    [
        ("ran_ts", np.int64),  # of the newest reading that said that it runs
        ("since", np.int64),  # first moment of the newest spell, ms since the epoch
        ("until", np.int64),  # first moment after it, once it is over
        ("ran", np.uint8),  # ran_ts is one
        ("rested", np.uint8),  # since is one
        ("rests", np.uint8),  # the spell lasts
    ],
    align=True,
)
"""Of an asset."""
CONFIG = np.dtype(
    [
        ("min", np.float64),  # in the unit of the sensor that tells
        ("max", np.float64),
        ("settle_ms", np.int64),
        ("watched", np.uint8),  # some sensor of the asset tells whether it runs
        ("tells", np.uint8),  # this one does
    ],
    align=True,
)
"""Of a series."""

_BEGINNING = np.iinfo(np.int64).min


def config_of(asset: ResolvedAsset, sensor: str) -> tuple[Any, ...]:
    """The values of CONFIG."""
    if (running := asset.running) is None:
        return (-math.inf, math.inf, 0, 0, 0)
    low = -math.inf if running.min is None else running.min
    high = math.inf if running.max is None else running.max
    return (low, high, round(running.settle_s * 1000), 1, int(sensor == running.sensor))


def settle(states: Rows, watched: Any) -> None:
    """Forget, after a restart, the spells of assets of which the settings no longer say when they run (in place)."""
    states[~np.asarray(watched, np.bool_)] = np.zeros((), STATE)


@inlined
def hear(state: Any, config: Any, ts: int, value: float) -> None:
    """Take in a usable, accepted reading of the sensor that tells.

    Args:
        state: one record of STATE, of the asset; changed in place.
        config: one record of CONFIG, of the sensor.
        ts: event time (ms).
        value: of the reading.
    """
    if config.min <= value <= config.max:
        if state.rests:
            state.rests = 0
            state.until = ts
        state.ran = 1
        state.ran_ts = ts
    elif not state.rests:
        settling = state.rested and state.ran_ts < state.until + config.settle_ms
        if not settling:  # else it is one spell with the one before
            state.since = state.ran_ts + 1 if state.ran else _BEGINNING
        state.rests = state.rested = 1


@inlined
def rests(state: Any, config: Any, start: int, end: int) -> bool:
    """Whether the machine rests, or settles, at some moment from `start` to `end`, both inclusive (ms)."""
    if state.rested == 0 or end < state.since:
        return False
    return bool(state.rests or start < state.until + config.settle_ms)
