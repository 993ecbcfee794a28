"""Modbus TCP: reads registers and bits in blocks (Modbus Application Protocol 1.1b3), by pymodbus.

Only function codes 1 to 4 (read coils, discrete inputs, holding registers, input registers) and 43/14 (read device
identification) leave this module: `_Reader` refuses any other before it is sent.

How registers become blocks, and blocks readings, is in `gateways.blocks`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from contracts.gateways import Modbus, ModbusPoint
from gateways.address import settings_at
from gateways.blocks import Block, Place, PolledBlocks, Refusal, blocks_of, name_of
from gateways.happenings import Happenings
from gateways.layout import SIZES, Field
from gateways.seam import GOOD, AwayError, Description, Discovered, FoundPoint, NonsenseError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["READS", "ModbusSource", "discover"]

READS = frozenset({1, 2, 3, 4, 43})
"""Function codes that only read."""
REGISTERS_MAX = 125
BITS_MAX = 2000
"""Of one request, by the protocol."""
BIT_TABLES = frozenset({"coil", "discrete"})
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


class ModbusSource(PolledBlocks):
    """One device."""

    _settings: Modbus

    def __init__(self, settings: Modbus, happenings: Happenings, *, registers_max: int = REGISTERS_MAX) -> None:
        super().__init__(settings, happenings, plan=_plan(settings, registers_max), points=settings.points)
        self._client: _Reader | None = None

    async def open(self) -> None:
        """Reach the device.

        Raises: AwayError.
        """
        settings = self._settings
        client = self._client = _Reader(
            settings.host, port=settings.port, timeout=settings.timeout_s, retries=0, reconnect_delay=0
        )
        if not await client.connect():
            raise AwayError(f"{settings.host}:{settings.port} doesn't answer")

    async def ask(self, blocks: Sequence[Block]) -> list[bytes | Refusal]:
        """Registers as two bytes each, the high one first; coils and discrete inputs as one byte each.

        Raises: AwayError, NonsenseError.
        """
        return [await self._ask(block) for block in blocks]

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

    async def _ask(self, block: Block) -> bytes | Refusal:
        client = self._client
        assert client is not None
        (table,) = block.area
        count = block.span.end - block.span.start
        ask = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[str(table)]
        try:
            answer: Any = await ask(block.span.start, count=count, device_id=self._settings.unit)
        except (ModbusException, OSError) as error:
            raise AwayError(f"{self._settings.host}: {error}") from error
        except (ValueError, struct.error, IndexError) as error:
            raise NonsenseError(f"{self._settings.host}: an answer that is none ({error})") from error
        if answer.isError():
            code = answer.exception_code
            return Refusal(f"exception code {code}", for_good=code in _FOREVER_WRONG)
        if table in BIT_TABLES:
            return bytes(answer.bits[:count])
        registers = answer.registers
        if len(registers) != count:
            raise NonsenseError(f"{block}: {len(registers)} registers came")
        return struct.pack(f">{count}H", *registers)


async def discover(address: str) -> Discovered:
    """Which of the first registers a device has: Modbus knows no names, and no list of what is there.

    Args:
        address: `host`, `host:port` or `host:port/unit`.

    Raises: AwayError, NonsenseError.
    """
    said = "host, host:port or host:port/unit"
    settings = settings_at(address, Modbus, said, numbers=("unit",), points=_LOOKED_AT)
    source = ModbusSource(settings, Happenings(), registers_max=LOOK_AT_ONCE)
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
    return Discovered(who, points, {"host": settings.host, "port": settings.port, "unit": settings.unit})


_LOOKED_AT = tuple(
    ModbusPoint(table=table, address=address, sensor=f"{table} {address}")
    for table in ("holding", "input")
    for address in range(0, 200, 1)
)


def _plan(settings: Modbus, registers_max: int) -> list[Block]:
    places = [_place(settings, point) for point in settings.points]
    bits = [place for place in places if place.area[0] in BIT_TABLES]
    registers = [place for place in places if place.area[0] not in BIT_TABLES]
    return [
        *blocks_of(registers, unit=2, length_max=registers_max, gap_max=settings.gap),
        *blocks_of(bits, unit=1, length_max=BITS_MAX, gap_max=settings.gap),
    ]


def _place(settings: Modbus, point: ModbusPoint) -> Place:
    name = name_of(settings, point)
    if point.table in BIT_TABLES:
        return Place((point.table,), point.address, Field(*name, at=0, kind="?"))
    kind = _KINDS[point.type]
    size = SIZES.get(kind, 2)
    bit = point.bit or 0
    field = Field(
        *name,
        at=1 if kind == "?" and bit < 8 else 0,
        kind=kind,
        bit=bit % 8,
        scale=point.scale,
        offset=point.offset,
        swapped=point.word_order == "little" and size > 2,
    )
    return Place((point.table,), point.address, field)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
