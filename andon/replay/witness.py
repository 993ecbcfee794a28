"""Watches a recording while it is played: which assets spoke, in which file, from when to when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contracts.readings import Rows
    from dataflows.chunks import Chunk, Names, Recording

__all__ = ["Presence", "Witness", "of_each"]


class Presence(NamedTuple):
    """An asset in one file."""

    asset: str
    source: int
    """Index of the file."""
    first_ts: int
    """ms since the epoch."""
    last_ts: int


class Witness:
    """A recording that is seen by another too.

    Args:
        recording: what is played.
        on_chunk: called with every chunk before it is handed out.
    """

    def __init__(self, recording: Recording, on_chunk: Callable[[Chunk], None] | None = None) -> None:
        self._recording = recording
        self._on_chunk = on_chunk
        self._seen: dict[tuple[int, str], tuple[int, int]] = {}

    @property
    def names(self) -> Names:
        """Of the series that the chunks so far have used."""
        return self._recording.names

    @property
    def sources(self) -> tuple[str, ...]:
        """What the readings come from: file names."""
        return self._recording.sources

    def chunks(self) -> Iterator[Chunk]:
        """All of it from the start."""
        for chunk in self._recording.chunks():
            self._see(chunk)
            if self._on_chunk is not None:
                self._on_chunk(chunk)
            yield chunk

    def presences(self) -> list[Presence]:
        """What was seen so far."""
        return [Presence(asset, source, *span) for (source, asset), span in sorted(self._seen.items())]

    def _see(self, chunk: Chunk) -> None:
        for name, rows in of_each(chunk.rows, "name"):
            ts = rows["ts"]
            key = (chunk.source, self.names.pairs[name][0])
            first, last = self._seen.get(key, (int(ts[0]), int(ts[0])))
            self._seen[key] = (min(first, int(ts.min())), max(last, int(ts.max())))


def of_each(rows: Rows, column: str) -> Iterator[tuple[int, Rows]]:
    """Each number that a column holds, with its rows in their order; the cost hangs on the rows, not on the numbers."""
    if not len(rows):
        return
    ordered = rows[np.argsort(rows[column], kind="stable")]
    numbers = ordered[column]
    starts = np.flatnonzero(np.diff(numbers)) + 1
    for part in np.split(ordered, starts):
        yield int(part[column][0]), part
