"""Times as text, RFC 3339 with an offset: `2023-11-14T22:13:20.123Z`, the way half of all gateways write them.

Days are counted as in a calendar whose year begins in March, so that a leap day is the last of its year:

    days = 365 y + y/4 − y/100 + y/400 + (153 m + 2)/5 + d − 719469      whole divisions, m = 0 in March

Source: H. Hinnant, chrono-compatible low-level date algorithms, 2013.
"""

from __future__ import annotations

from dataflows.scan.memory import byte_at
from detectors.compiled import compiled, inlined

__all__ = ["time_at"]

_FIRST_YEAR = 1970
_FRACTION_DIGITS_MAX = 9
_BYTES_MIN = len("1970-01-01T00:00:00Z")


@compiled
def time_at(at: int, end: int) -> int:
    """Ms since the epoch of the time between two addresses; what is finer is cut off. 0: not surely a time.

    A quote must stand at `end`.
    """
    if end - at < _BYTES_MIN:
        return 0
    year = 100 * _two(at) + _two(at + 2)
    month, day = _two(at + 5), _two(at + 8)
    hour, minute, second = _two(at + 11), _two(at + 14), _two(at + 17)
    if year < _FIRST_YEAR or not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month):
        return 0
    if not 0 <= hour <= 23 or not 0 <= minute <= 59 or not 0 <= second <= 59:
        return 0
    if byte_at(at + 4) != 45 or byte_at(at + 7) != 45 or byte_at(at + 13) != 58 or byte_at(at + 16) != 58:
        return 0
    if byte_at(at + 10) not in (84, 116, 32):  # T, t, blank
        return 0
    at += 19
    milli = 0
    if byte_at(at) == 46:
        at += 1
        digits = 0
        while 48 <= byte_at(at) <= 57:
            if digits < 3:
                milli = 10 * milli + byte_at(at) - 48
            digits += 1
            at += 1
        if digits == 0 or digits > _FRACTION_DIGITS_MAX:
            return 0
        for _ in range(digits, 3):
            milli *= 10
    sign = byte_at(at)  # an offset may be looked for beyond the quote, within the tail of the text
    offset_minutes = 0
    if sign in (90, 122):  # Z, z
        at += 1
    elif sign in (43, 45):
        offset_hour, offset_minute = _two(at + 1), _two(at + 4)
        if not 0 <= offset_hour <= 23 or not 0 <= offset_minute <= 59 or byte_at(at + 3) != 58:
            return 0
        offset_minutes = 60 * offset_hour + offset_minute
        if sign == 45:
            offset_minutes = -offset_minutes
        at += 6
    else:
        return 0
    if at != end:
        return 0
    minutes = 1440 * _days(year, month, day) + 60 * hour + minute - offset_minutes
    ts: int = 1000 * (60 * minutes + second) + milli
    return ts


@inlined
def _two(at: int) -> int:
    """The number of two digits; far below zero where one isn't."""
    tens: int = byte_at(at) - 48
    ones: int = byte_at(at + 1) - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -10_000
    return 10 * tens + ones


@inlined
def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@inlined
def _days(year: int, month: int, day: int) -> int:
    """Since 1970-01-01."""
    y = year - (month <= 2)
    m = (month + 9) % 12
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + day - 1 - 719_468
