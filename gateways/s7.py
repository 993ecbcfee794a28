"""S7 communication of SIMATIC controllers: reads data blocks, markers, inputs and outputs, by python-snap7.

One job leaves this module, besides opening a connection and asking who is there: read variables (function 4). How
addresses become blocks, and blocks readings, is in `gateways.blocks`. A data block that is optimised is one that the
controller doesn't have: an S7-1200 or 1500 gives away only those where "optimised block access" is off.
"""

from __future__ import annotations

import asyncio
import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from snap7.async_client import AsyncClient
from snap7.error import S7ConnectionError, S7Error
from snap7.type import Area

from contracts.gateways import S7, S7Point
from gateways.address import settings_at
from gateways.blocks import Block, Place, PolledBlocks, Refusal, blocks_of, name_of
from gateways.happenings import Happenings
from gateways.layout import Field
from gateways.seam import AwayError, Description, Discovered, FoundPoint, NonsenseError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_AREAS = {"DB": Area.DB, "M": Area.MK, "I": Area.PE, "Q": Area.PA}
_FAULTS = (OSError, asyncio.TimeoutError, S7ConnectionError)


class S7Source(PolledBlocks):
    """One controller."""

    _settings: S7

    def __init__(self, settings: S7, happenings: Happenings) -> None:
        places = [_place(settings, point) for point in settings.points]
        plan = blocks_of(places, unit=1, length_max=BYTES_MAX, gap_max=settings.gap)
        super().__init__(settings, happenings, plan=plan, points=settings.points)
        self.client: AsyncClient | None = None

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

    async def ask(self, blocks: Sequence[Block]) -> list[bytes | Refusal]:
        """The bytes of each block.

        Raises: AwayError, NonsenseError.
        """
        return [await self._ask(block) for block in blocks]

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

    async def _ask(self, block: Block) -> bytes | Refusal:
        assert self.client is not None
        letter, *db = block.area
        size = block.span.end - block.span.start
        try:
            data = await asyncio.wait_for(
                self.client.read_area(_AREAS[str(letter)], int(db[0]) if db else 0, block.span.start, size),
                self._settings.timeout_s,
            )
        except _FAULTS as error:
            raise AwayError(f"{self._settings.host}: {str(error) or 'no answer'}") from error
        except S7Error as error:
            return Refusal(str(error))
        except (ValueError, struct.error, IndexError, KeyError) as error:
            raise NonsenseError(f"{self._settings.host}: an answer that is none ({error})") from error
        if len(data) != size:
            raise NonsenseError(f"{block}: {len(data)} bytes came")
        return bytes(data)


async def discover(address: str) -> Discovered:
    """The data blocks that a controller gives, and the words in them: S7 knows no names.

    Args:
        address: `host`, `host:port` or `host:port/rack.slot`.

    Raises: AwayError, NonsenseError.
    """
    said = "host, host:port or host:port/rack.slot"
    points_asked = (S7Point(address="MB0", sensor="x"),)
    settings = settings_at(address, S7, said, numbers=("rack", "slot"), points=points_asked)
    source = S7Source(settings, Happenings())
    points: list[FoundPoint] = []
    try:
        await source.open()
        who = await source.describe()
        for number in range(1, DB_LOOKED_AT + 1):
            points += await _words(source, number)
    finally:
        await source.close()
    return Discovered(
        who, points, {"host": settings.host, "port": settings.port, "rack": settings.rack, "slot": settings.slot}
    )


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


def _place(settings: S7, point: S7Point) -> Place:
    found = _ADDRESS.fullmatch(point.address)
    assert found is not None, point.address
    kind = _KINDS[point.type or _USUAL[found["width"] or "X"]]
    field = Field(
        *name_of(settings, point),
        at=0,
        kind=kind,
        bit=int(found["bit"] or 0),
        scale=point.scale,
        offset=point.offset,
    )
    area = ("DB", int(found["db"])) if found["db"] else (found["area"],)
    return Place(area, int(found["at"]), field)


def _text(field: object) -> str:
    text = field.decode("latin-1") if isinstance(field, bytes) else str(field)
    return text.strip("\x00 ")
