"""Moments of Python's calendar as the milliseconds since 1970 that everything here counts in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["EPOCH", "ONE_MS", "ms_of"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_MS = timedelta(milliseconds=1)


def ms_of(moment: datetime) -> int:
    """Whole milliseconds since the epoch, what is finer is cut off; without a zone it is of UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // ONE_MS
