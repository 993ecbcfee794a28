"""Arrays of records, one row for each series or asset: how they grow, are saved and are taken over."""

from __future__ import annotations

import numpy as np

from contracts.readings import Rows

__all__ = ["CAPACITY_MIN", "adopted", "copied", "grown"]

CAPACITY_MIN = 16
"""Rows of the smallest array. Above 1 also because numpy calls any array of one row contiguous, also a single field of
it: kernels would be compiled once more for it, in mid-stream."""


def grown(rows: Rows, count: int) -> Rows:
    """The same rows with room for `count`: the array itself if it has it, else one of twice the size or more.

    New rows are zero, which in every record means that nothing is known yet.
    """
    if count <= len(rows):
        return rows
    larger = np.zeros(max(CAPACITY_MIN, 2 * len(rows), count), rows.dtype)
    larger[: len(rows)] = rows
    return larger


def copied(rows: Rows) -> Rows:
    """A copy with zeros in the gaps between fields: numpy's own leaves there whatever the memory held."""
    copy = np.zeros(len(rows), rows.dtype)
    copy[:] = rows
    return copy


def adopted(saved: Rows, dtype: np.dtype[np.void]) -> Rows:
    """Saved rows as rows of `dtype`, field by field by name, also in nested records, with room to grow.

    A field that only the saved rows have is dropped; one that only `dtype` has is zero.
    """
    rows = np.zeros(max(CAPACITY_MIN, len(saved)), dtype)
    _take_over(rows[: len(saved)], saved)
    return rows


def _take_over(rows: Rows, saved: Rows) -> None:
    for name in rows.dtype.names or ():
        if name not in (saved.dtype.names or ()):
            continue
        if rows.dtype[name].base.names:
            _take_over(rows[name], saved[name])
        else:
            rows[name] = saved[name]
