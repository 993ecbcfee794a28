"""A stream: rows of one recording, in their order, as a contender sees them. There are no labels in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Floats", "Moments", "Stream", "fresh_rows"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Moments = NDArray[np.int64]
"""ms since the epoch."""


class Stream(NamedTuple):
    """One recording of one asset."""

    name: str
    """`realTweets/Twitter_volume_AAPL`; it also names the asset."""
    category: str
    sensors: tuple[str, ...]
    times_ms: Moments
    """Shape (n,), as recorded: a few go back, or stand still."""
    values: Floats
    """Shape (n, number of sensors), finite."""

    def part(self, first: int, last: int) -> Stream:
        """Rows first to last (exclusive) as a stream of the same asset."""
        return self._replace(times_ms=self.times_ms[first:last], values=self.values[first:last])

    @property
    def file_name(self) -> str:
        """The name as that of one file."""
        return self.name.replace("/", "__")


def fresh_rows(times_ms: Moments) -> Flags:
    """Which rows are later than all before them, shape (n,): the others are duplicates, or late."""
    fresh = np.ones(len(times_ms), np.bool_)
    if len(times_ms) > 1:
        fresh[1:] = times_ms[1:] > np.maximum.accumulate(times_ms)[:-1]
    return fresh
