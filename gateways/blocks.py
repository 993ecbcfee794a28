"""Devices whose memory is read in blocks, again and again: what their protocols have in common.

A protocol says where in the device each point is (`Place`), and how a block is asked for (`ask`). Points that are near
to each other become one block, a block becomes one request, and its bytes become frames. A block that the device
doesn't have is told once and left out until the next connection; when none is left, the device is quarantined.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections import deque
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from gateways.layout import Field, Layout, Span, spans
from gateways.naming import fill
from gateways.polling import beats
from gateways.seam import BAD, GOOD, Frame, NonsenseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from contracts.gateways import Polled, PolledPoint
    from gateways.happenings import Happenings
    from gateways.seam import Description, Value

__all__ = ["Area", "Block", "Place", "PolledBlocks", "Refusal", "blocks_of", "name_of"]

Area = tuple[int | str, ...]
"""Names a part of the device's memory; what is in one area can be read by one request."""


class Place(NamedTuple):
    """Where a point is."""

    area: Area
    start: int
    """In the area's own unit: registers, coils, bytes."""
    field: Field
    """Counted in bytes from there."""

    def span(self, unit: int) -> Span:
        """What has to be read for it, where a unit has so many bytes."""
        return Span(self.start, self.start + -(-self.field.end // unit))


class Block(NamedTuple):
    """What one request reads."""

    area: Area
    span: Span
    """Nothing where an area is read whole."""
    layout: Layout
    names: tuple[tuple[str, str], ...]
    """(asset, sensor) of what is in it."""

    def __str__(self) -> str:
        area = " ".join(map(str, self.area))
        return f"{area} {self.span.start} to {self.span.end - 1}" if self.span.end else area


class Refusal(NamedTuple):
    """A device's answer that isn't what was asked for."""

    why: str
    for_good: bool = True
    """Asked again, it would say the same."""


class PolledBlocks(ABC):
    """A `gateways.seam.Source` that reads blocks.

    Args:
        plan: all blocks that the settings ask for.
        points: of the settings.
    """

    tells_changes = False
    acknowledges = False
    lag_s = 0.0

    def __init__(
        self, settings: Polled, happenings: Happenings, *, plan: Sequence[Block], points: Iterable[PolledPoint]
    ) -> None:
        self._settings = settings
        self._happenings = happenings
        self._plan = plan
        self._blocks = list(plan)
        self.deadbands = {name_of(settings, point): point.deadband for point in points if point.deadband is not None}

    @abstractmethod
    async def open(self) -> None:
        """Reach the device.

        Raises: AwayError.
        """

    @abstractmethod
    async def ask(self, blocks: Sequence[Block]) -> list[bytes | Refusal]:
        """What the device answers for each of these blocks.

        Raises: AwayError, NonsenseError.
        """

    @abstractmethod
    async def describe(self) -> Description:
        """Ask the device who it is."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the device."""

    async def connect(self) -> None:
        """Reach the device, and find out which blocks it has.

        Raises: AwayError, NonsenseError.
        """
        await self.open()
        device = self._settings
        self._blocks = []
        for block, answer in zip(self._plan, await self.ask(self._plan), strict=True):
            if isinstance(answer, Refusal) and answer.for_good:
                detail = f"{block}: {answer.why}"
                self._happenings.refused(device.name, "unknown", count=len(block.names), detail=detail)
            else:
                self._blocks.append(block)
        if not self._blocks:
            raise NonsenseError(f"{device.host} has none of what is asked for; see `points` of {device.name}")

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """All points, again and again.

        Raises: AwayError, NonsenseError.
        """
        async for _ in beats(self._settings.every_s):
            yield self._frames(await self.ask(self._blocks))

    def values(self, block: Block, data: bytes) -> dict[str, dict[str, Value]]:
        """Asset → sensor → value of what came for a block.

        Raises: struct.error, IndexError or ValueError if it is none.
        """
        return block.layout.values(data)

    def _frames(self, answers: Iterable[bytes | Refusal]) -> list[Frame]:
        """What a poll says of each asset; and of what was refused, that it isn't known now."""
        known: dict[str, dict[str, Value]] = {}
        unknown: dict[str, dict[str, Value]] = {}
        for block, answer in zip(self._blocks, answers, strict=True):
            if isinstance(answer, Refusal):
                for asset, sensor in block.names:
                    unknown.setdefault(asset, {})[sensor] = nan
                continue
            try:
                found = self.values(block, answer)
            except (struct.error, IndexError, ValueError) as error:
                raise NonsenseError(f"{self._settings.host}: {block}: an answer that is none ({error})") from error
            for asset, values in found.items():
                if asset in known:
                    known[asset].update(values)
                else:
                    known[asset] = values
        return [
            Frame(asset, 0, quality, values)
            for quality, assets in ((GOOD, known), (BAD, unknown))
            for asset, values in assets.items()
        ]


def name_of(settings: Polled, point: PolledPoint) -> tuple[str, str]:
    """Asset and sensor of a point."""
    return fill(point.asset or settings.asset, {"device": settings.name}), point.sensor


def blocks_of(places: Iterable[Place], *, unit: int, length_max: int, gap_max: int) -> list[Block]:
    """The fewest blocks that hold all places.

    Args:
        unit: bytes that come for one unit of the areas.
        length_max: of one block, in that unit.
        gap_max: what lies between two points and is read along, in that unit.
    """
    by_area: dict[Area, list[Place]] = {}
    for place in places:
        by_area.setdefault(place.area, []).append(place)
    blocks = []
    for area, here in by_area.items():
        left = deque(sorted(here, key=lambda place: place.span(unit)))
        for span in spans((place.span(unit) for place in here), length_max=length_max, gap_max=gap_max):
            fields = []
            while left and left[0].span(unit).end <= span.end:
                place = left.popleft()
                fields.append(place.field._replace(at=place.field.at + unit * (place.start - span.start)))
            names = tuple((field.asset, field.sensor) for field in fields)
            blocks.append(Block(area, span, Layout(fields), names))
    return blocks
