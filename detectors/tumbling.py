"""Tumbling windows: the mean of each stretch of event time of a series, which the learned detectors see.

Windows are aligned to the epoch: window k is [kW + φ, (k+1)W + φ), where the phase φ is 0 unless the settings stagger
the windows of different key groups. A reading belongs to the window of its own time, also when it comes out of order. A
window closes when its series accepts a reading with ts ≥ its end + late_ms: nothing that isn't late can belong to it
any more. As late_ms ≤ W, two windows are open at most. Nothing else closes a window: a silent sensor's last one closes
when it speaks again, and a restart goes on with it. A window without a usable reading is not closed, it never was. A
reading of bad quality adds nothing, but time passes with it. A window with a reading that is uncertain, or paused
(pause.py), is marked: it is judged and not learned. A window in which the machine rests (running.py) isn't closed
either.

W = 0: each reading is a window of its own, start = end = its time, and closes at once.

    mean = Σ value / count      summed in order of arrival, so that the cut into blocks can't change a bit

Cost: 80 bytes a series, some nanoseconds a reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contracts.readings import Rows
from contracts.settings import ResolvedAsset
from detectors import running
from detectors.compiled import inlined

__all__ = ["CONFIG", "STATE", "add", "close", "config_of", "settle"]

OPEN = np.dtype(
    [
        ("start_ts", np.int64),
        ("sum", np.float64),
        ("count", np.int64),
        ("uncertain", np.uint8),  # an uncertain reading, or a paused one, is in it
        ("rests", np.uint8),  # the machine rested at one of its readings
    ],
    align=True,
)
STATE = np.dtype(
    [
        ("open", OPEN, (2,)),  # in no order; count 0: free
        ("closed_until", np.int64),
        ("window_ms", np.int64),  # what the open ones were opened with
    ],
    align=True,
)
CONFIG = np.dtype([("window_ms", np.int64), ("late_ms", np.int64), ("phase_ms", np.int64)], align=True)

_COUNT_MAX = np.iinfo(np.int32).max


def config_of(asset: ResolvedAsset) -> tuple[Any, ...]:
    """The values of CONFIG."""
    return (asset.window_ms, asset.late_ms_max, asset.phase_ms)


def settle(states: Rows, configs: Rows) -> None:
    """Note the length of windows; after a restart with other windows, forget those that are open (in place)."""
    changed = states["window_ms"] != configs["window_ms"]
    begun = states["open"]["start_ts"] - configs["phase_ms"][:, np.newaxis]
    misplaced = (states["open"]["count"] > 0) & (begun % np.maximum(configs["window_ms"], 1)[:, np.newaxis] != 0)
    changed |= misplaced.any(axis=1)
    states["open"][changed] = np.zeros((), OPEN)
    states["window_ms"] = configs["window_ms"]


@inlined
def close(
    state: Any,
    config: Any,
    machine: Any,
    runs: Any,
    ts: int,
    slot: int,
    offset: int,
    partition: int,
    closed: Any,
    count: int,
) -> int:
    """Time has come to `ts`: write the windows that it closes, the earlier one first (at most two).

    Args:
        state: one record of STATE, changed in place.
        config: one record of CONFIG.
        machine: one record of running.STATE, of the asset.
        runs: one record of running.CONFIG.
        ts: event time of the accepted reading (ms).
        slot: of the series.
        offset: of the reading.
        partition: of the reading.
        closed: dtype CLOSED, with room for two more rows.
        count: rows that are in it.
    Returns: rows that are in `closed` now.
    """
    one = state.open[0]
    other = state.open[1]
    if one.count and other.count and other.start_ts < one.start_ts:
        one = state.open[1]
        other = state.open[0]
    until = ts - config.late_ms - config.window_ms
    if one.count and one.start_ts <= until:
        count = _end(state, config, machine, runs, one, slot, offset, partition, closed, count)
    if other.count and other.start_ts <= until:
        count = _end(state, config, machine, runs, other, slot, offset, partition, closed, count)
    return count


@inlined
def add(
    state: Any,
    config: Any,
    machine: Any,
    runs: Any,
    ts: int,
    value: float,
    unlearned: int,
    slot: int,
    offset: int,
    partition: int,
    closed: Any,
    count: int,
) -> int:
    """Put a reading that isn't late into its window; after `close`, and with its arguments.

    Args:
        unlearned: 1 if the reading is uncertain, or paused (pause.py): its window is judged and not learned; else 0.
        others: as `close`.
    Returns: rows that are in `closed` now: one more where each reading is a window of its own.
    """
    length_ms = config.window_ms
    rests = runs.watched != 0 and running.rests(machine, runs, ts, ts)
    for number in range(2):
        window = state.open[number]
        if window.count and window.start_ts <= ts < window.start_ts + length_ms:
            window.sum += value
            window.count += 1
            window.uncertain |= unlearned
            window.rests |= rests
            return count
    # Free, because `close` came before; a full pair would mean a reading that `order` should have called late.
    window = state.open[1] if state.open[0].count else state.open[0]
    start_ts = ts if length_ms == 0 else ts - (ts - config.phase_ms) % length_ms
    if start_ts < state.closed_until:  # only after the length changed: windows never overlap or go back
        return count
    window.start_ts = start_ts
    window.sum = value
    window.count = 1
    window.uncertain = unlearned
    window.rests = rests
    if length_ms == 0:
        return _end(state, config, machine, runs, window, slot, offset, partition, closed, count)
    return count


@inlined
def _end(
    state: Any,
    config: Any,
    machine: Any,
    runs: Any,
    window: Any,
    slot: int,
    offset: int,
    partition: int,
    closed: Any,
    count: int,
) -> int:
    """Free the place of one window, and write it unless the machine rested in it."""
    end_ts = window.start_ts + config.window_ms
    last_ts = max(window.start_ts, end_ts - 1)
    rested = window.rests != 0 or (runs.watched != 0 and running.rests(machine, runs, window.start_ts, last_ts))
    readings = window.count
    state.closed_until = end_ts
    window.count = 0
    if rested:
        return count
    line = closed[count]
    line.start = window.start_ts
    line.end = end_ts
    line.mean = window.sum / readings
    line.offset = offset
    line.slot = slot
    line.count = min(readings, _COUNT_MAX)
    line.partition = partition
    line.learn = 0 if window.uncertain else 1
    line.spare = 0
    line.spare4 = 0
    return count + 1
