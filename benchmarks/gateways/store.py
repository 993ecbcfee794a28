"""What becomes of a source's frames in a gateway: a link filters and encodes them, a forwarder puts them on the disk.

Both are the gateway's own, the forwarder's thread too. Kafka is left out: what is on the disk is forgotten again.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.gateways import Gateway
from gateways.buffer import Buffer
from gateways.forwarder import Forwarder
from gateways.happenings import Happenings
from gateways.link import Link
from gateways.publisher import PACKS_AT_ONCE, Publisher

if TYPE_CHECKING:
    from contracts.gateways import Connection
    from gateways.seam import Source

__all__ = ["Store"]


class _Nowhere(Publisher):
    """In place of Kafka: takes everything at once."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._through = 0

    def work(self, _wait_s: float) -> None:
        """Read what is there, and forget it."""
        while packs := self._buffer.read(self._through, packs_max=PACKS_AT_ONCE):
            self._through = packs[-1].number
        self._buffer.forget(self._through)

    def close(self) -> None:
        """Nothing is on its way."""


class Store:
    """A gateway but for its protocols and Kafka."""

    def __init__(self, folder: Path) -> None:
        self._happenings = Happenings(["bench"])
        self._buffer = Buffer(folder, bytes_max=1 << 30, drop_oldest=True)
        self._forwarder = Forwarder(self._buffer, _Nowhere(self._buffer), self._happenings)
        self._forwarder.start()

    async def drain(self, source: Source, settings: Connection, seconds: float) -> int:
        """Run a link for so long; returns how many values it has told, which are on the disk then."""
        before = self._told()
        link = Link(
            source,
            settings,
            Gateway(),
            address="",
            topic="readings",
            forwarder=self._forwarder,
            happenings=self._happenings,
            now_ms=lambda: time.time_ns() // 1_000_000,
        )
        running = asyncio.create_task(link.run())
        await asyncio.wait({running}, timeout=seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        told = self._told() - before
        await self._forwarder.stored()
        return told

    def close(self) -> None:
        """Let go of the files."""
        self._forwarder.stop()
        self._buffer.close()

    def _told(self) -> int:
        labels = {"device": "bench", "result": "reported"}
        return int(self._happenings.registry.get_sample_value("andon_gateway_values_total", labels) or 0)
