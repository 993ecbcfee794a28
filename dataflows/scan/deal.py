"""Deals the rows of a poll to their key groups: a counting sort, which keeps the order within each group."""

from __future__ import annotations

from contracts.readings import Rows
from detectors.compiled import compiled

__all__ = ["deal"]


@compiled
def deal(rows: Rows, arrived_ms: Rows, groups: Rows, dealt: Rows, starts: Rows, newest_ms: Rows) -> None:
    """Put the rows into order of their groups.

    Args:
        rows: dtype READING, shape (n,).
        arrived_ms: of each row, shape (n,).
        groups: key group by series number.
        dealt: is filled with the rows, shape (n,).
        starts: is filled with the place of each group's first row in `dealt`, shape (groups + 1,).
        newest_ms: is filled with each group's latest arrival, shape (groups,); of an empty group it says nothing.
    """
    starts[:] = 0
    for row in rows:
        starts[groups[row.series] + 1] += 1
    for group in range(1, len(starts)):
        starts[group] += starts[group - 1]
    newest_ms[:] = -(1 << 63)
    for at in range(len(rows)):
        group = groups[rows[at].series]
        dealt[starts[group]] = rows[at]
        starts[group] += 1
        newest_ms[group] = max(newest_ms[group], arrived_ms[at])
    for group in range(len(starts) - 1, 0, -1):
        starts[group] = starts[group - 1]
    starts[0] = 0
