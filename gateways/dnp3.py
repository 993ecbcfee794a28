"""DNP3 (IEEE 1815-2012) over TCP: reads an outstation's events and present values, by dnp3py.

Two application functions leave this module: READ and CONFIRM; `_Runner` refuses any other before it is sent. So the
clock of the device isn't set, its restart isn't acknowledged, and unsolicited reports aren't switched on or off: what
it sends by itself is taken and confirmed.

Each poll reads the events of classes 1 to 3, which have the times at which they happened, and then all present values.
An event is confirmed, and the device forgets it, only when what it says is on the gateway's disk: also one that it
reports by itself while the connection is being made. It may put off all answers until then; so the connection counts as
made as soon as it has told anything.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from dnp3.application.builder import build_all_objects_request
from dnp3.core.enums import FunctionCode
from dnp3.core.flags import IIN, DoubleBitState
from dnp3.master import Master, MasterConfig, MasterRunnerError, MasterTcpRunner
from dnp3.transport_io.channel import ChannelError

from contracts.gateways import Dnp3, Dnp3Point
from contracts.moments import ms_of
from gateways.address import settings_at
from gateways.blocks import name_of
from gateways.cancelling import end
from gateways.happenings import Happenings
from gateways.polling import beats
from gateways.seam import BAD, GOOD, UNCERTAIN, AwayError, Description, Discovered, FoundPoint, Frame, NonsenseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.seam import Value

__all__ = ["READS", "Dnp3Source", "discover"]

READS = frozenset({FunctionCode.READ, FunctionCode.CONFIRM})
"""Application functions that change nothing but which events the device still has to tell."""
CLASS_0 = (60, 1)
"""Group and variation of all present values."""
REFUSALS = IIN.NO_FUNC_CODE_SUPPORT | IIN.OBJECT_UNKNOWN | IIN.PARAMETER_ERROR
FAULTS = (MasterRunnerError, ChannelError, OSError, TimeoutError)
FRAGMENT_BYTES_MAX = 65_536
CANCEL_AGAIN_S = 1.0
MARGIN_S = 0.02
"""Before a beat, in which listening isn't worth the while."""
ONLINE, RESTART, COMM_LOST, IN_DOUBT = 0x01, 0x02, 0x04, 0x78
"""Flags of every point; the last four are: forced far away or here, and per sort chatter, range, reference, jump."""


class _Told(NamedTuple):
    """What an outstation says of one point."""

    sort: str
    number: int
    value: Value
    quality: int
    ts_ms: int
    """0: a present value, or an event without a time."""


class _Runner(MasterTcpRunner):
    """A master that can only read, and confirms when it may."""

    hand_over: _HandOver | None = None
    """None: nobody keeps what the device says."""

    async def send(self, request: Any, **how: Any) -> None:
        """Send a request that reads."""
        if request.header.function not in READS:
            raise PermissionError(f"function {request.header.function.name} isn't one that only reads")
        await super().send(request, **how)

    async def _send_confirm(self, sequence: int, *, uns: bool, deadline: float) -> None:
        if self.hand_over is not None:
            await self.hand_over()
        elif uns:  # confirmed, the device would forget it; so it says it again
            return
        await super()._send_confirm(sequence, uns=uns, deadline=deadline)


class _Handler:
    """Takes what a response says, in its order: dnp3py calls it."""

    def __init__(self) -> None:
        self.told: list[_Told] = []
        """Since it was last taken."""
        self.points: set[tuple[str, int]] = set()
        """Sort and number of what was told before."""

    def take(self) -> list[_Told]:
        """What was told since."""
        told, self.told = self.told, []
        self.points.update((each.sort, each.number) for each in told)
        return told

    def on_binary_input(self, values: list[Any], _info: Any) -> None:
        """Groups 1 and 2."""
        self._take("binary_input", values)

    def on_binary_output(self, values: list[Any], _info: Any) -> None:
        """Groups 10 and 11."""
        self._take("binary_output", values)

    def on_analog_input(self, values: list[Any], _info: Any) -> None:
        """Groups 30 and 32."""
        self._take("analog_input", values)

    def on_analog_output(self, values: list[Any], _info: Any) -> None:
        """Groups 40 and 42."""
        self._take("analog_output", values)

    def on_counter(self, values: list[Any], _info: Any) -> None:
        """Groups 20 and 22."""
        self._take("counter", values)

    def on_frozen_counter(self, values: list[Any], _info: Any) -> None:
        """Groups 21 and 23."""
        self._take("frozen_counter", values)

    def on_double_bit_input(self, values: list[Any], _info: Any) -> None:
        """Groups 3 and 4: neither on nor off is no value that can be trusted."""
        for each in values:
            sure = each.state in {DoubleBitState.ON, DoubleBitState.OFF}
            quality = _quality(each.quality) if sure else BAD
            told = _Told("double_bit_input", each.index, each.state == DoubleBitState.ON, quality, _ms(each.timestamp))
            self.told.append(told)

    def _take(self, sort: str, values: list[Any]) -> None:
        self.told += [
            _Told(sort, each.index, each.value, _quality(each.quality), _ms(each.timestamp)) for each in values
        ]


