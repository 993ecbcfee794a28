"""One contender on all streams of a corpus."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.accuracy.contenders.judged import Contender, Judged
from benchmarks.accuracy.streams import Stream

__all__ = ["Run", "run"]

FIRST_ROWS = 400
"""Judged once before the clock starts: the first call of a compiled kernel may wait for the compiler."""


class Run(NamedTuple):
    """What a contender said of each stream, and what it took."""

    name: str
    judged: Mapping[str, Judged]
    """By name of the stream."""
    seconds: float
    values: int
    """Of all streams: rows times sensors."""
    state_bytes: int | None


def run(contender: Contender, streams: Sequence[Stream], told: Callable[[str], None]) -> Run:
    """Judge all streams, each from a fresh state.

    Args:
        told: is told what has been done.
    """
    contender.judge([streams[0].part(0, FIRST_ROWS)])
    began = time.perf_counter()
    judged = contender.judge(streams)
    seconds = time.perf_counter() - began
    values = sum(stream.values.size for stream in streams)
    told(f"{contender.name}: {len(streams)} streams, {values:,} values, {seconds:.1f} s")
    return Run(contender.name, judged, seconds, values, contender.state_bytes)
