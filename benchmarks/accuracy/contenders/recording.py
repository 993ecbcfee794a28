"""Streams as a recording that can be played, as if they were read from wide tables, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.accuracy.streams import Stream
from dataflows.chunks import CHUNK, Chunk, Names

__all__ = ["StreamsRecording"]

CHUNK_LINES = 4096
FIRST_LINE = 2
"""Line 1 of a table names its columns."""


class StreamsRecording:
    """All readings: a stream is an asset, a row a line, and a line one reading of each sensor."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.names = Names()
        self.sources: tuple[str, ...] = tuple(f"{stream.file_name}.csv" for stream in streams)
        self._streams = streams

    def chunks(self) -> Iterator[Chunk]:
        """All of them, in the order of the rows."""
        for source, stream in enumerate(self._streams):
            names = np.array([self.names.index(stream.name, sensor) for sensor in stream.sensors], dtype=np.int32)
            for first in range(0, len(stream.times_ms), CHUNK_LINES):
                values = stream.values[first : first + CHUNK_LINES]
                line, sensor = np.nonzero(np.isfinite(values))
                rows = np.zeros(len(line), CHUNK)
                rows["ts"] = stream.times_ms[first + line]
                rows["value"] = values[line, sensor]
                rows["line"] = FIRST_LINE + first + line
                rows["name"] = names[sensor]
                yield Chunk(rows=rows, source=source)