class Dnp3Source:
    """One outstation."""

    tells_changes = False
    acknowledges = True
    lag_s = 0.0

    def __init__(self, settings: Dnp3, happenings: Happenings) -> None:
        self._settings = settings
        self._happenings = happenings
        self._names: dict[tuple[str, int], tuple[tuple[str, str], Dnp3Point]] = {
            (point.type, point.index): (name_of(settings, point), point) for point in settings.points
        }
        self.deadbands = {name: point.deadband for name, point in self._names.values() if point.deadband is not None}
        self._handler = _Handler()
        self._runner: _Runner | None = None
        self._handing_over = _HandOver()
        self._talking: asyncio.Task[None] | None = None
        self._overflowing = False

    async def connect(self) -> None:
        """Reach the outstation, and wait for the first that it tells.

        Raises: AwayError, NonsenseError.
        """
        self._handler = _Handler()
        handing_over = self._handing_over = _HandOver()
        talking = self._talking = asyncio.create_task(self._talk(handing_over))
        talking.add_done_callback(lambda _: handing_over.wanted.set())
        await handing_over.wanted.wait()
        if talking.done():
            talking.result()

    async def present(self) -> list[_Told]:
        """Reach the outstation, and read all present values; what it reports by itself isn't confirmed.

        Raises: AwayError, NonsenseError.
        """
        await self._read_present(await self._open(None))
        return [told for told in self._handler.take() if not told.ts_ms]

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """Events as they are told, and all present values again and again.

        Raises: AwayError, NonsenseError.
        """
        talking, handing_over = self._talking, self._handing_over
        assert talking is not None
        while True:
            await handing_over.wanted.wait()
            if talking.done():
                talking.result()
            yield self._frames(self._handler.take())
            handing_over.done()  # it is on the disk

    async def describe(self) -> Description:
        """Nothing: what a device says of itself is in objects of group 0, which dnp3py doesn't read."""
        return Description()

    async def close(self) -> None:
        """Let go."""
        talking, self._talking = self._talking, None
        if talking is not None:
            await end([talking], again_s=CANCEL_AGAIN_S)
            if not talking.cancelled():
                talking.exception()  # it has been told, or nobody asks any more
        runner, self._runner = self._runner, None
        if runner is not None:
            with suppress(*FAULTS):
                await runner.close()

    async def _open(self, hand_over: _HandOver | None) -> _Runner:
        settings = self._settings
        config = MasterConfig(
            address=settings.master,
            outstation_address=settings.outstation,
            max_fragment_size=FRAGMENT_BYTES_MAX,
            response_timeout=settings.timeout_s,
        )
        master = Master(config=config, handler=self._handler)
        runner = self._runner = _Runner(master, settings.host, settings.port, settings.timeout_s)
        runner.hand_over = hand_over
        try:
            await asyncio.wait_for(runner.open(), settings.timeout_s)
        except FAULTS as error:
            raise self._away(error) from error
        return runner

    async def _read_present(self, runner: _Runner) -> None:
        """Ask for all present values, which needs nothing of the events."""
        number = runner.master.next_request_sequence()
        try:
            responses = await runner.request(build_all_objects_request(FunctionCode.READ, *CLASS_0, seq=number))
        except FAULTS as error:
            raise self._away(error) from error
        if any(response.iin & REFUSALS for response in responses):
            raise NonsenseError(f"outstation {self._settings.outstation} refuses to have its present values read")

    async def _talk(self, handing_over: _HandOver) -> None:
        """Find out which points there are; then ask at each beat, and in between listen to what comes by itself."""
        runner = await self._open(handing_over)
        await self._read_present(runner)
        present = self._handler.points.union((told.sort, told.number) for told in self._handler.told)
        missing = self._names.keys() - present
        for sort, index in sorted(missing):
            self._happenings.refused(self._settings.name, "unknown", detail=f"the outstation has no {sort} {index}")
        if len(missing) == len(self._names):
            raise NonsenseError(f"outstation {self._settings.outstation} has none of the points that are asked for")
        await self._poll(runner, handing_over)

    async def _poll(self, runner: _Runner, handing_over: _HandOver) -> None:
        every_s = self._settings.every_s
        clock = asyncio.get_running_loop().time
        try:
            async for _ in beats(every_s):
                until = clock() + every_s
                for response in await runner.integrity_poll():
                    self._look_at(response)
                await handing_over()
                while (left := until - clock()) > MARGIN_S:
                    report = await runner.listen_unsolicited(timeout=left)
                    if report is None:
                        break
                    self._look_at(report)
        except FAULTS as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> AwayError:
        return AwayError(f"{self._settings.host}:{self._settings.port}: {str(error) or 'no answer'}")

    def _look_at(self, response: Any) -> None:
        """What a response says of itself."""
        overflowing = bool(response.iin & IIN.EVENT_BUFFER_OVERFLOW)
        if overflowing and not self._overflowing:
            self._happenings.gap(self._settings.name, why="its buffer of events has run over")
        self._overflowing = overflowing
        if response.truncation is not None:
            what = response.truncation
            detail = f"group {what.group} variation {what.variation}: {what.reason.value}"
            self._happenings.refused(self._settings.name, "bad_payload", detail=detail)

    def _frames(self, told: list[_Told]) -> list[Frame]:
        """Events with a time, each at its own; then what has none, of each point the last that was told."""
        frames: list[Frame] = []
        undated: dict[tuple[str, str], tuple[int, Value]] = {}
        for each in told:
            found = self._names.get((each.sort, each.number))
            if found is None:
                continue
            name, point = found
            value = each.value
            if (point.scale, point.offset) != (1.0, 0.0):
                value = value * point.scale + point.offset
            if each.ts_ms:
                frames.append(Frame(name[0], each.ts_ms, each.quality, {name[1]: value}))
            else:
                undated[name] = each.quality, value
        present: dict[tuple[str, int], dict[str, Value]] = {}
        for (asset, sensor), (quality, value) in undated.items():
            present.setdefault((asset, quality), {})[sensor] = value
        return frames + [Frame(asset, 0, quality, values) for (asset, quality), values in present.items()]


