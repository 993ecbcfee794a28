"""S7: one block of a controller again and again."""

from __future__ import annotations

import asyncio
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from snap7.async_client import AsyncClient
from snap7.server import Server
from snap7.type import Area, SrvArea

from benchmarks.gateways.peers import beside
from contracts.gateways import S7, S7Point
from gateways.happenings import Happenings
from gateways.s7 import S7Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gateways.peers import Pair
    from benchmarks.gateways.store import Store

__all__ = ["s7"]

REALS = 50
FORM = struct.Struct(f">{REALS}f")


@contextmanager
def s7(seconds: float, store: Store) -> Iterator[Pair]:
    """Unpacked and thrown away, and as points."""
    with beside(_serve) as port:
        yield lambda: asyncio.run(_bare(port, seconds)), lambda: asyncio.run(_ours(port, seconds, store))


def _serve(port: int) -> None:
    server = Server(log=False)
    server.register_area(SrvArea.DB, 1, bytearray(FORM.pack(*range(REALS))))
    server.start_to("127.0.0.1", port)
    while True:
        time.sleep(60)


async def _bare(port: int, seconds: float) -> int:
    client = AsyncClient()
    await client.connect("127.0.0.1", 0, 1, port)
    count = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        count += len(FORM.unpack(bytes(await client.read_area(Area.DB, 1, 0, FORM.size))))
    await client.disconnect()
    return count


async def _ours(port: int, seconds: float, store: Store) -> int:
    points = tuple(S7Point(address=f"DB1.DBD{4 * number}", sensor=f"r{number}") for number in range(REALS))
    settings = S7(name="bench", host="127.0.0.1", port=port, points=points)
    settings = settings.model_copy(update={"every_s": 0.0, "heartbeat_s": 0.0})  # every value is told
    return await store.drain(S7Source(settings, Happenings(["bench"])), settings, seconds)
