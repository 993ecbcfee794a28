"""Points become blocks, whatever lies where."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from gateways.blocks import Place, blocks_of
from gateways.layout import SIZES, Field, Span

LENGTH_MAX = 40
AREA_BYTES = 400
MEMORY = {
    "a": bytes(number * 7 % 256 for number in range(AREA_BYTES)),
    "b": bytes(number * 11 % 256 for number in range(AREA_BYTES)),
}


def place(area, address, kind):
    """A number at an address of an area."""
    return Place((area,), address, Field("asset", f"{area} {address} {kind}", 0, kind))


@st.composite
def _places(draw):
    unit = draw(st.sampled_from([1, 2]))
    kinds = st.sampled_from([kind for kind, size in SIZES.items() if size >= unit])
    numbers = st.tuples(st.sampled_from("ab"), st.integers(0, AREA_BYTES // unit - 8), kinds)
    return unit, [place(area, address, kind) for area, address, kind in draw(st.lists(numbers, max_size=40))]


@given(_places(), st.integers(0, 20))
def test_every_point_is_read_from_a_block_as_from_its_own_address(unit_and_places, gap_max):
    """No block is longer than a request may be, and none spans two areas."""
    unit, places = unit_and_places

    blocks = blocks_of(places, unit=unit, length_max=LENGTH_MAX, gap_max=gap_max)

    assert all(block.span.end - block.span.start <= LENGTH_MAX for block in blocks)
    assert sum(len(block.names) for block in blocks) == len(places)
    for block in blocks:
        memory = MEMORY[block.area[0]][unit * block.span.start : unit * block.span.end]
        for sensor, value in block.layout.values(memory).get("asset", {}).items():
            area, address, kind = sensor.split()
            (expected,) = struct.unpack_from(f">{kind}", MEMORY[area], unit * int(address))
            assert repr(value) == repr(expected)


def test_a_block_is_called_by_its_place():
    """In the log, when the device doesn't have it."""
    (block,) = blocks_of([place("holding", 10, "f")], unit=2, length_max=125, gap_max=8)

    assert str(block) == "holding 10 to 11"
    assert str(block._replace(area=("M",))) == "M 10 to 11"
    assert str(block._replace(area=("tag", "Temp"), span=Span(0, 0))) == "tag Temp"
