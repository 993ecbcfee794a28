"""Limits: a value beyond a fixed limit, with deadband and delays (ISA-18.2).

Four independent alarms: hh and h above, l and ll below. On the high side (the low one is its mirror) a reading is

    beyond   value > limit
    back     value ≤ limit − deadband
    between  else

Not raised: the first beyond reading sets the onset, any later reading that is not beyond forgets it; raised at the
first beyond reading with ts − onset ≥ on_delay. Raised: the first back reading starts the off timer, any reading that
is not back stops it; cleared at the first back reading with ts − start ≥ off_delay. A delay of 0 decides at once.

Catches: what a person knows to be wrong. Misses: everything inside of the limits. Delays pass with the times of
readings: a source that only reports changes must send heartbeats, or no delay of it ever ends.
Cost: 96 bytes a series, some nanoseconds a reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contracts.findings import Expected
from contracts.readings import Rows
from contracts.settings import ResolvedRule
from detectors.compiled import inlined
from detectors.found import LIMIT_H, LIMIT_HH, LIMIT_L, LIMIT_LL, Line, write

__all__ = ["CONFIG", "STATE", "config_of", "describe", "settle", "step"]

SIDE = np.dtype([("onset_ts", np.int64), ("back_ts", np.int64), ("phase", np.uint8)], align=True)
NORMAL, BEYOND, RAISED, RETURNING = range(4)

STATE = np.dtype([("hh", SIDE), ("h", SIDE), ("ll", SIDE), ("l", SIDE)], align=True)
CONFIG = np.dtype(
    [
        ("hh", np.float64),  # in the sensor's unit; NaN: not watched
        ("h", np.float64),
        ("ll", np.float64),
        ("l", np.float64),
        ("deadband", np.float64),
        ("on_delay_ms", np.int64),
        ("off_delay_ms", np.int64),
        ("watched", np.uint8),
    ],
    align=True,
)

_NAMES = {LIMIT_HH: "hh", LIMIT_H: "h", LIMIT_LL: "ll", LIMIT_L: "l"}
_NONE = (np.nan, np.nan, np.nan, np.nan, 0.0, 0, 0, 0)  # always the same NaN, so that equal values are equal


def config_of(rule: ResolvedRule) -> tuple[Any, ...]:
    """The values of CONFIG."""
    if (limit := rule.limit) is None:
        return _NONE
    limits = [np.nan if value is None else value for value in (limit.hh, limit.h, limit.ll, limit.l)]
    return (*limits, limit.deadband, round(limit.on_delay_s * 1000), round(limit.off_delay_s * 1000), 1)


def settle(states: Rows, configs: Rows) -> None:
    """Forget, after a restart, the alarms of limits that the settings no longer have (row by row, in place)."""
    for name in _NAMES.values():
        states[name][np.isnan(configs[name])] = np.zeros((), SIDE)


@inlined
def step(state: Any, config: Any, ts: int, value: float, slot: int, row: int, found: Any, count: int) -> int:
    """Look at one accepted reading; what it decides is written into `found` (at most four rows).

    Args:
        state: one record of STATE, changed in place.
        config: one record of CONFIG.
        ts: event time (ms).
        value: finite.
        slot: of the series.
        row: of the reading in its block.
        found: dtype FOUND, with room for four more rows.
        count: rows that are in it.
    Returns: rows that are in `found` now.
    """
    if not config.watched:
        return count
    count = _side(state.hh, config, config.hh, ts, value, LIMIT_HH, value, slot, row, found, count)
    count = _side(state.h, config, config.h, ts, value, LIMIT_H, value, slot, row, found, count)
    count = _side(state.ll, config, -config.ll, ts, -value, LIMIT_LL, value, slot, row, found, count)
    return _side(state.l, config, -config.l, ts, -value, LIMIT_L, value, slot, row, found, count)


@inlined
def _side(
    state: Any,
    config: Any,
    limit: float,
    ts: int,
    height: float,
    rule: int,
    value: float,
    slot: int,
    row: int,
    found: Any,
    count: int,
) -> int:
    """One of the four; `limit` and `height` are negated for the low side. A limit of NaN is never exceeded."""
    beyond = height > limit
    if state.phase <= BEYOND:
        if not beyond:
            state.phase = NORMAL
            return count
        if state.phase == NORMAL:
            state.phase = BEYOND
            state.onset_ts = ts
        if ts - state.onset_ts >= config.on_delay_ms:
            state.phase = RAISED
            return write(found, count, rule, True, slot, row, state.onset_ts, ts, value)
        return count
    if not height <= limit - config.deadband:
        state.phase = RAISED
        return count
    if state.phase == RAISED:
        state.phase = RETURNING
        state.back_ts = ts
    if ts - state.back_ts >= config.off_delay_ms:
        state.phase = NORMAL
        return write(found, count, rule, False, slot, row, state.onset_ts, ts, value)
    return count


def describe(line: Line, config: Any) -> tuple[Expected, dict[str, float | int | str | None]]:
    """The expected range and the evidence of one row of FOUND."""
    limit = float(config[_NAMES[line.rule]])
    evidence: dict[str, float | int | str | None] = {
        "limit": limit,
        "deadband": float(config["deadband"]),
        "on_delay_ms": int(config["on_delay_ms"]),
    }
    if not line.active:
        evidence["off_delay_ms"] = int(config["off_delay_ms"])
    return Expected(high=limit) if line.rule in (LIMIT_HH, LIMIT_H) else Expected(low=limit), evidence
