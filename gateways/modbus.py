"""Modbus TCP: reads registers and bits in blocks (Modbus Application Protocol 1.1b3), by pymodbus.

Only function codes 1 to 4 (read coils, discrete inputs, holding registers, input registers) and 43/14 (read device
identification) leave this module: `_Reader` refuses any other before it is sent.

Registers are read in as few blocks as their addresses allow. A block that the device doesn't have is told once and left
out; when none is left, the device is quarantined.
"""

from __future__ import annotations

import struct
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from contracts.gateways import Modbus, ModbusPoint
from gateways.happenings import Happenings
from gateways.layout import SIZES, Field, Layout, Span, spans
from gateways.naming import fill
from gateways.polling import beats
from gateways.seam import BAD, GOOD, AwayError, Description, Discovered, FoundPoint, Frame, NonsenseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.seam import Value

__all__ = ["READS", "ModbusSource", "discover"]

READS = frozenset({1, 2, 3, 4, 43})
"""Function codes that only read."""
REGISTERS_MAX = 125
BITS_MAX = 2000
"""Of one request, by the protocol."""
LOOK_AT_ONCE = 10
"""Registers of one request of `discover`: a block is answered whole or not at all."""
_KINDS = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
    "bit": "?",
}
_FOREVER_WRONG = frozenset({1, 2, 3})
"""Exception codes: illegal function, address, value. Asked again the answer is the same."""


class _Reader(AsyncModbusTcpClient):
    """A client that can only read."""

    def execute(self, no_response_expected: bool, request: Any) -> Any:  # noqa: FBT001 - the library's signature
        """Send a request that reads."""
        if request.function_code not in READS:
            raise PermissionError(f"function code {request.function_code} isn't one that only reads")
        return super().execute(no_response_expected, request)


class _Block(NamedTuple):
    """What one request reads."""

    table: str
    span: Span
    layout: Layout | None
    """Of registers."""
    bits: tuple[tuple[str, str, int], ...]
    """(asset, sensor, number in the block) of coils and discrete inputs."""
    names: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.table} {self.span.start} to {self.span.end - 1}"


