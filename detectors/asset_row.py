"""The windows of one asset's sensors side by side, as one row, for the detector that sees all of them together.

A row is complete when every sensor that is *expected* has closed its window, or when one of them closes a later one.
Expected is who has closed a window since the newest complete row began: so nobody waits for a sensor that speaks once
in a quarter of an hour, and a sensor that missed one window is waited for again. The very first row waits for a later
window: until then nobody knows which sensors there are. A window that comes after its row brings the sensor's value up
to date, and stands in the next one.

A sensor without a window in the row *stands* in it with its last value. It is no longer *present* after

    max(12, 10 gap) rows without a window       gap: rows between its windows, gap += (min(rows, 10 gap) - gap) / 8
    12 windows that are not to be learned       while windows of other sensors are: it alone is out of service

and comes back with its next window, or its next window that is to be learned. A row is learned when all windows in it
are that belong to present sensors.

Catches: nothing by itself.
Misses: the order of windows within a row; a change that a slow sensor will tell of later.
Cost: 56 bytes a sensor, some 20 ns a window, some 2 ns a sensor and row.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import Record, inlined

__all__ = ["MEMBER", "NEVER", "ROW", "enter", "fresh", "is_ended_by", "take"]

MEMBER = np.dtype(
    [
        ("x", np.float64),  # newest usable mean
        ("start", np.int64),  # of the newest window with one, ms since the epoch
        ("gap", np.float32),  # rows from one window to the next, as a rule
        ("surprise", np.float32),  # its L of S, as of the newest window
        ("loudest", np.float32),  # its L of all three scores
        ("since", np.int32),  # rows since the newest window
        ("unlearned", np.int32),  # newest windows in a row that weren't to be learned
        ("group", np.int32),  # number of its group, from 1; 0: it has none
        ("met", np.uint8),  # has closed a window
        ("counted", np.uint8),  # among those of its group that have
        ("known", np.uint8),  # x is something
        ("active", np.uint8),  # its own alarm lasts, as of the newest window
        ("present", np.uint8),  # in the newest row
        ("served", np.uint8),  # its group was judging it in the newest row
        ("told", np.uint8),  # of its alarm
    ],
    align=True,
)

ROW = np.dtype(
    [
        ("start", np.int64),  # of the open row, ms since the epoch
        ("end", np.int64),
        ("taken", np.int64),  # start of the newest complete row; NEVER: there was none
        ("count", np.int32),  # readings in the open row
        ("waiting", np.int32),  # expected sensors that haven't closed their windows yet
        ("open", np.uint8),  # some sensor has closed its window
    ],
    align=True,
)

NEVER = np.iinfo(np.int64).min
STANDS_MIN = 12  # rows
STANDS_GAPS = 10.0  # usual gaps
UNLEARNED_MAX = 12  # windows
GAP_WEIGHT = 1.0 / 8.0


def fresh(row: Record) -> None:
    """Set what doesn't start at zero."""
    row["taken"] = NEVER


@inlined
def is_ended_by(row: Record, start: int) -> bool:
    """Whether a window that starts at `start` shows that nobody else will have one in the open row."""
    return bool(row.open != 0 and start > row.start)


@inlined
def enter(
    row: Record,
    member: Record,
    x: float,
    start: int,
    end: int,
    count: int,
    learn: bool,  # noqa: FBT001 - compiled code knows no keywords
    active: bool,  # noqa: FBT001
) -> bool:
    """Take in a sensor's window with a usable mean x, once the rows that it ends are taken.

    Returns: whether the open row is complete by it.
    """
    expected = member.known != 0 and member.start >= row.taken
    missing = expected and (row.open == 0 or member.start < row.start)
    if member.known:
        rows = min(np.float32(member.since + 1), np.float32(STANDS_GAPS) * member.gap)
        member.gap += np.float32(GAP_WEIGHT) * (rows - member.gap)
    else:
        member.known, member.gap = 1, 1.0
    member.x, member.start, member.since, member.active = x, start, 0, 1 if active else 0
    member.unlearned = 0 if learn else min(member.unlearned + 1, UNLEARNED_MAX + 1)
    late = start <= row.taken or (row.open != 0 and start < row.start)
    if late:
        if not expected and start >= row.taken:
            row.waiting += 1
        return False
    if row.open == 0:
        row.open, row.start, row.end, row.count = 1, start, end, 0
    row.count += count
    if missing:
        row.waiting -= 1
    return bool(row.waiting == 0 and row.taken != NEVER)


@inlined
def take(row: Record, members: Record, slots: Record, p: int) -> bool:
    """Close the open row: say who is present in it, and count anew who is expected in the next.

    Args:
        members: dtype MEMBER, by slot.
        slots: of the asset's sensors, shape (p,).

    Returns: whether it may be learned.
    """
    others_learn = False
    for i in range(p):
        member = members[slots[i]]
        if member.known and member.start >= row.start and member.unlearned == 0:
            others_learn = True
    learn = others_learn
    waiting = 0
    for i in range(p):
        member = members[slots[i]]
        member.present = 0
        if member.known == 0:
            continue
        in_time = member.start >= row.start
        if not in_time:
            member.since += 1
        stands = member.since <= max(np.float32(STANDS_MIN), np.float32(STANDS_GAPS) * member.gap)
        out_of_service = member.unlearned > UNLEARNED_MAX and others_learn
        if stands and not out_of_service:
            member.present = 1
            if in_time and member.unlearned > 0:
                learn = False
        if in_time:
            waiting += 1
    row.taken, row.open, row.waiting = row.start, 0, waiting
    return learn
