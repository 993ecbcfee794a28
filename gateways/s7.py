"""S7 communication of SIMATIC controllers: reads data blocks, markers, inputs and outputs, by python-snap7.

One job leaves this module, besides opening a connection and asking who is there: read variables (function 4). Points
that are near to each other are read as one piece. A data block that the controller doesn't have, or that is optimised
(an S7-1200 or 1500 gives those away only where "optimised block access" is off), is told once and left out.
"""

from __future__ import annotations

import asyncio
import re
import struct
from contextlib import suppress
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from snap7.async_client import AsyncClient
from snap7.error import S7ConnectionError, S7Error
from snap7.type import Area

from contracts.gateways import S7, S7Point
from gateways.happenings import Happenings
from gateways.layout import SIZES, Field, Layout, Span, spans
from gateways.naming import fill
from gateways.polling import beats
from gateways.seam import BAD, GOOD, AwayError, Description, Discovered, FoundPoint, Frame, NonsenseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.seam import Value

__all__ = ["S7Source", "discover"]

BYTES_MAX = 200
"""Of one piece: the smallest PDU of 240 bytes has room for so many."""
SHOWN_MAX = 64
"""Bytes of each data block that `discover` shows."""
_KINDS = {
    "bool": "?",
    "byte": "B",
    "sint": "b",
    "int": "h",
    "word": "H",
    "dint": "i",
    "dword": "I",
    "real": "f",
    "lreal": "d",
}
_USUAL = {"X": "bool", "B": "byte", "W": "int", "D": "real"}
_ADDRESS = re.compile(r"(?:DB(?P<db>\d+)\.DB|(?P<area>[MIQ]))(?P<width>[XBWD]?)(?P<at>\d+)(?:\.(?P<bit>\d))?")
_AREAS = {"M": Area.MK, "I": Area.PE, "Q": Area.PA}
_FAULTS = (OSError, asyncio.TimeoutError, S7ConnectionError)


class _Place(NamedTuple):
    """Where a number is."""

    area: Area
    db: int
    at: int
    bit: int
    kind: str


class _Block(NamedTuple):
    """What one request reads."""

    area: Area
    db: int
    span: Span
    layout: Layout
    names: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        area = f"DB{self.db}" if self.area == Area.DB else self.area.name
        return f"{area} bytes {self.span.start} to {self.span.end - 1}"


class S7Source:
    """One controller."""

    tells_changes = False
    acknowledges = False
    lag_s = 0.0

    def __init__(self, settings: S7, happenings: Happenings) -> None:
        self._settings = settings
        self._happenings = happenings
        self.client: AsyncClient | None = None
        self._plan = _blocks(settings)
        self._blocks = self._plan
        self.deadbands = {
            _name(settings, point): point.deadband for point in settings.points if point.deadband is not None
        }

    async def connect(self) -> None:
        """Reach the controller, and find out which pieces it gives.

        Raises: AwayError, NonsenseError.
        """
        await self.open()
        self._blocks = []
        for block in self._plan:
            try:
                await self._ask(block)
            except S7Error as error:
                self._happenings.refused(
                    self._settings.name, "unknown", count=len(block.names), detail=f"{block}: {error}"
                )
            else:
                self._blocks.append(block)
        if not self._blocks:
            raise NonsenseError(f"{self._settings.host} gives none of the addresses that are asked for")

    async def open(self) -> None:
        """Reach the controller.

        Raises: AwayError.
        """
        settings = self._settings
        client = self.client = AsyncClient()
        try:
            await asyncio.wait_for(
                client.connect(settings.host, settings.rack, settings.slot, settings.port), settings.timeout_s
            )
        except (*_FAULTS, S7Error) as error:
            raise AwayError(f"{settings.host}:{settings.port}: {str(error) or 'no answer'}") from error

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """All points, again and again.

        Raises: AwayError, NonsenseError.
        """
        async for _ in beats(self._settings.every_s):
            frames: list[Frame] = []
            for block in self._blocks:
                frames += await self._frames(block)
            yield frames

    async def describe(self) -> Description:
        """The CPU's own words, where it has some."""
        assert self.client is not None
        try:
            told = await asyncio.wait_for(self.client.get_cpu_info(), self._settings.timeout_s)
        except _FAULTS as error:
            raise AwayError(f"{self._settings.host}: {error}") from error
        except (S7Error, struct.error, ValueError, IndexError):
            return Description()
        fields = (told.Copyright, told.ModuleTypeName, "", told.SerialNumber)
        return Description(*(_text(field) for field in fields))

    async def close(self) -> None:
        """Let go."""
        client, self.client = self.client, None
        if client is not None:
            with suppress(S7Error, *_FAULTS):
                await asyncio.wait_for(client.disconnect(), self._settings.timeout_s)

    async def _ask(self, block: _Block) -> bytes:
        """The bytes of a piece.

        Raises: AwayError, NonsenseError; S7Error if the controller refuses.
        """
        assert self.client is not None
        size = block.span.end - block.span.start
        try:
            data = await asyncio.wait_for(
                self.client.read_area(block.area, block.db, block.span.start, size), self._settings.timeout_s
            )
        except _FAULTS as error:
            raise AwayError(f"{self._settings.host}: {str(error) or 'no answer'}") from error
        except (ValueError, struct.error, IndexError, KeyError) as error:
            raise NonsenseError(f"{self._settings.host}: an answer that is none ({error})") from error
        if len(data) != size:
            raise NonsenseError(f"{block}: {len(data)} bytes came")
        return bytes(data)

    async def _frames(self, block: _Block) -> list[Frame]:
        quality = GOOD
        found: dict[str, dict[str, Value]] = {}
        try:
            found = block.layout.values(await self._ask(block))
        except S7Error:
            quality = BAD
            for asset, sensor in block.names:
                found.setdefault(asset, {})[sensor] = nan
        return [Frame(asset, 0, quality, values) for asset, values in found.items()]


