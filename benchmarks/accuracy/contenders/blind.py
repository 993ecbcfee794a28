"""Contenders that look at no data: whatever isn't clearly better than these has found nothing.

clock    an alarm at rows N - 1, 2 N - 1, …
chance   a score drawn from [0, 1) for each row; seeded by the name of the stream
always   every row is anomalous
"""

from __future__ import annotations

import zlib

import numpy as np

from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import Stream

__all__ = ["Always", "Chance", "Clock"]

SEED = 7


class Clock:
    """Rings every so many rows."""

    state_bytes = 8

    def __init__(self, every_rows: int) -> None:
        self.name = f"clock, every {every_rows} rows"
        self._every_rows = every_rows

    def judge(self, stream: Stream) -> Judged:
        """Alarms, and nothing else."""
        rings = np.arange(1, len(stream.times_ms) + 1) % self._every_rows == 0
        return Judged(rings.astype(np.float64), rings, rings)


class Chance:
    """Throws dice."""

    name = "random scores"
    state_bytes = 8

    def judge(self, stream: Stream) -> Judged:
        """Scores, the same in every run."""
        random = np.random.default_rng([SEED, zlib.crc32(stream.name.encode())])
        return Judged(random.random(len(stream.times_ms)), None, None)


class Always:
    """Says of every row that it is anomalous."""

    name = "every row an alarm"
    state_bytes = 0

    def judge(self, stream: Stream) -> Judged:
        """All of them."""
        every = np.ones(len(stream.times_ms), np.bool_)
        return Judged(every.astype(np.float64), every, every)
