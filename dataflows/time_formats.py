"""How the times of a table are written, when a person says it: a unit of numbers, or a pattern of dates."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from contracts.limits import TS_MS_MAX
from contracts.moments import ms_of
from dataflows.cells import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["TIME_UNITS", "TimeFormat"]

TIME_UNITS = {"s": 1_000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Milliseconds in one of each."""


class TimeFormat:
    """Reads times that are written so, as ms since the epoch; 0 where a cell is none, or out of 1970 to 9999.

    A date without an offset is taken as UTC.

    Args:
        text: one of `TIME_UNITS`, for numbers since 1970; or a pattern as of Python's strptime.

    Raises: ValueError, with words for a person, if it is neither.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._ms_in_one = TIME_UNITS.get(text)
        if self._ms_in_one is None and "%" not in text:
            units = ", ".join(TIME_UNITS)
            raise ValueError(f"{text!r} is neither one of {units} nor a pattern like %d.%m.%Y %H:%M:%S")
        if self._ms_in_one is None:
            try:
                datetime.strptime("", text)  # noqa: DTZ007 - only to see whether it is a pattern
            except ValueError as error:
                if "does not match format" not in str(error):
                    raise ValueError(f"{text!r} is no pattern of a time: {error}") from error

    def of_cells(self, cells: Sequence[str]) -> NDArray[np.int64]:
        """Times of a column of text, shape (n,)."""
        if self._ms_in_one is not None:
            numbers = [number_of(cell, decimal_comma=True) for cell in cells]
            return self.of_numbers(np.array([np.nan if one is None else one for one in numbers], dtype=np.float64))
        return np.array([self._date(cell.strip()) for cell in cells], dtype=np.int64)

    def of_numbers(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """Times of a column of numbers, shape (n,); none of them is one where dates were asked for."""
        if self._ms_in_one is None:
            return np.zeros(len(numbers), np.int64)
        ms = np.nan_to_num(np.round(numbers * self._ms_in_one), nan=0.0, posinf=0.0, neginf=0.0)
        return np.where((ms > 0) & (ms <= TS_MS_MAX), ms, 0).astype(np.int64)

    def _date(self, cell: str) -> int:
        try:
            moment = datetime.strptime(cell, self.text)  # noqa: DTZ007 - the zone follows
            ms = ms_of(moment)
        except (ValueError, OverflowError):
            return 0
        return ms if 0 < ms <= TS_MS_MAX else 0
