"""`make bench-gateways`: a gateway's sources against the bare libraries that they stand on, on this machine.

The bare library reads and throws away; ours reads, filters, encodes and puts on the disk. What is reported is the ratio
within a pair, interleaved, the median of the rounds; absolute figures say as much about the machine. The Modbus device
is a process of its own. Nothing here goes to Kafka. OPC UA, MQTT and S7 aren't measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from contracts.gateways import Gateway, Modbus, ModbusPoint, Sparkplug
from gateways.buffer import Buffer, Message
from gateways.happenings import Happenings
from gateways.link import message_of
from gateways.modbus import ModbusSource
from gateways.reporting import Reporting
from gateways.sparkplug import Host
from gateways.sparkplug_payload import Payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.seam import Frame

REGISTERS = 125
METRICS = 100
SHARE_MIN = 0.7
"""Of the bare library's values a second: what we mean to keep."""


class Figure(NamedTuple):
    """What one contender did in one round."""

    values_per_s: float
    cpu_us: float
    """Of this process, for one value."""


class _Store:
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

    def close(self) -> None:
        """Let go of the files."""
        self._buffer.close()


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


async def modbus_ours(port: int, seconds: float, store: _Store) -> int:
    """The same registers, each a point."""
    points = tuple(ModbusPoint(address=address, sensor=f"r{address}") for address in range(REGISTERS))
    settings = Modbus(name="bench", host="127.0.0.1", port=port, points=points)
    source = ModbusSource(settings.model_copy(update={"every_s": 0.0}), Happenings())
    await source.connect()
    count = 0
    until = time.monotonic() + seconds
    async for frames in source.readings():
        count += store.take(frames)
        if time.monotonic() >= until:
            break
    await source.close()
    return count


def _payloads() -> tuple[bytes, list[bytes]]:
    birth = Payload(timestamp=1_700_000_000_000, seq=0)
    for number in range(METRICS):
        birth.metrics.add(name=f"m{number}", alias=number, datatype=10, double_value=0.0)
    bodies = []
    for seq in range(256):
        data = Payload(timestamp=1_700_000_000_000 + seq, seq=(seq + 1) & 255)
        for number in range(METRICS):
            data.metrics.add(alias=number, timestamp=1_700_000_000_000 + seq, double_value=seq + number / 7)
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


def sparkplug_ours(seconds: float, store: _Store) -> int:
    """The same payloads, as an edge node's."""
    birth, bodies = _payloads()
    host = Host(Sparkplug(name="bench", host="127.0.0.1"), Happenings(["bench"]))
    host.take("spBv1.0/g/NBIRTH/n", birth)
    count = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for body in bodies:
            count += store.take(host.take("spBv1.0/g/NDATA/n", body))
    return count


def timed(run: Callable[[], int]) -> Figure:
    """What one round makes."""
    began, cpu = time.perf_counter(), time.process_time()
    count = run()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    return Figure(count / took, used / count * 1e6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Gateways against the bare libraries.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each contender in a round")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = multiprocessing.get_context("fork").Process(target=serve_modbus, args=(port,), daemon=True)
    server.start()
    _wait_for(port)
    print(f"{arguments.rounds} rounds of {arguments.seconds:g} s; bound {Gateway().buffer_mb_max} MiB on disk")
    with tempfile.TemporaryDirectory() as folder:
        store = _Store(Path(folder))
        pairs: dict[str, tuple[Callable[[], int], Callable[[], int]]] = {
            "modbus": (
                lambda: asyncio.run(modbus_bare(port, arguments.seconds)),
                lambda: asyncio.run(modbus_ours(port, arguments.seconds, store)),
            ),
            "sparkplug": (
                lambda: sparkplug_bare(arguments.seconds),
                lambda: sparkplug_ours(arguments.seconds, store),
            ),
        }
        for name, (bare, ours) in pairs.items():
            rounds = [(timed(bare), timed(ours)) for _ in range(arguments.rounds)]
            _print(name, rounds)
        store.close()
    server.terminate()
    print(f"memory at the end: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most")


def _print(name: str, rounds: list[tuple[Figure, Figure]]) -> None:
    def median(pick: Callable[[tuple[Figure, Figure]], float]) -> float:
        return statistics.median(map(pick, rounds))

    share = median(lambda pair: pair[1].values_per_s / pair[0].values_per_s)
    low, high = (bound(pair[1].values_per_s / pair[0].values_per_s for pair in rounds) for bound in (min, max))
    print(
        f"{name:<10} bare {median(lambda pair: pair[0].values_per_s):>10,.0f}/s"
        f" {median(lambda pair: pair[0].cpu_us):5.2f} us   ours {median(lambda pair: pair[1].values_per_s):>10,.0f}/s"
        f" {median(lambda pair: pair[1].cpu_us):5.2f} us   ratio {share:.2f} ({low:.2f}-{high:.2f})"
        f"{'' if share >= SHARE_MIN else f'  below {SHARE_MIN}'}"
    )


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit("the peer doesn't listen") from error
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