async def discover(address: str) -> Discovered:
    """The data blocks that a controller gives, and the words in them: S7 knows no names.

    Args:
        address: `host`, `host:port` or `host:port/rack.slot`.

    Raises: AwayError, NonsenseError.
    """
    where, _, place = address.partition("/")
    host, _, port = where.partition(":")
    rack, _, slot = place.partition(".")
    try:
        settings = S7(
            name="discover",
            host=host,
            port=int(port or 102),
            rack=int(rack or 0),
            slot=int(slot or 1),
            points=(S7Point(address="MB0", sensor="x"),),
        )
    except ValueError as error:
        raise NonsenseError(f"{address}: give host, host:port or host:port/rack.slot") from error
    source = S7Source(settings, Happenings())
    points: list[FoundPoint] = []
    try:
        await source.open()
        who = await source.describe()
        for number in range(1, DB_LOOKED_AT + 1):
            points += await _words(source, number)
    finally:
        await source.close()
    return Discovered(who, points, {"host": host, "port": settings.port, "rack": settings.rack, "slot": settings.slot})


DB_LOOKED_AT = 100
"""Data blocks 1 to this."""


async def _words(source: S7Source, number: int) -> list[FoundPoint]:
    """What is in the beginning of a data block; it may be shorter than is shown."""
    assert source.client is not None
    for size in (SHOWN_MAX, SHOWN_MAX // 2, SHOWN_MAX // 4, 4):
        try:
            data = bytes(await source.client.read_area(Area.DB, number, 0, size))
        except (S7Error, ValueError):
            continue
        except OSError as error:
            raise AwayError(str(error)) from error
        return [
            FoundPoint(
                {"address": f"DB{number}.DBD{at}", "sensor": f"db{number}-{at}"},
                type="real",
                value=f"{struct.unpack_from('>f', data, at)[0]:.6g}",
            )
            for at in range(0, len(data) - 3, 4)
        ]
    return []


def _blocks(settings: S7) -> list[_Block]:
    places = [(_place(point), point, _name(settings, point)) for point in settings.points]
    blocks = []
    for area, db in sorted({(place.area, place.db) for place, _, _ in places}):
        here = [each for each in places if (each[0].area, each[0].db) == (area, db)]
        for span in spans((_span(place) for place, _, _ in here), length_max=BYTES_MAX, gap_max=settings.gap):
            within = [each for each in here if span.start <= each[0].at and _span(each[0]).end <= span.end]
            here = [each for each in here if each not in within]
            layout = Layout(
                Field(*name, place.at - span.start, place.kind, place.bit, point.scale, point.offset)
                for place, point, name in within
            )
            blocks.append(_Block(area, db, span, layout, tuple(name for _, _, name in within)))
    return blocks


def _place(point: S7Point) -> _Place:
    found = _ADDRESS.fullmatch(point.address)
    assert found is not None, point.address
    kind = _KINDS[point.type or _USUAL[found["width"] or "X"]]
    area = Area.DB if found["db"] else _AREAS[found["area"]]
    return _Place(area, int(found["db"] or 0), int(found["at"]), int(found["bit"] or 0), kind)


def _span(place: _Place) -> Span:
    return Span(place.at, place.at + SIZES.get(place.kind, 1))


def _name(settings: S7, point: S7Point) -> tuple[str, str]:
    return fill(point.asset or settings.asset, {"device": settings.name}), point.sensor


def _text(field: object) -> str:
    text = field.decode("latin-1") if isinstance(field, bytes) else str(field)
    return text.strip("\x00 ")
