"""Readings in columns, before they are dealt to lanes: what the readers of recordings and the simulated plant yield.

A chunk's rows are in the order of the recording. A row names its series by its index in a `Names`, which grows while
the recording is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.readings import Reject, Rows

__all__ = ["CHUNK", "Chunk", "Names", "Recording"]

CHUNK = np.dtype(
    [
        ("ts", np.int64),  # event time, ms since the epoch
        ("value", np.float64),  # in the sensor's own unit, finite
        ("line", np.int64),  # of the file, from 1; readings of one line belong together
        ("name", np.int32),  # index into Names
        ("quality", np.uint8),  # contracts.readings.Quality
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive readings of one source."""

    rows: Rows
    """dtype CHUNK, shape (n,), n >= 0."""
    source: int
    """Index into the recording's `sources`."""
    rejects: tuple[Reject, ...] = ()
    """What was refused between the first row and the last one; `offset` is the line."""


@dataclass(slots=True)
class Names:
    """(asset, sensor) by index, each once."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    _indices: dict[tuple[str, str], int] = field(default_factory=dict)

    def index(self, asset: str, sensor: str) -> int:
        """The index of a series, new or known."""
        index = self._indices.setdefault((asset, sensor), len(self.pairs))
        if index == len(self.pairs):
            self.pairs.append((asset, sensor))
        return index

    def __len__(self) -> int:
        return len(self.pairs)


class Recording(Protocol):
    """Something that can be played back."""

    @property
    def names(self) -> Names:
        """Of the series that the chunks so far have used."""

    @property
    def sources(self) -> tuple[str, ...]:
        """What the readings come from: file names."""

    def chunks(self) -> Iterator[Chunk]:
        """All of it from the start, in bounded memory."""
