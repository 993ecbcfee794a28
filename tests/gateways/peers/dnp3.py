"""A DNP3 outstation of dnp3py in a thread of its own: a substation with points that the test sets."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dnp3.core.flags import AnalogQuality, BinaryQuality, CounterQuality
from dnp3.core.timestamp import DNP3Timestamp
from dnp3.database import AnalogInputConfig, BinaryInputConfig, CounterConfig, Database, DatabaseConfig, EventClass
from dnp3.outstation import Outstation, OutstationConfig
from dnp3.outstation.tcp_runner import OutstationTcpRunner

from tests.gateways.peers.loop import LoopThread
from tests.gateways.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Substation", "substation"]

WAIT_S = 60
EVENTS = EventClass.CLASS_1


class _Recording(Outstation):
    """Remembers what is asked of it."""

    functions: list[int]

    def process_request(self, data: bytes, **how: Any) -> Any:
        """The function code is behind the application control."""
        self.functions.append(data[1])
        return super().process_request(data, **how)


class _Waiting(OutstationTcpRunner):
    """Remembers confirmations too: between the pieces of a response they don't go the way of requests."""

    async def _wait_for_confirm(self, *what: Any, **how: Any) -> bool:
        came = await super()._wait_for_confirm(*what, **how)
        if came:
            self.outstation.functions.append(0)
        return came


class Substation:
    """Address 10, for a master at 1. Every method may be called from any thread.

    Args:
        analogs: analog inputs 0 to one less than this; so many binary inputs, and one counter.
    """

    def __init__(self, *, analogs: int = 4) -> None:
        self.port = free_port()
        self._loop = LoopThread()
        self._runner: OutstationTcpRunner | None = None
        self._running: Any = None
        database = self._database = Database(config=DatabaseConfig(max_analog_inputs=analogs))
        for index in range(analogs):
            config = AnalogInputConfig(event_class=EVENTS)
            database.add_analog_input(index, config, value=20.0, quality=AnalogQuality.ONLINE)
        for index in range(4):
            config = BinaryInputConfig(event_class=EVENTS)
            database.add_binary_input(index, config, quality=BinaryQuality.ONLINE)
        database.add_counter(0, CounterConfig(event_class=EVENTS), value=77, quality=CounterQuality.ONLINE)
        self._outstation = _Recording(config=OutstationConfig(address=10, master_address=1), database=database)
        self._outstation.functions = []

    @property
    def functions(self) -> list[int]:
        """Codes of the functions that were asked for."""
        return self._outstation.functions

    def start(self) -> None:
        """Begin to serve."""
        self._runner = _Waiting(self._outstation, "127.0.0.1", self.port)
        self._running = asyncio.run_coroutine_threadsafe(self._runner.run(), self._loop._loop)
        deadline = time.monotonic() + WAIT_S
        while not self._runner.is_running:
            assert time.monotonic() < deadline
            assert not self._running.done(), self._running.exception()
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server; the thread stays."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._running.cancel()
            deadline = time.monotonic() + WAIT_S
            while runner.is_running:
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def close(self) -> None:
        """End all."""
        self.stop()
        self._loop.close()

    def set_analog(self, index: int, value: float, *, flags: int = 0x01) -> None:
        """An analog input, a whole number, and an event: dnp3py's outstation tells both so, and no time."""
        self._do(lambda: self._database.update_analog_input(index, value, AnalogQuality(flags)))

    def set_binary(self, index: int, value: bool) -> None:
        """A binary input, and an event without a time."""
        self._do(lambda: self._database.update_binary_input(index, value, BinaryQuality.ONLINE))

    def count_up(self, to: int, ts_ms: int) -> None:
        """The counter, and an event with the time at which it happened."""
        self._do(lambda: self._database.update_counter(0, to, CounterQuality.ONLINE, DNP3Timestamp(ts_ms)))

    def _do(self, what: Any) -> None:
        async def do() -> None:
            what()

        self._loop.call(do())


@contextmanager
def substation(**keys: int) -> Iterator[Substation]:
    """One that runs."""
    peer = Substation(**keys)
    try:
        peer.start()
        yield peer
    finally:
        peer.close()
