"""Contenders that look at no data: whatever isn't clearly better than these has found nothing.

clock    an alarm at rows N - 1, 2 N - 1, …
chance   a score drawn from [0, 1) for each row; seeded by the name of the stream
always   every row is anomalous
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import Flags, Stream

__all__ = ["Always", "Chance", "Clock"]

SEED = 7


class Clock:
    """Rings every so many rows."""

    state_bytes = 8

    def __init__(self, every_rows: int) -> None:
        self.name = f"alarm clock, every {every_rows} rows"
        self._every_rows = every_rows

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """Alarms, and nothing else."""
        return {one.name: _said(np.arange(1, len(one.times_ms) + 1) % self._every_rows == 0) for one in streams}


class Chance:
    """Throws dice."""

    name = "random scores"
    state_bytes = 8

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """Scores, the same in every run."""
        judged = {}
        for stream in streams:
            random = np.random.default_rng([SEED, zlib.crc32(stream.name.encode())])
            judged[stream.name] = Judged(random.random(len(stream.times_ms)))
        return judged


class Always:
    """Says of every row that it is anomalous."""

    name = "every row an alarm"
    state_bytes = 0

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """All of them."""
        return {one.name: _said(np.ones(len(one.times_ms), np.bool_)) for one in streams}


def _said(alarms: Flags) -> Judged:
    return Judged(alarms.astype(np.float64), alarms, alarms)
