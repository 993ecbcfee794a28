"""A DNP3 outstation of dnp3py in a thread of its own: a substation with points that the test sets."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dnp3.application.fragment import ObjectBlock
from dnp3.application.qualifiers import CountRange, ObjectHeader
from dnp3.core.enums import FunctionCode
from dnp3.core.flags import AnalogQuality, BinaryQuality, CounterQuality
from dnp3.core.timestamp import DNP3Timestamp
from dnp3.database import AnalogInputConfig, BinaryInputConfig, CounterConfig, Database, DatabaseConfig, EventClass
from dnp3.master import Master
from dnp3.objects.analog_input import AnalogInputEvent32Time
from dnp3.objects.binary_input import BinaryInputEventRelativeTime, BinaryInputEventTime
from dnp3.objects.time import TimeCTO
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
    """Remembers what is asked of it; tells events with their times, and by itself, which dnp3py's own doesn't yet."""

    functions: list[int]
    times: str
    report: Any = None
    """What it has told by itself and wasn't confirmed: told again before it answers."""

    def process_request(self, data: bytes, **how: Any) -> Any:
        """The function code is behind the application control."""
        self.functions.append(data[1])
        responses = super().process_request(data, **how)
        if data[1] == FunctionCode.READ:
            self.report = self.report or self.generate_unsolicited()
        return [self.report, *responses] if self.report and responses else responses

    def tell_by_itself(self) -> None:
        """As an engineer has set it up."""
        super().process_request(Master().build_enable_unsolicited().to_bytes())

    def _build_binary_event_blocks(self, events: list[Any]) -> list[ObjectBlock]:
        if self.times == "absolute":
            return self._timed(
                events, BinaryInputEventTime, lambda of: BinaryInputEventTime(of.quality, of.value, of.timestamp)
            )
        if self.times == "relative" and events:
            base = min((event.timestamp for event in events), key=lambda at: at.milliseconds)
            head = ObjectHeader(group=TimeCTO.GROUP, variation=TimeCTO.VARIATION, qualifier=0x07)
            return [
                ObjectBlock(header=head, data=CountRange(count=1).to_bytes_1() + TimeCTO(base).to_bytes()),
                *self._timed(
                    events,
                    BinaryInputEventRelativeTime,
                    lambda of: BinaryInputEventRelativeTime(
                        of.quality, of.value, of.timestamp.milliseconds - base.milliseconds
                    ),
                ),
            ]
        return super()._build_binary_event_blocks(events)

    def _build_analog_event_blocks(self, events: list[Any]) -> list[ObjectBlock]:
        if self.times == "none":
            return super()._build_analog_event_blocks(events)
        return self._timed(
            events, AnalogInputEvent32Time, lambda of: AnalogInputEvent32Time(of.quality, int(of.value), of.timestamp)
        )

    def _timed(self, events: list[Any], form: Any, made: Any) -> list[ObjectBlock]:
        """Events as objects of dnp3py's that have a time."""
        if not events:
            return []
        index_bytes, count, qualifier = self._event_framing(events)
        body = b"".join(event.index.to_bytes(index_bytes, "little") + made(event).to_bytes() for event in events)
        header = ObjectHeader(group=form.GROUP, variation=form.VARIATION, qualifier=qualifier)
        return [ObjectBlock(header=header, data=count + body)]


class _Waiting(OutstationTcpRunner):
    """Hands on confirmations too: between the pieces of a response they don't go the way of requests."""

    async def _wait_for_confirm(self, *what: Any, expected_seq: int, **how: Any) -> bool:
        came = await super()._wait_for_confirm(*what, expected_seq=expected_seq, **how)
        if came:
            outstation = self.outstation
            if outstation.report is not None and outstation.report.sequence == expected_seq:
                outstation.report = None
            outstation.process_request(bytes([0xC0 | expected_seq, FunctionCode.CONFIRM]))
        return came


class Substation:
    """Address 10, for a master at 1. Every method may be called from any thread.

    Args:
        analogs: analog inputs 0 to one less than this; four binary inputs, and one counter.
        times: of events of inputs: "none"; "absolute"; or "relative", which only binary inputs know.
    """

    def __init__(self, *, analogs: int = 4, times: str = "none") -> None:
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
        self._outstation.times = times

    @property
    def functions(self) -> list[int]:
        """Codes of the functions that were asked for."""
        return self._outstation.functions

    def start(self) -> None:
        """Begin to serve."""
        self._runner = _Waiting(self._outstation, "127.0.0.1", self.port)
        self._running = self._loop.begin(self._runner.run())
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

    def set_analog(self, index: int, value: float, *, flags: int = 0x01, ts_ms: int = 0) -> None:
        """An analog input, a whole number, and an event."""
        at = DNP3Timestamp(ts_ms)
        self._do(lambda: self._database.update_analog_input(index, value, AnalogQuality(flags), at))

    def set_binary(self, index: int, value: bool, *, ts_ms: int = 0) -> None:
        """A binary input, and an event."""
        at = DNP3Timestamp(ts_ms)
        self._do(lambda: self._database.update_binary_input(index, value, BinaryQuality.ONLINE, at))

    def tell_by_itself(self) -> None:
        """Events from now on, before it answers anything."""
        self._do(self._outstation.tell_by_itself)

    def count_up(self, to: int, ts_ms: int) -> None:
        """The counter, and an event with the time at which it happened."""
        self._do(lambda: self._database.update_counter(0, to, CounterQuality.ONLINE, DNP3Timestamp(ts_ms)))

    def _do(self, what: Any) -> None:
        async def do() -> None:
            what()

        self._loop.call(do())


@contextmanager
def substation(**keys: Any) -> Iterator[Substation]:
    """One that runs."""
    peer = Substation(**keys)
    try:
        peer.start()
        yield peer
    finally:
        peer.close()
