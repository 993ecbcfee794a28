"""Cells of a table as numbers and times: the fast way for whole columns, and one by one where a cell is odd."""

from __future__ import annotations

from datetime import datetime
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from contracts.codec import QUALITY_WORDS
from contracts.limits import TS_MS_MAX
from contracts.moments import ms_of
from contracts.readings import Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "MISSING_WORDS",
    "SECONDS_BELOW",
    "ms_of_numbers",
    "number_of",
    "numbers_of",
    "quality_of",
    "time_of",
    "times_of",
]

MISSING_WORDS = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
"""What a cell without a value looks like, in lower case."""

_BOOLEANS = {"true": 1.0, "false": 0.0}
SECONDS_BELOW = 1e11
"""Epoch numbers below this are seconds (until the year 5138), from it on milliseconds (since March 1973)."""
_YEAR_DASH = 4
"""Where the first dash of `2020-03-01` stands."""


def numbers_of(cells: Sequence[str], *, decimal_comma: bool) -> tuple[NDArray[np.float64], list[int]]:
    """Numbers of a column, shape (n,), NaN where a cell is empty or bad; and the rows whose cells are bad.

    Args:
        cells: as they stand in the file.
        decimal_comma: whether `1,5` may mean one and a half, as in tables separated by semicolons.
    """
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        pass
    else:
        if not np.isinf(numbers).any():
            return numbers, []
    one_by_one = [number_of(cell, decimal_comma=decimal_comma) for cell in cells]
    bad = [row for row, number in enumerate(one_by_one) if number is None]
    return np.array([nan if number is None else number for number in one_by_one], dtype=np.float64), bad


def number_of(cell: str, *, decimal_comma: bool) -> float | None:
    """The number in a cell: NaN if it is empty, None if it holds anything but a finite number or a boolean."""
    word = cell.strip().lower()
    if word in MISSING_WORDS:
        return nan
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    if decimal_comma and word.count(",") == 1 and "." not in word:
        word = word.replace(",", ".")
    try:
        number = float(word)
    except ValueError:
        return None
    return number if isfinite(number) else None


def times_of(cells: Sequence[str]) -> NDArray[np.int64]:
    """Times of a column in ms since the epoch, shape (n,); 0 where a cell isn't a time."""
    return np.array([time_of(cell) for cell in cells], dtype=np.int64)


def time_of(cell: str) -> int:
    """The time in a cell, in ms since the epoch; 0 if it isn't one or lies outside of the years 1970 to 9999.

    Either a number since 1970 (milliseconds, or seconds if below 10^11), or a date and time in ISO 8601 as in RFC 3339.
    Without an offset it is taken as UTC; what is finer than a millisecond is cut off.
    """
    text = cell.strip()
    ts = _calendar(text) if text[_YEAR_DASH : _YEAR_DASH + 1] == "-" else _number(text)
    return ts if 0 < ts <= TS_MS_MAX else 0


def ms_of_numbers(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Epoch numbers as `time_of` takes them, in ms, shape (n,); 0 where they are no time. NaN is none."""
    ms = np.where(np.abs(numbers) < SECONDS_BELOW, np.round(numbers * 1000), np.trunc(numbers))
    return np.where((ms > 0) & (ms <= TS_MS_MAX), ms, 0).astype(np.int64)


def quality_of(cell: str) -> Quality | None:
    """The quality in a cell: a word or an OPC UA status code, good if it is empty; None if it is neither."""
    word = cell.strip().lower()
    if word in MISSING_WORDS:
        return Quality.GOOD
    if word.isdecimal() and len(word) < 11 and int(word) < 1 << 32:
        return Quality(min(int(word) >> 30, Quality.BAD))
    return QUALITY_WORDS.get(word)


def _calendar(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.upper())
        return ms_of(moment)
    except (ValueError, OverflowError):
        return 0


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        try:
            fractional = float(text)
        except ValueError:
            return 0
        if not isfinite(fractional):
            return 0
        return round(fractional * 1000) if abs(fractional) < SECONDS_BELOW else int(fractional)
    return number * 1000 if abs(number) < SECONDS_BELOW else number
