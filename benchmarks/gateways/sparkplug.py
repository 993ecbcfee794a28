"""Sparkplug B: payloads of an edge node, without a broker."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from contracts.gateways import Sparkplug
from gateways.happenings import Happenings
from gateways.sparkplug import SparkplugSource
from gateways.sparkplug_payload import Payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from benchmarks.gateways.peers import Pair
    from benchmarks.gateways.store import Store
    from gateways.seam import Frame

__all__ = ["sparkplug"]

METRICS = 100


@contextmanager
def sparkplug(seconds: float, store: Store) -> Iterator[Pair]:
    """Taken apart by protobuf, each value looked at; and as an edge node's."""
    yield lambda: sparkplug_bare(seconds), lambda: asyncio.run(sparkplug_ours(seconds, store))


@cache
def _payloads() -> tuple[bytes, list[bytes]]:
    birth = Payload(timestamp=1_700_000_000_000, seq=0)
    for number in range(METRICS):
        birth.metrics.add(name=f"m{number}", alias=number, datatype=10, double_value=0.0)
    bodies = []
    for seq in range(256):
        at = 1_700_000_000_000 + 1000 * seq  # so that it is later each time, but for a clock set back at the end
        data = Payload(timestamp=at, seq=(seq + 1) & 255)
        for number in range(METRICS):
            data.metrics.add(alias=number, timestamp=at, double_value=seq + number / 7)
        bodies.append(data.SerializeToString())
    return birth.SerializeToString(), bodies


def sparkplug_bare(seconds: float) -> int:
    """Take payloads apart and look at each value."""
    _, bodies = _payloads()
    count = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for body in bodies:
            for metric in Payload.FromString(body).metrics:
                seen = (metric.alias, metric.timestamp, metric.double_value)
                count += len(seen) // 3
    return count


class _Replayed(SparkplugSource):
    """An edge node's birth, and what it says then, again and again, without a broker."""

    async def connect(self) -> None:
        """It is born."""
        birth, self._bodies = _payloads()
        self.host.take("spBv1.0/g/NBIRTH/n", birth)

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """All payloads, as they would have come from a busy broker."""
        take = self.host.take
        while True:
            yield [frame for body in self._bodies for frame in take("spBv1.0/g/NDATA/n", body)]


async def sparkplug_ours(seconds: float, store: Store) -> int:
    """The same payloads, as an edge node's."""
    settings = Sparkplug(name="bench", host="127.0.0.1")
    return await store.drain(_Replayed(settings, Happenings(["bench"])), settings, seconds)
