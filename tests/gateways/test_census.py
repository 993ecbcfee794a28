"""Which devices there are, as the inventory topic has it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from contracts.gateways import Gateway, Modbus
from contracts.inventory import DeviceRecord
from contracts.settings import Settings, Site
from gateways.census import REPEAT_MS, Census, configuration_of
from gateways.seam import Description

T0 = 1_700_000_000_000
POINTS = ({"address": 1, "sensor": "x"},)


@pytest.fixture
def link():
    """A pump that isn't reached yet."""
    return SimpleNamespace(
        connection=Modbus(name="pump#1", host="h", points=POINTS),
        address="h",
        description=Description(),
        state="away",
        fault="not reached yet",
        seen_ms=0,
    )


@pytest.fixture
def take(link):
    """Gives the records that are written at a time, ms after the start."""
    put = []
    forwarder = SimpleNamespace(put=lambda topic, messages: put.extend((topic, *each) for each in messages))
    settings = Settings(
        site=Site(name="plant-1"), gateway=Gateway(name="line-1", vanished_s=300, modbus=(link.connection,))
    )
    census = Census(
        [link], settings=settings, protocols=["modbus"], topic="devices", forwarder=forwarder, started_ms=T0
    )

    def take(ms):
        put.clear()
        census.take(T0 + ms)
        return [(topic, key, DeviceRecord.model_validate_json(body)) for topic, key, body in put]

    return take


def test_a_device_is_told_when_it_is_there_and_now_and_then(link, take):
    """Who it is, since when, and that it still is."""
    assert take(0) == []
    link.state, link.fault, link.seen_ms = "connected", "", T0 + 5_000
    link.description = Description("Acme", "P-100", "2.4", "7")

    ((topic, key, record),) = take(5_000)

    assert (topic, key) == ("devices", b"line-1/pump%231")
    assert (record.site, record.gateway, record.device, record.protocol) == ("plant-1", "line-1", "pump#1", "modbus")
    assert (record.vendor, record.model, record.firmware, record.serial) == ("Acme", "P-100", "2.4", "7")
    assert (record.state, record.since_ts, record.seen_ts) == ("present", T0 + 5_000, T0 + 5_000)
    link.seen_ms = T0 + 60_000
    assert take(60_000) == []
    ((_, _, again),) = take(5_000 + REPEAT_MS)
    assert (again.since_ts, again.seen_ts) == (T0 + 5_000, T0 + 60_000)


def test_a_device_that_is_away_for_long_is_absent_and_back_at_once(link, take):
    """A restart of five minutes is none of anybody's business."""
    link.state, link.seen_ms = "connected", T0
    take(0)
    link.state, link.fault = "away", "no answer"

    assert {record.state for ms in range(0, 299_000, 1_000) for _, _, record in take(ms)} == {"present"}
    ((_, _, absent),) = take(300_000)
    link.fault = "no answer, again"
    assert take(301_000) == []
    link.state, link.seen_ms = "connected", T0 + 302_000
    ((_, _, back),) = take(302_000)

    assert (absent.state, absent.why, absent.since_ts) == ("absent", "no answer", T0 + 300_000)
    assert (back.state, back.why, back.since_ts) == ("present", "", T0 + 302_000)


def test_a_device_that_never_came_is_absent(take):
    """Counted from the start of the gateway."""
    assert take(299_000) == []
    assert [record.state for _, _, record in take(300_000)] == ["absent"]


def test_a_device_in_quarantine_is_told_at_once(link, take):
    """With the reason."""
    link.state, link.fault = "quarantined", "none of the registers"

    ((_, _, record),) = take(1)

    assert (record.state, record.why) == ("quarantined", "none of the registers")


def test_the_configuration_is_what_is_read_and_not_where():
    """A device that moves to another address is another address, not another configuration."""
    one = Modbus(name="pump", host="a", points=POINTS)

    assert configuration_of(one) == configuration_of(one.model_copy(update={"host": "b"}))
    assert configuration_of(one) != configuration_of(one.model_copy(update={"unit": 2}))
