"""S7 against python-snap7's own server."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from contracts.gateways import S7
from gateways.happenings import Happenings
from gateways.s7 import S7Source, discover
from gateways.seam import AwayError, NonsenseError
from tests.gateways.peers.s7 import controller
from tests.gateways.process import free_port
from tests.gateways.reading import read_once


@pytest.fixture(scope="module")
def plc():
    """A controller that runs."""
    with controller() as plc:
        yield plc


def source(port, *points, **keys):
    """Not connected yet."""
    happenings = Happenings(["plc"])
    settings = S7(name="plc", host="127.0.0.1", port=port, every_s=0.02, points=points, **keys)
    return S7Source(settings, happenings), happenings


def test_types_and_bits_are_as_the_addresses_say(plc):
    """Numbers of all sorts in a data block and in markers."""
    plc.set_real(4, 21.5)
    plc.data[8:12] = b"\xff\xfe\x08\x80"
    plc.data[12:16] = (100_000).to_bytes(4, "big")
    plc.markers[20:22] = (777).to_bytes(2, "big")
    asked, _ = source(
        plc.port,
        {"address": "DB10.DBD4", "sensor": "t"},
        {"address": "DB10.DBW8", "sensor": "n", "scale": 0.5},
        {"address": "DB10.DBW8", "type": "word", "sensor": "w"},
        {"address": "DB10.DBX10.3", "sensor": "on"},
        {"address": "DB10.DBX10.4", "sensor": "off"},
        {"address": "DB10.DBB11", "type": "sint", "sensor": "b"},
        {"address": "DB10.DBD12", "type": "dint", "sensor": "d"},
        {"address": "MW20", "sensor": "m", "asset": "{device}.markers"},
    )

    _, (block, markers) = read_once(asked)

    assert block.values == {"t": 21.5, "n": -1, "w": 0xFFFE, "on": True, "off": False, "b": -128, "d": 100_000}
    assert (markers.asset, markers.values) == ("plc.markers", {"m": 777})
    assert plc.written == []


def test_a_block_that_is_missing_is_told_and_the_rest_is_read(plc):
    """One wrong address of many costs that one."""
    asked, happenings = source(
        plc.port, {"address": "DB11.DBD0", "sensor": "x"}, {"address": "DB10.DBD4", "sensor": "t"}
    )

    _, (frame,) = read_once(asked)

    assert frame.values.keys() == {"t"}
    refused = {"device": "plc", "reason": "unknown"}
    assert happenings.registry.get_sample_value("andon_gateway_refusals_total", refused) == 1


def test_a_controller_that_has_nothing_of_it_is_left_alone(plc):
    """The settings are of another one."""
    asked, _ = source(plc.port, {"address": "DB11.DBD0", "sensor": "x"})

    with pytest.raises(NonsenseError, match="none of what is asked for"):
        read_once(asked)


def test_nobody_there_is_away():
    """And is tried again."""
    asked, _ = source(free_port(), {"address": "DB10.DBD4", "sensor": "t"})

    with pytest.raises(AwayError, match=r"127\.0\.0\.1"):
        read_once(asked)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"address": "DB10.4", "sensor": "x"}, "should match pattern"),
        ({"address": "DB10.DBX4.8", "sensor": "x"}, "should match pattern"),
        ({"address": "DB10.DBW4", "type": "real", "sensor": "x"}, "DB10.DBW4 is no real|give int or word"),
        ({"address": "M4.1", "type": "int", "sensor": "x"}, "M4.1 is no int|give bool"),
    ],
)
def test_an_address_that_cannot_be_is_a_mistake_in_the_settings(point, said):
    """`andon check` tells it before the gateway runs."""
    with pytest.raises(ValidationError) as caught:
        source(102, point)

    assert said in str(caught.value)


def test_discover_shows_the_blocks_that_are_there(plc):
    """By their numbers: S7 knows no names."""
    plc.set_real(4, 21.5)
    found = asyncio.run(discover(f"127.0.0.1:{plc.port}/0.1"))

    assert {point.keys["address"].split(".")[0] for point in found.points} == {"DB10"}
    assert next(point.value for point in found.points if point.keys["address"] == "DB10.DBD4") == "21.5"
