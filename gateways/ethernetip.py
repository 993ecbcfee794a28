"""EtherNet/IP: reads tags of Logix controllers, and numbers in attributes of other devices' CIP objects.

Which services leave the house is in `gateways.cip`; how answers become readings is in `gateways.blocks`. Here a block
is one tag, whose type comes with its value, or one attribute, whose types the settings say.
"""

from __future__ import annotations

import asyncio
import re
import struct
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from contracts.gateways import EtherNetIp, EtherNetIpPoint
from gateways.address import settings_at
from gateways.blocks import Block, PolledBlocks, Refusal, name_of
from gateways.cip import TAG_TYPES, CipDevice
from gateways.layout import SIZES, Field, Layout, Span
from gateways.seam import AwayError, Description, Discovered, FoundPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateways.happenings import Happenings
    from gateways.seam import Value

__all__ = ["EtherNetIpSource", "discover"]

_Told = TypeVar("_Told")
TAG, ATTRIBUTE = "tag", "attribute"
"""Sorts of areas."""
ASSEMBLY = 4
"""Class of the objects that hold what a device gives all at once."""
ASSEMBLIES_LOOKED_AT = 255
SHOWN_MAX = 64
"""Bytes of each assembly that `discover` shows."""
TAGS_SHOWN_MAX = 500
_KINDS = {name.lower(): kind for name, kind in TAG_TYPES.values()}
_BIT = re.compile(r"\.(\d{1,2})$")
"""The end of a tag that is a bit of a number."""


class EtherNetIpSource(PolledBlocks):
    """One device."""

    _settings: EtherNetIp

    def __init__(self, settings: EtherNetIp, happenings: Happenings) -> None:
        self._points: dict[tuple[str, str], list[EtherNetIpPoint]] = {}
        for point in settings.points:
            self._points.setdefault(_area(point), []).append(point)
        plan = [
            Block(
                area,
                Span(0, 0),
                Layout((_field(settings, point) for point in points if point.tag is None), order="<"),
                tuple(name_of(settings, point) for point in points),
            )
            for area, points in self._points.items()
        ]
        super().__init__(settings, happenings, plan=plan, points=settings.points)
        self._device: CipDevice | None = None
        self._layouts: dict[tuple[str, int], Layout] = {}
        """By tag and code of its type."""
        self._thread = ThreadPoolExecutor(1, f"cip {settings.name}")
        """Waits for the device. One of its own, so that no device waits for another, and one request for the next."""

    async def open(self) -> None:
        """Reach the device.

        Raises: AwayError, NonsenseError.
        """
        settings = self._settings
        device = self._device = CipDevice(
            settings.host, settings.port, route=settings.route, timeout_s=settings.timeout_s
        )
        await self._wait_for(device.open)

    async def ask(self, blocks: Sequence[Block]) -> list[bytes | Refusal]:
        """Of a tag the code of its type and its value, of an attribute its bytes.

        Raises: AwayError, NonsenseError.
        """
        return await self._wait_for(lambda: self._ask(blocks))

    async def describe(self) -> Description:
        """What the identity object says."""
        assert self._device is not None
        return await self._wait_for(self._device.identity)

    async def close(self) -> None:
        """Let go."""
        device, self._device = self._device, None
        if device is not None:
            await self._wait_for(device.close)

    def values(self, block: Block, data: bytes) -> dict[str, dict[str, Value]]:
        """As the settings say, or as the tag's type does.

        Raises: struct.error, IndexError or ValueError if it is none.
        """
        sort, name = map(str, block.area)
        if sort == ATTRIBUTE:
            return super().values(block, data)
        code = _code(data)
        layout = self._layouts.get((name, code))
        if layout is None:
            fields = [_tag_field(self._settings, point, code) for point in self._points[sort, name]]
            layout = self._layouts[name, code] = Layout(fields, order="<")
        return layout.values(data[2:])

    async def _wait_for(self, what: Callable[[], _Told]) -> _Told:
        return await asyncio.get_running_loop().run_in_executor(self._thread, what)

    def _ask(self, blocks: Sequence[Block]) -> list[bytes | Refusal]:
        device = self._device
        if device is None:
            raise AwayError("the connection was closed")
        tags = [str(name) for sort, name in (block.area for block in blocks) if sort == TAG]
        answers = dict(zip(tags, device.tags(tags), strict=True))
        return [
            self._usable(str(name), answers[str(name)])
            if sort == TAG
            else device.attribute(*map(int, str(name).split("/")))
            for sort, name in (block.area for block in blocks)
        ]

    def _usable(self, tag: str, answer: bytes | Refusal) -> bytes | Refusal:
        """Whether a tag's answer is a number that has the bits that are asked for."""
        if isinstance(answer, Refusal):
            return answer
        code = _code(answer)
        if (tag, code) in self._layouts:  # such an answer was unpacked before
            return answer
        if code not in TAG_TYPES:
            return Refusal(f"is no number (type {code:#06x}); of a structure name a member")
        type_, kind = TAG_TYPES[code]
        bits = 8 * SIZES.get(kind, 1)
        if any((_bit(point) or 0) >= bits for point in self._points[TAG, tag]):
            return Refusal(f"is a {type_} of {bits} bits")
        return answer


