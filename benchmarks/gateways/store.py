"""What becomes of frames behind a source: filtered, encoded, put on the disk. Kafka is left out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateways.buffer import Buffer, Message
from gateways.link import message_of
from gateways.reporting import Reporting

if TYPE_CHECKING:
    from gateways.seam import Frame, Source

__all__ = ["Store"]


class Store:
    """What a link does with frames: filter, encode, put on the disk."""

    def __init__(self, folder: Path) -> None:
        self._buffer = Buffer(folder, bytes_max=1 << 30, drop_oldest=True)
        self._reporting = Reporting(deadband=lambda _asset, _sensor: 0.0, heartbeat_ms=1)
        self._waiting: list[Message] = []
        self._last_s = time.monotonic()

    def take(self, frames: list[Frame]) -> int:
        """How many values these had."""
        now_ms = time.time_ns() // 1_000_000
        dated = [frame if frame.ts_ms else frame._replace(ts_ms=now_ms) for frame in frames]
        self._waiting += [message_of(frame) for frame in self._reporting.filter(dated)]
        if self._waiting and time.monotonic() - self._last_s > 0.02:
            self._buffer.append("readings", self._waiting)
            self._waiting = []
            self._last_s = time.monotonic()
        return sum(len(frame.values) for frame in frames)

    async def drain(self, source: Source, seconds: float) -> int:
        """Take what a source says for so long; returns how many values that were. It is closed then."""
        await source.connect()
        count = 0
        until = time.monotonic() + seconds
        async for frames in source.readings():
            count += self.take(frames)
            if time.monotonic() >= until:
                break
        await source.close()
        return count

    def close(self) -> None:
        """Let go of the files."""
        self._buffer.close()
