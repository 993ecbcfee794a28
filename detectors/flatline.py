"""Flatline: a value that does not move although readings keep coming.

The reference is the value with which the flat stretch began. While |value − reference| ≤ tolerance the stretch goes
on; it is raised at the first reading with ts − start ≥ after, and ends at the first reading beyond the tolerance,
which begins the next stretch. The onset is the start of the stretch.

Catches: a frozen transmitter, a gateway that repeats its last value, a stuck valve. Misses: a sensor that says nothing
at all (stale), noise that is wider than the tolerance around a frozen level. A machine at rest is flat too: where the
settings say when it runs (running.py), no stretch begins meanwhile, and one that has begun is forgotten.
Cost: 24 bytes a series, some nanoseconds a reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contracts.findings import Expected
from contracts.readings import Rows
from contracts.settings import ResolvedRule
from detectors.compiled import inlined
from detectors.found import FLAT, write

__all__ = ["CONFIG", "STATE", "config_of", "describe", "forget", "settle", "step"]

STATE = np.dtype(
    [("start_ts", np.int64), ("reference", np.float64), ("begun", np.uint8), ("raised", np.uint8)], align=True
)
CONFIG = np.dtype(
    [
        ("after_ms", np.int64),
        ("tolerance", np.float64),  # in the sensor's unit
        ("watched", np.uint8),
    ],
    align=True,
)


def config_of(rule: ResolvedRule) -> tuple[Any, ...]:
    """The values of CONFIG."""
    if (flatline := rule.flatline) is None:
        return (0, 0.0, 0)
    return (round(flatline.after_s * 1000), flatline.tolerance, 1)


def settle(states: Rows, configs: Rows) -> None:
    """Forget, after a restart, what the settings no longer watch (row by row, in place)."""
    states[configs["watched"] == 0] = np.zeros((), STATE)


@inlined
def step(state: Any, config: Any, ts: int, value: float, slot: int, row: int, found: Any, count: int) -> int:
    """Look at one accepted reading; what it decides is written into `found` (at most one row).

    Args and returns: as `limit.step`.
    """
    if not config.watched:
        return count
    if state.begun and abs(value - state.reference) <= config.tolerance:
        if not state.raised and ts - state.start_ts >= config.after_ms:
            state.raised = 1
            return write(found, count, FLAT, True, slot, row, state.start_ts, ts, value)
        return count
    if state.raised:
        state.raised = 0
        count = write(found, count, FLAT, False, slot, row, state.start_ts, ts, value)
    state.begun = 1
    state.start_ts = ts
    state.reference = value
    return count


@inlined
def forget(state: Any) -> None:
    """Whatever has not moved until now says nothing; what is raised stays so until it moves."""
    if not state.raised:
        state.begun = 0


def describe(config: Any) -> tuple[Expected, dict[str, float | int | str | None]]:
    """The expected range (none) and the evidence of a finding."""
    return Expected(), {"after_ms": int(config["after_ms"]), "tolerance": float(config["tolerance"])}