async def discover(address: str) -> Discovered:
    """The tags of a controller; of a device that lists none, the bytes of its assemblies.

    Args:
        address: `host`, `host:port` or `host:port/route`; with nothing behind the `/` there is no route.

    Raises: AwayError, NonsenseError.
    """
    said = "host, host:port or host:port/route, as in 192.168.0.40/1/0"
    points_asked = (EtherNetIpPoint(tag="x", sensor="x"),)
    settings = settings_at(address, EtherNetIp, said, text="route", points=points_asked)
    return await asyncio.to_thread(_discover, settings)


def _discover(settings: EtherNetIp) -> Discovered:
    device = CipDevice(settings.host, settings.port, route=settings.route, timeout_s=settings.timeout_s)
    try:
        device.open()
        who = device.identity()
        points = list(_listed(device)) or list(_assemblies(device))
    finally:
        device.close()
    return Discovered(who, points, {"host": settings.host, "port": settings.port, "route": settings.route})


def _listed(device: CipDevice) -> Iterator[FoundPoint]:
    """The tags that a controller lists, as they are now."""
    names = [name for name, _ in islice(device.listed(), TAGS_SHOWN_MAX)]
    for name, answer in zip(names, device.tags(names), strict=True):
        if isinstance(answer, Refusal) or _code(answer) not in TAG_TYPES:
            continue
        type_, kind = TAG_TYPES[_code(answer)]
        (value,) = struct.unpack_from(f"<{kind}", answer, 2)
        yield FoundPoint({"tag": name, "sensor": name}, type=type_, value=f"{value:.6g}")


def _assemblies(device: CipDevice) -> Iterator[FoundPoint]:
    """The beginning of each assembly, two bytes by two."""
    for number in range(1, ASSEMBLIES_LOOKED_AT + 1):
        data = device.attribute(ASSEMBLY, number, 3)
        if isinstance(data, Refusal):
            continue
        for at in range(0, min(len(data), SHOWN_MAX) - 1, 2):
            keys: dict[str, str | int | float] = {"attribute": f"{ASSEMBLY}/{number}/3", "at": at, "type": "int"}
            keys["sensor"] = f"assembly{number}-{at}"
            yield FoundPoint(keys, type="INT", value=str(struct.unpack_from("<h", data, at)[0]))


def _area(point: EtherNetIpPoint) -> tuple[str, str]:
    """What is read for a point: for a bit the number that it is of."""
    return (TAG, _BIT.sub("", point.tag)) if point.tag is not None else (ATTRIBUTE, str(point.attribute))


def _bit(point: EtherNetIpPoint) -> int | None:
    found = _BIT.search(point.tag or "")
    return int(found[1]) if found else None


def _code(answer: bytes) -> int:
    return int.from_bytes(answer[:2], "little")


def _field(settings: EtherNetIp, point: EtherNetIpPoint) -> Field:
    name = name_of(settings, point)
    kind = _KINDS[str(point.type)]
    return Field(*name, at=point.at, kind=kind, bit=point.bit or 0, scale=point.scale, offset=point.offset)


def _tag_field(settings: EtherNetIp, point: EtherNetIpPoint, code: int) -> Field:
    name = name_of(settings, point)
    bit = _bit(point)
    at, place = divmod(bit or 0, 8)
    kind = TAG_TYPES[code][1] if bit is None else "?"
    return Field(*name, at=at, kind=kind, bit=place, scale=point.scale, offset=point.offset)
