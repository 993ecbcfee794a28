"""What a contender says of a stream, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from benchmarks.accuracy.streams import Flags, Floats, Stream

__all__ = ["Contender", "Judged"]


class Judged(NamedTuple):
    """One entry a row of the stream; n rows."""

    scores: Floats
    """How strange the row is, shape (n,); NaN where there is no score."""
    alarms: Flags | None = None
    """Where it alarms by its own decision, shape (n,); None: it has scores only, and the labels must choose."""
    active: Flags | None = None
    """Whether its alarm state is active after the row, shape (n,); None: it has no such state."""


class Contender(Protocol):
    """Judges streams, each from a fresh state, and each row by that row and those before it."""

    @property
    def name(self) -> str:
        """As in the table."""

    @property
    def state_bytes(self) -> int | None:
        """Of what it keeps of a stream, at the end of the last one; None: not measured."""

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """Judge each stream from its first row to its last; by name of the stream."""
