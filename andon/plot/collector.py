"""Collects what a page shows while a recording is played: readings, and what the detectors made of each window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from andon.plot.thinning import Thinned
from andon.replay.witness import of_each
from dataflows.chunks import CHUNK
from detectors.trace import TRACE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.settings import Settings
    from dataflows.chunks import Chunk, Names
    from detectors.trace import Trace

__all__ = ["Collector", "Stream", "ranked_of"]

READINGS_MAX = 400_000
"""On one page: some MB, and what a browser draws without stutter."""

WINDOWS_MAX = 120_000
ROWS_LEAST = 500
"""Of one series, however many there are: the pixels of a narrow chart."""

SERIES_MAX = 2_000
"""So many are collected; of a larger plant, those that spoke first."""


class Stream(NamedTuple):
    """One series, or an asset as a whole."""

    asset: str
    sensor: str | None
    """None: the asset as a whole; it has no readings."""
    readings: Thinned
    """dtype CHUNK."""
    windows: Thinned
    """dtype TRACE."""


class Collector:
    """Takes chunks of a recording and traces of the detectors; bounded memory."""

    def __init__(self) -> None:
        self.refused: set[tuple[str, str | None]] = set()
        """Series beyond SERIES_MAX."""
        self._streams: dict[tuple[str, str | None], Stream] = {}

    def chunk(self, chunk: Chunk, names: Names) -> None:
        """Readings, in the order of the recording."""
        for name, rows in of_each(chunk.rows, "name"):
            stream = self._stream(*names.pairs[name])
            if stream is not None:
                stream.readings.add(rows)

    def trace(self, trace: Trace) -> None:
        """Windows of one block: a `Tracer`."""
        for slot, rows in of_each(trace.rows, "slot"):
            if slot >= 0:
                stream = self._stream(*trace.names[slot])
                if stream is not None:
                    stream.windows.add(rows)

    def streams(self) -> list[Stream]:
        """All of them, by name; an asset as a whole comes before its sensors."""
        return [self._streams[key] for key in sorted(self._streams, key=lambda key: (key[0], key[1] or ""))]

    def _stream(self, asset: str, sensor: str | None) -> Stream | None:
        stream = self._streams.get((asset, sensor))
        if stream is None:
            if len(self._streams) >= SERIES_MAX:
                self.refused.add((asset, sensor))
                return None
            stream = self._streams[asset, sensor] = Stream(asset, sensor, *self._empty(len(self._streams) + 1))
            self._share(len(self._streams))
        return stream

    def _empty(self, count: int) -> tuple[Thinned, Thinned]:
        readings_max, windows_max = _shares(count)
        assert "ts" in (CHUNK.names or ())
        assert "end" in (TRACE.names or ())
        return (
            Thinned("ts", ("value",), rows_max=readings_max),
            Thinned("end", ("x", "surprise", "spike"), rows_max=windows_max, always=("raised",)),
        )

    def _share(self, count: int) -> None:
        """Make room for one more: the bounds are those of the page."""
        readings_max, windows_max = _shares(count)
        for stream in self._streams.values():
            stream.readings.shrink(readings_max)
            stream.windows.shrink(windows_max)


def ranked_of(streams: Iterable[Stream], settings: Settings) -> frozenset[tuple[str, str | None]]:
    """The streams whose threshold is one of P, not of L; an asset as a whole is what one of its sensors is."""
    ranked: set[tuple[str, str | None]] = set()
    for stream in streams:
        anomaly = settings.rule(stream.asset, stream.sensor).anomaly if stream.sensor is not None else None
        if anomaly is not None and anomaly.policy == "ranked":
            ranked |= {(stream.asset, stream.sensor), (stream.asset, None)}
    return frozenset(ranked)


def _shares(count: int) -> tuple[int, int]:
    return max(ROWS_LEAST, READINGS_MAX // count), max(ROWS_LEAST, WINDOWS_MAX // count)
