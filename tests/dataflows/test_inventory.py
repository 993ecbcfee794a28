"""What gateways say of devices becomes findings."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from alarms.wording import message
from contracts.inventory import DeviceRecord
from contracts.settings import Settings
from dataflows import inventory
from dataflows.happenings import Happenings
from dataflows.inventory import NEWS_MS, Inventory, KafkaInventory
from dataflows.lanes import LaneSurroundings
from dataflows.standing import Standing
from tests.fake_kafka import FakeBroker

T0 = 1_700_000_000_000


def record(ts=0, **changed):
    """The press, as it is."""
    fields = {
        "site": "plant-1",
        "gateway": "line-1",
        "device": "press-plc",
        "protocol": "opcua",
        "address": "opc.tcp://press",
        "vendor": "Acme",
        "model": "P-100",
        "firmware": "2.4",
        "configuration": "aa",
        "state": "present",
        "since_ts": T0,
    }
    return DeviceRecord(**fields | {"ts": T0 + ts} | changed).body()


def told(inventory, *records, news=True):
    """(rule, active) of what they say."""
    return [(found.rule, found.active) for body in records for found in inventory.take(body, news=news)]


def test_the_plant_as_it_is_met_is_no_news():
    """A fresh installation doesn't begin with an alarm for each device; what is away then is told."""
    devices = Inventory()

    assert told(devices, record(), record(device="oven", state="absent", why="no answer"), news=False) == [
        ("vanished", True)
    ]
    assert told(devices, record(1)) == []


def test_a_new_device_is_news_for_a_day():
    """The next shift must see it too; once."""
    devices = Inventory()

    assert told(devices, record(0)) == [("appeared", True)]
    assert told(devices, record(60_000), record(NEWS_MS - 1)) == []
    assert told(devices, record(NEWS_MS)) == [("appeared", False)]
    assert told(devices, record(NEWS_MS + 1)) == []


@pytest.mark.parametrize("what", ["vendor", "model", "firmware", "serial", "address", "configuration"])
def test_a_device_that_is_another_than_before_is_told(what):
    """New firmware, or another device at the old place: both are worth a look."""
    devices = Inventory()
    told(devices, record(), news=False)

    (changed,) = devices.take(record(1, **{what: "other"}), news=True)

    assert (changed.asset, changed.rule, changed.active, changed.onset_ts) == ("press-plc", "changed", True, T0 + 1)
    assert changed.evidence[f"{what}_to"] == "other"
    assert told(devices, record(2, **{what: "other"})) == []
    assert told(devices, record(3, **{what: "third"})) == [("changed", False), ("changed", True)]


def test_a_device_that_is_away_is_vanished_until_it_is_back():
    """What it last said of itself, or no longer says, is no change."""
    devices = Inventory()
    told(devices, record(), news=False)
    away = {"state": "absent", "why": "no answer", "firmware": ""}

    assert told(devices, record(1, **away), record(2, **away)) == [("vanished", True)]
    assert told(devices, record(3, **away | {"state": "quarantined"})) == []
    assert told(devices, record(4)) == [("vanished", False)]


def test_a_restart_says_nothing_twice():
    """State is plain data, and independent of the one that goes on."""
    devices = Inventory()
    told(devices, record(), record(1, state="absent", why="x"), news=False)

    again = Inventory(devices.snapshot())

    assert told(again, record(2, state="absent", why="x")) == []
    assert told(again, record(3)) == [("vanished", False)]
    assert told(devices, record(3)) == [("vanished", False)]


@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense", record().replace(b"present", b"gone")])
def test_what_is_no_record_is_passed_over_and_counted(body):
    """A newer gateway's, perhaps, and what others wrote there."""
    devices = Inventory()

    assert devices.take(body, news=True) == []
    assert devices.take_passed_over() == {"unreadable": 1}
    assert devices.take_passed_over() == {}


def test_a_tombstone_says_nothing():
    """A gateway that is gone for good takes its devices from the list; what was told of them stands."""
    devices = Inventory()
    told(devices, record(), record(1, state="absent", why="x"), news=False)

    assert devices.take(None, news=True) == []
    assert devices.take_passed_over() == {}
    assert told(devices, record(2)) == [("vanished", False)]


def test_how_many_are_watched_is_bounded(monkeypatch):
    """Who makes up devices is stopped."""
    monkeypatch.setattr(inventory, "DEVICES_MAX", 1)
    devices = Inventory()

    assert told(devices, record(), record(device="other")) == [("appeared", True)]
    assert devices.take_passed_over() == {"too_many": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "press-plc is new: gateway line-1 reads it by opcua at opc.tcp://press (Acme P-100 2.4)"),
        ({"firmware": "2.5"}, "press-plc has changed: firmware 2.4 → 2.5"),
        (
            {"state": "absent", "why": "no answer"},
            "press-plc is absent: gateway line-1 can't read it by opcua (no answer)",
        ),
    ],
)
def test_an_operator_reads_what_it_is(change, said):
    """In one line."""
    devices = Inventory()
    if change:
        told(devices, record(), news=False)

    (found,) = devices.take(record(1, **change), news=True)

    assert message(found, None) == said


def test_what_is_passed_over_is_told_and_counted():
    """An engineer whose gateway is newer than the service finds out why its devices aren't watched."""
    broker = FakeBroker({("devices", 0): (0, 0)})
    happenings = Happenings()
    around = LaneSurroundings(
        settings=Settings(),
        happenings=happenings,
        standing=Standing(1),
        stop=threading.Event(),
        now_ms=lambda: T0,
        open_consumer=broker.consumer,
    )
    part = KafkaInventory(around, topic="devices", partition_count=1).build_part("devices", "inventory-00", None)
    broker.send("devices", 0, b"nonsense", record(), b"{}")

    with capture_logs() as logs:
        part.next_batch()

    assert [(log["event"], log["reason"]) for log in logs] == [("devices passed over", "unreadable")]
    passed_over = {"reason": "unreadable"}
    assert happenings.registry.get_sample_value("andon_devices_passed_over_total", passed_over) == 2
