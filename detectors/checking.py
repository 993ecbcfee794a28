"""How a reading is checked by the rules: the kernel of samples.py.

    order      is it new, late, or there already?                     order.py
    running    does its machine run?                                  running.py
    windows    which windows close before it, and which takes it?     tumbling.py
    stale      who has been silent, and isn't any more?               stale.py
    limit      is it too high, or too low?                            limit.py
    rate       does it rise or fall too fast?                         rate.py
    flatline   has it stood still for too long?                       flatline.py

A reading that is late or a duplicate is counted, and nothing else. A bad one, or one that is no number, moves the time
of its series and closes windows, and is no sign of life. Limits, rates and flatline look at the newest only: what is
out of order enters the window that is still open for it.

Cost: some tens of nanoseconds a reading.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from contracts.readings import Quality
from detectors import flatline, limit, order, rate, running, stale, tumbling
from detectors.compiled import compiled
from detectors.slots import UNKNOWN

__all__ = [
    "CLOSED_ROWS",
    "COUNTS",
    "FAULT",
    "FOUND_ROWS",
    "FOUND_ROW_MAX",
    "NEXT_ROW",
    "PLAN",
    "PROGRESS",
    "SERIES",
    "Counts",
    "check_rows",
]

SERIES = np.dtype(
    [
        ("order", order.STATE),
        ("windows", tumbling.STATE),
        ("stale", stale.STATE),
        ("rate", rate.STATE),
        ("flatline", flatline.STATE),
        ("limit", limit.STATE),
    ],
    align=True,
)
PLAN = np.dtype(
    [
        ("order", order.CONFIG),
        ("windows", tumbling.CONFIG),
        ("running", running.CONFIG),
        ("stale", stale.CONFIG),
        ("rate", rate.CONFIG),
        ("flatline", flatline.CONFIG),
        ("limit", limit.CONFIG),
    ],
    align=True,
)

FOUND_ROW_MAX = 10
"""Findings that one reading may make beside one for each sensor of its asset: two for the asset, one for the end of its
own silence, four limits, two rates, one flatline."""
CLOSED_ROW_MAX = 3
"""Windows that one reading may close: two that were open, or itself."""


class Counts(NamedTuple):
    """What became of the rows of a block: the first four sum to them; of any order, two more by quality."""

    accepted: int
    late: int
    duplicate: int
    out_of_order: int
    uncertain: int
    bad: int
    """Also values that aren't finite."""


COUNTS = len(Counts._fields)
NEXT_ROW, FOUND_ROWS, CLOSED_ROWS, FAULT = range(COUNTS, COUNTS + 4)
PROGRESS = COUNTS + 4
"""Length of what `check_rows` counts in: the fields of Counts, and these four."""

_BAD = int(Quality.BAD)
_UNCERTAIN = int(Quality.UNCERTAIN)


@compiled
def check_rows(
    rows: Any,
    table: Any,
    series: Any,
    silences: Any,
    plans: Any,
    configs: Any,
    assets: Any,
    machines: Any,
    lane: int,
    arrived_ms: int,
    by_arrival: bool,  # noqa: FBT001 - compiled code knows no keywords
    found: Any,
    closed: Any,
    progress: Any,
) -> None:
    """Take rows through the rules, from `progress[NEXT_ROW]` on, to the last or to where a buffer could overflow.

    Args:
        rows: dtype READING.
        table: slot by series number of this lane.
        series: dtype SERIES, changed in place.
        silences: the field `stale` of `series`.
        plans: row of `configs` by slot.
        configs: dtype PLAN.
        assets: dtype stale.ASSET, changed in place.
        machines: dtype running.STATE, by asset, changed in place.
        lane: that read the rows.
        arrived_ms: of the block, by the wall clock.
        by_arrival: silence is measured by the wall clock.
        found: dtype FOUND, written from its beginning.
        closed: dtype CLOSED, written from its beginning.
        progress: counts are added to; then next row, rows in `found`, rows in `closed`, and 1 for a row whose series
            has no name: nothing of the block was read then, and the next row is that row.
    """
    begin = progress[NEXT_ROW]
    if begin == 0:
        for row in range(len(rows)):
            number = rows[row].series
            if number < 0 or number >= len(table) or table[number] == UNKNOWN:
                progress[NEXT_ROW] = row
                progress[FAULT] = 1
                return
    found_count = 0
    closed_count = 0
    next_row = len(rows)
    for row in range(begin, len(rows)):
        reading = rows[row]
        slot = table[reading.series]
        asset = assets[silences[slot].asset]
        machine = machines[silences[slot].asset]
        if found_count + asset.sensors + FOUND_ROW_MAX > len(found) or closed_count + CLOSED_ROW_MAX > len(closed):
            next_row = row
            break
        state = series[slot]
        config = configs[plans[slot]]
        ts = reading.ts
        value = reading.value
        usable = reading.quality < _BAD and np.isfinite(value)
        if not usable:
            progress[5] += 1
        elif reading.quality == _UNCERTAIN:
            progress[4] += 1
        verdict = order.step(state.order, config.order, state.windows.closed_until, ts)
        progress[verdict] += 1
        if verdict in (order.LATE, order.DUPLICATE):
            continue
        asset.lane = lane
        if verdict == order.ACCEPTED:
            if config.running.tells and usable:
                running.hear(machine, config.running, ts, value)
            closed_count = tumbling.close(
                state.windows,
                config.windows,
                machine,
                config.running,
                ts,
                slot,
                reading.offset,
                reading.partition,
                closed,
                closed_count,
            )
            if not by_arrival:
                found_count = stale.notice(silences, plans, configs, assets, slot, ts, row, found, found_count)
        if not usable:
            continue
        found_count = stale.sign_of_life(
            silences, plans, configs, assets, slot, ts, value, arrived_ms, by_arrival, row, found, found_count
        )
        if verdict == order.ACCEPTED:
            found_count = limit.step(state.limit, config.limit, ts, value, slot, row, found, found_count)
            found_count = rate.step(state.rate, config.rate, ts, value, slot, row, found, found_count)
            resting = config.running.watched != 0 and running.rests(machine, config.running, ts, ts)
            if resting:
                flatline.forget(state.flatline)
            if not resting or state.flatline.raised:
                found_count = flatline.step(state.flatline, config.flatline, ts, value, slot, row, found, found_count)
        closed_count = tumbling.add(
            state.windows,
            config.windows,
            machine,
            config.running,
            ts,
            value,
            reading.quality | reading.paused,  # good and uncertain are 0 and 1
            slot,
            reading.offset,
            reading.partition,
            closed,
            closed_count,
        )
    progress[NEXT_ROW] = next_row
    progress[FOUND_ROWS] = found_count
    progress[CLOSED_ROWS] = closed_count
