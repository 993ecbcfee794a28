"""Numbers within a block of bytes: what registers, data blocks and CIP attributes have in common.

A block is read as one piece, and all of its numbers are unpacked by few calls: .1 to .2 µs a number. Fields are in big
endian, as Modbus and S7 have it, or in little, as CIP; `swapped` ones have their 16-bit words in the other order.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateways.seam import Value

__all__ = ["SIZES", "Field", "Layout", "Span", "spans"]

SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}
"""Bytes by the letter that `struct` has for a type."""


class Field(NamedTuple):
    """One number."""

    asset: str
    sensor: str
    at: int
    """Byte in the block."""
    kind: str
    """A letter of SIZES; "?" is one bit."""
    bit: int = 0
    """Of the byte, 0 is the lowest."""
    scale: float = 1.0
    offset: float = 0.0
    swapped: bool = False

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.at + SIZES.get(self.kind, 1)


class Span(NamedTuple):
    """A stretch that is read as one piece."""

    start: int
    end: int


class Layout:
    """The fields of one block.

    Args:
        order: of the bytes, as `struct` has it: ">" big endian, "<" little.
    """

    def __init__(self, fields: Iterable[Field], *, order: str = ">") -> None:
        by_asset: dict[str, list[Field]] = {}
        for field in fields:
            by_asset.setdefault(field.asset, []).append(field)
        self._assets = {asset: _Plan(its, order) for asset, its in by_asset.items()}

    def values(self, data: bytes) -> dict[str, dict[str, Value]]:
        """All numbers: asset → sensor → value.

        Raises: struct.error or IndexError if the block is too short.
        """
        return {asset: plan.values(data) for asset, plan in self._assets.items()}


class _Plan:
    """How one asset's numbers are unpacked: layers of fields that don't overlap, each one call of struct."""

    def __init__(self, fields: Sequence[Field], order: str) -> None:
        self._bits = [(field.sensor, field.at, field.bit) for field in fields if field.kind == "?"]
        self._swapped = [
            (field.sensor, field.at, field.end, struct.Struct(f"{order}{field.kind}"))
            for field in fields
            if field.swapped
        ]
        self._scaled = [
            (field.sensor, field.scale, field.offset) for field in fields if (field.scale, field.offset) != (1.0, 0.0)
        ]
        self._layers: list[tuple[tuple[str, ...], struct.Struct]] = []
        left = sorted((field for field in fields if field.kind != "?" and not field.swapped), key=lambda each: each.at)
        while left:
            taken: list[Field] = []
            others: list[Field] = []
            form, at = order, 0
            for field in left:
                if field.at < at:
                    others.append(field)
                    continue
                form += f"{field.at - at}x{field.kind}"
                at = field.end
                taken.append(field)
            self._layers.append((tuple(field.sensor for field in taken), struct.Struct(form)))
            left = others

    def values(self, data: bytes) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for names, form in self._layers:
            values.update(zip(names, form.unpack_from(data), strict=True))
        for sensor, at, end, form in self._swapped:
            values[sensor] = form.unpack(b"".join(data[word : word + 2] for word in range(end - 2, at - 2, -2)))[0]
        for sensor, at, bit in self._bits:
            values[sensor] = bool(data[at] >> bit & 1)
        for sensor, scale, offset in self._scaled:
            values[sensor] = values[sensor] * scale + offset
        return values


def spans(wanted: Iterable[Span], *, length_max: int, gap_max: int) -> list[Span]:
    """The fewest stretches that hold all that is wanted: small gaps are read too, for a request costs more."""
    found: list[Span] = []
    for span in sorted(wanted):
        last = found[-1] if found else None
        if last is not None and span.start <= last.end + gap_max and max(span.end, last.end) - last.start <= length_max:
            found[-1] = Span(last.start, max(span.end, last.end))
        else:
            found.append(span)
    return found
