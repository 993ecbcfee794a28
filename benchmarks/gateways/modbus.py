"""Modbus TCP: all registers of a device again and again."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from benchmarks.gateways.peers import beside
from contracts.gateways import Modbus, ModbusPoint
from gateways.happenings import Happenings
from gateways.modbus import ModbusSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gateways.peers import Pair
    from benchmarks.gateways.store import Store

__all__ = ["modbus"]

REGISTERS = 125


@contextmanager
def modbus(seconds: float, store: Store) -> Iterator[Pair]:
    """Read and thrown away, and as points."""
    with beside(serve_modbus) as port:
        yield (
            lambda: asyncio.run(modbus_bare(port, seconds)),
            lambda: asyncio.run(modbus_ours(port, seconds, store)),
        )


def serve_modbus(port: int) -> None:
    """A device with REGISTERS holding registers, until the process is ended."""

    async def serve() -> None:
        block = [SimData(0, count=REGISTERS, datatype=DataType.REGISTERS)]
        bits = [SimData(0, count=1, datatype=DataType.BITS, values=[False] * 16)]
        device = SimDevice(1, simdata=(bits, bits, block, block))
        await ModbusTcpServer(device, address=("127.0.0.1", port)).serve_forever()

    asyncio.run(serve())


async def modbus_bare(port: int, seconds: float) -> int:
    """Read all registers again and again."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0)
    await client.connect()
    count = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        count += len((await client.read_holding_registers(0, count=REGISTERS)).registers)
    client.close()
    return count


async def modbus_ours(port: int, seconds: float, store: Store) -> int:
    """The same registers, each a point."""
    points = tuple(ModbusPoint(address=address, sensor=f"r{address}") for address in range(REGISTERS))
    settings = Modbus(name="bench", host="127.0.0.1", port=port, points=points)
    settings = settings.model_copy(update={"every_s": 0.0, "heartbeat_s": 0.0})  # every value is told
    return await store.drain(ModbusSource(settings, Happenings(["bench"])), settings, seconds)
