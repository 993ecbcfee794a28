"""A stream as a recording that can be played, as if it were read from a wide table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.accuracy.streams import Stream
from dataflows.chunks import CHUNK, Chunk, Names

__all__ = ["StreamRecording"]

CHUNK_LINES = 4096
FIRST_LINE = 2
"""Line 1 of a table names its columns."""


class StreamRecording:
    """All readings of one stream: a row is a line, a line one reading of each sensor."""

    def __init__(self, stream: Stream) -> None:
        self.names = Names()
        self.sources: tuple[str, ...] = (f"{stream.file_name}.csv",)
        self._stream = stream

    def chunks(self) -> Iterator[Chunk]:
        """All of it, in the order of the rows."""
        stream = self._stream
        names = np.array([self.names.index(stream.name, sensor) for sensor in stream.sensors], dtype=np.int32)
        for first in range(0, len(stream.times_ms), CHUNK_LINES):
            values = stream.values[first : first + CHUNK_LINES]
            line, sensor = np.nonzero(np.isfinite(values))
            rows = np.zeros(len(line), CHUNK)
            rows["ts"] = stream.times_ms[first + line]
            rows["value"] = values[line, sensor]
            rows["line"] = FIRST_LINE + first + line
            rows["name"] = names[sensor]
            yield Chunk(rows=rows, source=0)
