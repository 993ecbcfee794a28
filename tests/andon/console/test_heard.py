"""Records of Kafka as the console hears them."""

from andon.console import heard
from andon.console.heard import Devices, Ear, alert_of
from contracts.inventory import DeviceRecord
from contracts.settings import Settings
from tests.fake_kafka import FakeMessage


def device(name="press-1", **more):
    told = {"site": "plant-1", "gateway": "g", "device": name, "protocol": "opcua", "address": "opc.tcp://a"}
    return DeviceRecord(**(told | {"state": "present", "since_ts": 1, "ts": 2} | more))


def message(record, body):
    return FakeMessage(("inventory", 0, 0), body, 5, raw_key=record.key.encode())


def test_of_each_device_the_newest_word_counts():
    """A tombstone takes it out; what can't be read takes nothing away."""
    devices = Devices()
    for each in (device("b"), device("a"), device("b", state="absent", why="no answer")):
        devices.hear(message(each, each.body()))
    devices.hear(message(device("a"), b"{"))

    assert [(one.device, one.state) for one in devices.all()] == [("a", "present"), ("b", "absent")]

    devices.hear(message(device("b"), None))
    assert [one.device for one in devices.all()] == ["a"]


def test_how_many_devices_are_shown_is_bounded(monkeypatch):
    """Who makes up devices fills no memory; those that are known go on being told."""
    monkeypatch.setattr(heard, "DEVICES_MAX", 1)
    devices = Devices()
    for record in (device(), device("press-2"), device(firmware="2.5")):
        devices.hear(message(record, record.body()))

    assert [(one.device, one.firmware) for one in devices.all()] == [("press-1", "2.5")]


def test_readings_of_bad_quality_and_messages_that_are_none_are_not_shown():
    """A trend shows what may be believed."""
    ear = Ear(Settings())
    bodies = [
        b'{"asset":"press-1","ts":1700000000000,"values":{"temp":1.5,"speed":2}}',
        b'{"asset":"press-1","sensor":"temp","ts":1700000001000,"value":9,"quality":"bad"}',
        b"nonsense",
        b'{"asset":"press-2","sensor":"temp","ts":1700000002000,"value":3,"quality":"uncertain"}',
    ]

    told = ear.hear([FakeMessage(("readings", 0, at), body, 1_700_000_003_000) for at, body in enumerate(bodies)])

    found = {(*told.names[number], value) for number, value in zip(told.series, told.value, strict=True)}
    assert found == {("press-1", "temp", 1.5), ("press-1", "speed", 2.0), ("press-2", "temp", 3.0)}


def test_an_alert_without_headers_is_named_by_its_body():
    """Whoever wrote it: the same twice is kept once."""
    one = alert_of(FakeMessage(("andon.alerts", 1, 7), b"{}", 5))

    assert len(one.event_id) == 32
    assert one.place == "andon.alerts/1/7"
    assert alert_of(FakeMessage(("andon.alerts", 1, 8), b"{}", 6)).event_id == one.event_id
