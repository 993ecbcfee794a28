"""Modbus TCP against pymodbus' own server."""

from __future__ import annotations

import asyncio
from math import isnan

import pytest

from contracts.gateways import Modbus
from gateways.happenings import Happenings
from gateways.modbus import ModbusSource, _Reader
from gateways.seam import BAD, GOOD, AwayError, Description, Frame, NonsenseError
from tests.gateways.peers.modbus import pump
from tests.gateways.process import free_port
from tests.gateways.reading import read, read_once


@pytest.fixture(scope="module")
def peer():
    """A pump that listens."""
    with pump(free_port()) as peer:
        yield peer


def source(peer, *points, **keys):
    """Not connected yet."""
    settings = Modbus(name="pump", host="127.0.0.1", port=peer.port, every_s=0.02, points=points, **keys)
    happenings = Happenings(["pump"])
    return ModbusSource(settings, happenings), happenings


def test_types_scales_bits_and_word_orders_are_as_the_settings_say(peer):
    """One device with numbers of all sorts in four tables."""
    peer.set_float(10, 21.5)
    peer.set_float(12, 33.25, little=True)
    peer.holding[20:22] = [0xFFFE, 0b1000_0000_0001_0000]
    peer.input[5], peer.coils[3] = 77, True
    asked, _ = source(
        peer,
        {"sensor": "t", "address": 10, "type": "float32"},
        {"sensor": "u", "address": 12, "type": "float32", "word_order": "little"},
        {"sensor": "n", "address": 20, "type": "int16", "scale": 0.5, "offset": 1},
        *({"sensor": f"b{bit}", "address": 21, "type": "bit", "bit": bit} for bit in (3, 4, 15)),
        {"sensor": "c", "table": "coil", "address": 3, "asset": "{device}.valve"},
        {"sensor": "i", "table": "input", "address": 5},
    )

    who, (pump, valve) = read_once(asked)

    assert who == Description("Acme", "P-100", "2.4")
    sensors = {"t": 21.5, "u": 33.25, "n": 0, "b3": False, "b4": True, "b15": True, "i": 77}
    assert pump == Frame("pump", 0, GOOD, sensors), "one message, of two tables"
    assert valve == Frame("pump.valve", 0, GOOD, {"c": True})


def test_what_the_device_does_not_have_is_told_and_the_rest_is_read(peer):
    """One wrong address of many costs that one."""
    asked, happenings = source(peer, {"sensor": "ok", "address": 1}, {"sensor": "hole", "address": 105}, gap=0)

    _, frames = read_once(asked)

    assert [frame.values.keys() for frame in frames] == [{"ok"}]
    refused = {"device": "pump", "reason": "unknown"}
    assert happenings.registry.get_sample_value("andon_gateway_refusals_total", refused) == 1


def test_a_device_that_has_nothing_of_it_is_left_alone(peer):
    """The settings are of another device."""
    asked, _ = source(peer, {"sensor": "hole", "address": 105})

    with pytest.raises(NonsenseError, match="none of what is asked for"):
        read_once(asked)


def test_a_busy_device_gives_no_value_of_good_quality(peer):
    """And goes on when it isn't busy any more."""

    def toggle():
        peer.busy = not peer.busy

    asked, _ = source(peer, {"sensor": "x", "address": 1}, {"sensor": "c", "table": "coil", "address": 0})
    try:
        _, found = read(asked, times=3, between=toggle)
    finally:
        peer.busy = False

    assert [[frame.quality for frame in frames] for frames in found] == [[GOOD], [BAD], [GOOD]]
    assert all(isnan(value) for frame in found[1] for value in frame.values.values())


def test_nobody_there_is_away(peer):
    """And is tried again."""
    asked, _ = source(peer, {"sensor": "x", "address": 1})
    asked._settings = asked._settings.model_copy(update={"port": free_port()})

    with pytest.raises(AwayError, match="doesn't answer"):
        read_once(asked)


def test_a_request_that_would_write_never_leaves(peer):
    """Whatever the library offers: the client is one that reads."""

    async def write():
        client = _Reader("127.0.0.1", port=peer.port)
        assert await client.connect()
        try:
            await client.write_register(1, 666)
        finally:
            client.close()

    with pytest.raises(PermissionError, match="function code 6"):
        asyncio.run(write())
    assert set(peer.functions) <= {1, 2, 3, 4, 43}