class ModbusSource:
    """One device."""

    tells_changes = False
    acknowledges = False
    lag_s = 0.0

    def __init__(self, settings: Modbus, happenings: Happenings, *, length_max: int = REGISTERS_MAX) -> None:
        self._settings = settings
        self._happenings = happenings
        self._client: _Reader | None = None
        self._plan = _blocks(settings, length_max)
        self._blocks = self._plan
        self.deadbands = {
            _name(settings, point): point.deadband for point in settings.points if point.deadband is not None
        }

    async def connect(self) -> None:
        """Reach the device, and find out which blocks it has.

        Raises: AwayError, NonsenseError.
        """
        settings = self._settings
        client = self._client = _Reader(
            settings.host, port=settings.port, timeout=settings.timeout_s, retries=0, reconnect_delay=0
        )
        if not await client.connect():
            raise AwayError(f"{settings.host}:{settings.port} doesn't answer")
        self._blocks = []
        for block in self._plan:
            answer = await self._ask(client, block)
            if answer.isError() and answer.exception_code in _FOREVER_WRONG:
                detail = f"{block}: exception code {answer.exception_code}"
                self._happenings.refused(settings.name, "unknown", count=len(block.names), detail=detail)
            else:
                self._blocks.append(block)
        if not self._blocks:
            raise NonsenseError(f"{settings.host} unit {settings.unit} has none of the registers that are asked for")

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """All points, again and again.

        Raises: AwayError.
        """
        client = self._client
        assert client is not None
        async for _ in beats(self._settings.every_s):
            frames: list[Frame] = []
            for block in self._blocks:
                frames += self._frames(block, await self._ask(client, block))
            yield frames

    async def describe(self) -> Description:
        """What the device says of itself, where it does."""
        client = self._client
        assert client is not None
        try:
            answer = await client.read_device_information(read_code=1, device_id=self._settings.unit)
        except (ModbusException, OSError, ValueError, struct.error, IndexError):
            if not client.connected:
                raise AwayError("the connection broke") from None
            return Description()
        if answer.isError():
            return Description()
        information: dict[int, Any] = getattr(answer, "information", {})
        told = {number: _text(value) for number, value in information.items()}
        return Description(vendor=told.get(0, ""), model=told.get(1, ""), firmware=told.get(2, ""))

    async def close(self) -> None:
        """Let go."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _ask(self, client: _Reader, block: _Block) -> Any:
        ask = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[block.table]
        count = block.span.end - block.span.start
        try:
            return await ask(block.span.start, count=count, device_id=self._settings.unit)
        except (ModbusException, OSError) as error:
            raise AwayError(f"{self._settings.host}: {error}") from error
        except (ValueError, struct.error, IndexError) as error:
            raise NonsenseError(f"{self._settings.host}: an answer that is none ({error})") from error

    def _frames(self, block: _Block, answer: Any) -> list[Frame]:
        """What an answer says; of an answer that is an error, that nothing is known now."""
        quality = BAD if answer.isError() else GOOD
        found: dict[str, dict[str, Value]] = {}
        if quality == BAD:
            for asset, sensor in block.names:
                found.setdefault(asset, {})[sensor] = nan
        elif block.layout is not None:
            registers = answer.registers
            if len(registers) != block.span.end - block.span.start:
                raise NonsenseError(f"{block}: {len(registers)} registers came")
            found = block.layout.values(struct.pack(f">{len(registers)}H", *registers))
        else:
            for asset, sensor, number in block.bits:
                found.setdefault(asset, {})[sensor] = bool(answer.bits[number])
        return [Frame(asset, 0, quality, values) for asset, values in found.items()]


async def discover(address: str) -> Discovered:
    """Which of the first registers a device has: Modbus knows no names, and no list of what is there.

    Args:
        address: `host`, `host:port` or `host:port/unit`.

    Raises: AwayError, NonsenseError.
    """
    where, _, unit = address.partition("/")
    host, _, port = where.partition(":")
    try:
        settings = Modbus(name="discover", host=host, port=int(port or 502), unit=int(unit or 1), points=_LOOKED_AT)
    except ValueError as error:
        raise NonsenseError(f"{address}: give host, host:port or host:port/unit") from error
    source = ModbusSource(settings, Happenings(), length_max=LOOK_AT_ONCE)
    try:
        await source.connect()
        who = await source.describe()
        async for frames in source.readings():
            points = [
                FoundPoint(
                    keys={
                        "table": sensor.split()[0],
                        "address": int(sensor.split()[1]),
                        "sensor": sensor.replace(" ", "-"),
                    },
                    type="uint16",
                    value=str(value),
                )
                for frame in frames
                if frame.quality == GOOD
                for sensor, value in frame.values.items()
            ]
            break
    finally:
        await source.close()
    return Discovered(who, points, {"host": host, "port": settings.port, "unit": settings.unit})


_LOOKED_AT = tuple(
    ModbusPoint(table=table, address=address, sensor=f"{table} {address}")
    for table in ("holding", "input")
    for address in range(0, 200, 1)
)


def _blocks(settings: Modbus, registers_max: int) -> list[_Block]:
    blocks = []
    for table in ("holding", "input", "coil", "discrete"):
        points = [point for point in settings.points if point.table == table]
        length_max = registers_max if table in {"holding", "input"} else BITS_MAX
        for span in spans(map(_span, points), length_max=length_max, gap_max=settings.gap):
            within = [point for point in points if span.start <= point.address and _span(point).end <= span.end]
            points = [point for point in points if point not in within]
            names = tuple(_name(settings, point) for point in within)
            layout: Layout | None = None
            bits: tuple[tuple[str, str, int], ...] = ()
            if table in {"holding", "input"}:
                layout = Layout(_field(point, name, span.start) for point, name in zip(within, names, strict=True))
            else:
                bits = tuple((*name, point.address - span.start) for point, name in zip(within, names, strict=True))
            blocks.append(_Block(table, span, layout, bits, names))
    return blocks


def _span(point: ModbusPoint) -> Span:
    words = SIZES.get(_KINDS[point.type], 2) // 2 if point.table in {"holding", "input"} else 1
    return Span(point.address, point.address + words)


def _field(point: ModbusPoint, name: tuple[str, str], start: int) -> Field:
    at = 2 * (point.address - start)
    bit = point.bit or 0
    return Field(
        *name,
        at=at + (1 if bit < 8 else 0) if point.type == "bit" else at,
        kind=_KINDS[point.type],
        bit=bit % 8,
        scale=point.scale,
        offset=point.offset,
        swapped=point.word_order == "little" and SIZES.get(_KINDS[point.type], 2) > 2,
    )


def _name(settings: Modbus, point: ModbusPoint) -> tuple[str, str]:
    return fill(point.asset or settings.asset, {"device": settings.name}), point.sensor


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
