"""Keeps what an eye would see of a long series: of each interval its first row, and the lowest and highest of columns.

What is kept are rows as they were, none is made up. Intervals are as short as the bound allows, a power of two of
milliseconds, and aligned to the epoch, so that a recording read in other pieces keeps the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from contracts.readings import Rows

__all__ = ["Thinned"]

INTERVAL_MS_MAX = 1 << 40
"""Some 35 years."""


class Thinned:
    """Rows of one series, at most about `rows_max` of them.

    Args:
        time: the column with the time, ms since the epoch.
        extremes: columns whose lowest and highest row of each interval are kept; NaN is neither.
        always: columns of flags; a row where one is set is kept in any case.
    """

    def __init__(self, time: str, extremes: tuple[str, ...], *, rows_max: int, always: tuple[str, ...] = ()) -> None:
        self.interval_ms = 0
        """Of each interval of this length some rows are kept; 0: all rows are."""
        self.seen = 0
        self._time = time
        self._extremes = extremes
        self._always = always
        self._rows_max = rows_max
        self._parts: list[Rows] = []
        self._count = 0

    def add(self, rows: Rows) -> None:
        """The next rows, shape (n,)."""
        if len(rows):
            self._parts.append(rows.copy())  # a view of them would keep the whole block in memory
            self._count += len(rows)
            self.seen += len(rows)
            if self._count > 2 * self._rows_max:
                self._thin()

    def shrink(self, rows_max: int) -> None:
        """Keep fewer rows from now on."""
        self._rows_max = min(rows_max, self._rows_max)
        if self._count > 2 * self._rows_max:
            self._thin()

    def rows(self) -> Rows | None:
        """What is kept, by time; None: nothing ever came."""
        if not self._parts:
            return None
        if self._count > self._rows_max:
            self._thin()
        rows = np.concatenate(self._parts)
        return rows[np.argsort(rows[self._time], kind="stable")]

    def _thin(self) -> None:
        rows = np.concatenate(self._parts)
        kept = rows if not self.interval_ms else rows[self._kept(rows)]
        while len(kept) > self._rows_max and self.interval_ms < INTERVAL_MS_MAX:
            self.interval_ms = max(1, 2 * self.interval_ms)
            if self._intervals(rows) <= self._rows_max:  # of each at least one is kept, and counting them is cheap
                kept = rows[self._kept(rows)]
        self._parts = [kept]
        self._count = len(kept)

    def _intervals(self, rows: Rows) -> int:
        """How many intervals there are rows in."""
        return len(np.unique(rows[self._time] // self.interval_ms))

    def _kept(self, rows: Rows) -> NDArray[np.bool_]:
        interval = rows[self._time] // self.interval_ms
        kept = np.zeros(len(rows), np.bool_)
        kept[_firsts(interval, np.arange(len(rows)))] = True
        for column in self._extremes:
            values = np.asarray(rows[column], np.float64)
            there = np.flatnonzero(~np.isnan(values))
            for sign in (1.0, -1.0):
                kept[there[_firsts(interval[there], sign * values[there])]] = True
        for column in self._always:
            kept |= rows[column] != 0
        return kept


def _firsts(interval: NDArray[np.int64], by: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each interval that is least by a number; of equals the first."""
    order = np.lexsort((by, interval))
    first = np.ones(len(order), np.bool_)
    first[1:] = interval[order][1:] != interval[order][:-1]
    return order[first]