class _HandOver:
    """Between the task that talks to the device and the one that keeps what it says."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self._done = asyncio.Event()

    async def __call__(self) -> None:
        """Wait until all that came is kept."""
        self._done.clear()
        self.wanted.set()
        await self._done.wait()

    def done(self) -> None:
        """It is."""
        self.wanted.clear()
        self._done.set()


async def discover(address: str) -> Discovered:
    """The points that an outstation has, by number: DNP3 knows no names.

    Args:
        address: `host`, `host:port` or `host:port/outstation.master`.

    Raises: AwayError, NonsenseError.
    """
    said = "host, host:port or host:port/outstation.master"
    points_asked = (Dnp3Point(index=0, sensor="x"),)
    settings = settings_at(address, Dnp3, said, numbers=("outstation", "master"), points=points_asked)
    source = Dnp3Source(settings, Happenings())
    try:
        found = await source.present()
    finally:
        await source.close()
    points = [
        FoundPoint(
            {"type": told.sort, "index": told.number, "sensor": f"{told.sort}-{told.number}".replace("_", "-")},
            value=f"{told.value:.6g}" if told.quality != BAD else "of bad quality",
        )
        for told in found
    ]
    return Discovered(
        Description(),
        points,
        {"host": settings.host, "port": settings.port, "outstation": settings.outstation, "master": settings.master},
    )


def _quality(flags: int) -> int:
    if not flags & ONLINE or flags & (RESTART | COMM_LOST):
        return BAD
    return UNCERTAIN if flags & IN_DOUBT else GOOD


def _ms(time: datetime | None) -> int:
    return 0 if time is None else ms_of(time)
