"""Rate of change: a value that rises or falls faster than it should.

    rate = (value − value before) / (ts − ts before)      per second, between successive accepted readings

Active from the first pair whose rate is above the maximum to the first pair whose rate is not. Readings of uncertain
quality take part; bad, late and out-of-order ones do not.

Catches: steps, spikes, a pressure that collapses. Misses: slow creep (drift), and a jump across a long gap, whose rate
is small. Noise between readings that are close in time makes large rates: choose the maximum for their interval.
Cost: 40 bytes a series, some nanoseconds a reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contracts.findings import Expected
from contracts.readings import Rows
from contracts.settings import ResolvedRule
from detectors.compiled import inlined
from detectors.found import FALL, RISE, Line, write

__all__ = ["CONFIG", "STATE", "config_of", "describe", "forget", "settle", "step"]

STATE = np.dtype(
    [
        ("last_ts", np.int64),
        ("last_value", np.float64),
        ("rise_onset_ts", np.int64),
        ("fall_onset_ts", np.int64),
        ("begun", np.uint8),
        ("rising", np.uint8),
        ("falling", np.uint8),
    ],
    align=True,
)
CONFIG = np.dtype(
    [
        ("rise_max_per_s", np.float64),  # in the sensor's unit; infinite: not watched
        ("fall_max_per_s", np.float64),
        ("watched", np.uint8),
    ],
    align=True,
)

_LARGEST = np.finfo(np.float64).max


def config_of(rule: ResolvedRule) -> tuple[Any, ...]:
    """The values of CONFIG."""
    if (rate := rule.rate) is None:
        return (np.inf, np.inf, 0)
    rise = np.inf if rate.rise_max_per_s is None else rate.rise_max_per_s
    fall = np.inf if rate.fall_max_per_s is None else rate.fall_max_per_s
    return (rise, fall, 1)


def settle(states: Rows, configs: Rows) -> None:
    """Forget, after a restart, what the settings no longer watch (row by row, in place)."""
    states["rising"][np.isinf(configs["rise_max_per_s"])] = 0
    states["falling"][np.isinf(configs["fall_max_per_s"])] = 0
    states["begun"][configs["watched"] == 0] = 0


def forget(state: Rows) -> None:
    """The newest value is of another unit than those to come: no difference is taken from it (in place)."""
    state["begun"] = 0


@inlined
def step(state: Any, config: Any, ts: int, value: float, slot: int, row: int, found: Any, count: int) -> int:
    """Look at one accepted reading; what it decides is written into `found` (at most two rows).

    Args and returns: as `limit.step`.
    """
    if not config.watched:
        return count
    if state.begun:
        # Beyond the largest number there is only infinity, which no alert could carry.
        rate = (value - state.last_value) * 1000.0 / (ts - state.last_ts)
        rate = min(max(rate, -_LARGEST), _LARGEST)
        if (rate > config.rise_max_per_s) != (state.rising != 0):
            state.rising = 1 - state.rising
            if state.rising:
                state.rise_onset_ts = ts
            count = write(found, count, RISE, state.rising != 0, slot, row, state.rise_onset_ts, ts, value)
            found[count - 1].rate_per_s = rate
        if (-rate > config.fall_max_per_s) != (state.falling != 0):
            state.falling = 1 - state.falling
            if state.falling:
                state.fall_onset_ts = ts
            count = write(found, count, FALL, state.falling != 0, slot, row, state.fall_onset_ts, ts, value)
            found[count - 1].rate_per_s = -rate
    state.begun = 1
    state.last_ts = ts
    state.last_value = value
    return count


def describe(line: Line, config: Any) -> tuple[Expected, dict[str, float | int | str | None]]:
    """The expected range (none) and the evidence of one row of FOUND: rates count in the rule's own direction."""
    maximum = config["rise_max_per_s" if line.rule == RISE else "fall_max_per_s"]
    return Expected(), {"rate_per_s": line.rate_per_s, "rate_max_per_s": float(maximum)}
