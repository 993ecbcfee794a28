"""MQTT against Debian's mosquitto; topics and payloads of all sorts."""

from __future__ import annotations

import asyncio
import sys
import time
from types import SimpleNamespace

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from contracts.gateways import Mqtt
from deploy.debian import ProgramError
from gateways import mqtt, mqtt_client
from gateways.happenings import Happenings
from gateways.mqtt import MqttSource
from gateways.seam import GOOD, AwayError, Frame, NonsenseError
from tests.certificates import Authority
from tests.conftest import unavailable
from tests.gateways.peers.mosquitto import Mosquitto
from tests.gateways.process import GatewayProcess, free_port
from tests.kafka.service import wait_until


def source(*topics, port=1883, **keys):
    """Not connected yet; and what it tells."""
    happenings = Happenings(["floor"])
    settings = Mqtt(name="floor", host="127.0.0.1", port=port, topics=topics, **keys)
    return MqttSource(settings, happenings), happenings


def said(source, topic, payload):
    """What one message says."""
    return source._frames([SimpleNamespace(topic=topic, payload=payload)])


def refusals(happenings):
    """By reason, those that there were."""
    return {
        sample.labels["reason"]: sample.value
        for family in happenings.registry.collect()
        for sample in family.samples
        if sample.name == "andon_gateway_refusals_total" and sample.value
    }


PLAIN = {"topic": "plant/{area}/{machine}/{tag}", "asset": "{area}.{machine}", "sensor": "{tag}"}


@pytest.mark.parametrize(
    ("form", "topic", "payload", "frame"),
    [
        (PLAIN, "plant/shop/p1/temp", b"21.5", Frame("shop.p1", 0, GOOD, {"temp": 21.5})),
        (PLAIN, "plant/shop/p1/on", b"true", Frame("shop.p1", 0, GOOD, {"on": True})),
        (
            PLAIN | {"value": "data.v[1]", "ts": "at"},
            "plant/shop/p1/temp",
            b'{"data":{"v":[1,2]},"at":1700000000}',
            Frame("shop.p1", 1_700_000_000_000, GOOD, {"temp": 2}),
        ),
        (
            PLAIN | {"value": "v", "ts": "at"},
            "plant/shop/p1/temp",
            b'{"v":3,"at":"2023-11-14T22:13:20.5Z"}',
            Frame("shop.p1", 1_700_000_000_500, GOOD, {"temp": 3}),
        ),
        (
            {"topic": "m/{machine}", "asset": "{device}-{machine}", "value": "*", "ts": "t"},
            "m/p1",
            b'{"t":1700000000123,"temp":1.5,"motor":{"rpm":900,"on":true},"name":"x","list":[1]}',
            Frame("floor-p1", 1_700_000_000_123, GOOD, {"temp": 1.5, "motor.rpm": 900, "motor.on": True}),
        ),
        (
            {"topic": "umh/v1/#", "format": "umh"},
            "umh/v1/acme/plant-1/shop/line-1/_historian/motor/temp",
            b'{"timestamp_ms":1700000000123,"value":7}',
            Frame("acme.plant-1.shop.line-1", 1_700_000_000_123, GOOD, {"motor.temp": 7}),
        ),
        (
            {"topic": "umh/v1/#", "format": "umh"},
            "umh/v1/acme/_historian",
            b'{"timestamp_ms":1700000000123,"temp":7,"p":1.5}',
            Frame("acme", 1_700_000_000_123, GOOD, {"temp": 7, "p": 1.5}),
        ),
    ],
)
def test_a_message_says_what_its_form_makes_of_it(form, topic, payload, frame):
    """Numbers alone, paths, whole objects, and United Manufacturing Hub's topics."""
    asked, happenings = source(form)

    assert said(asked, topic, payload) == [frame]
    assert refusals(happenings) == {}


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("plant/shop/p1/temp", b"21,5", "bad_payload"),
        ("plant/shop/p1/temp", b"", "bad_payload"),
        ("plant/shop/p1/temp", b'"21.5"', "bad_value"),
        ("plant/shop/p1/temp", b"null", "bad_value"),
        ("plant/shop/p1/temp", b'{"v":1}', "bad_value"),
        ("plant/shop/p1", b"1", "unknown"),
        ("plant/shop/p1/" + "x" * 300, b"1", "bad_name"),
    ],
)
def test_what_cannot_be_read_is_counted_by_its_reason(topic, payload, reason):
    """And costs nothing else."""
    asked, happenings = source(PLAIN)

    assert said(asked, topic, payload) == []
    assert refusals(happenings) == {reason: 1}


@pytest.mark.parametrize("time_", [b'"yesterday"', b"-5", b"null", b"[]", b"true"])
def test_a_time_that_is_none_is_told(time_):
    """A reading with a made-up time would be worse than none."""
    asked, happenings = source(PLAIN | {"value": "v", "ts": "t"})

    assert said(asked, "plant/shop/p1/temp", b'{"v":1,"t":%b}' % time_) == []
    assert refusals(happenings) == {"bad_payload": 1}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"topic": "a/#/b", "sensor": "x"}, "# stands for all that follow"),
        ({"topic": "a/b+", "sensor": "x"}, "+ stands for a whole level"),
        ({"topic": "a/{x", "sensor": "x"}, "is no template"),
        ({"topic": "a/{x}/{x}", "sensor": "x"}, "comes once"),
        ({"topic": "a/{x}", "asset": "{y}", "sensor": "x"}, "{y} is unknown"),
        ({"topic": "a", "value": "*", "sensor": "x"}, "gives many numbers"),
        ({"topic": "a"}, '{member} is of value = "*"'),
    ],
)
def test_a_form_that_cannot_work_is_a_mistake_in_the_settings(form, said):
    """`andon check` tells it before the gateway runs."""
    with pytest.raises(ValidationError) as caught:
        source(form)

    assert said in str(caught.value)


def test_what_came_together_of_an_asset_is_told_together_and_each_value_in_its_order():
    """Fewer messages in Kafka; what a sensor said twice stays two readings."""
    asked, _ = source(PLAIN | {"value": "v", "ts": "t"})
    sent = [("p1/temp", 1, 5), ("p1/rpm", 2, 5), ("p2/temp", 3, 5), ("p1/temp", 4, 5), ("p1/rpm", 5, 6), ("p1/x", 6, 5)]
    messages = [
        SimpleNamespace(topic=f"plant/shop/{topic}", payload=b'{"v":%d,"t":%d}' % (value, at))
        for topic, value, at in sent
    ]

    assert asked._frames(messages) == [
        Frame("shop.p1", 5_000, GOOD, {"temp": 1, "rpm": 2}),
        Frame("shop.p2", 5_000, GOOD, {"temp": 3}),
        Frame("shop.p1", 5_000, GOOD, {"temp": 4}),
        Frame("shop.p1", 6_000, GOOD, {"rpm": 5}),
        Frame("shop.p1", 5_000, GOOD, {"x": 6}),
    ]


def test_how_many_topics_are_remembered_is_bounded(monkeypatch):
    """A sender with a new topic for each message is read, and doesn't fill the memory."""
    monkeypatch.setattr(mqtt, "TOPICS_KNOWN_MAX", 3)
    asked, _ = source(PLAIN)

    assert all(said(asked, f"plant/shop/p{number}/temp", b"1") for number in range(10))
    assert len(asked._known) == 3


class Sender:
    """A machine with an MQTT client."""

    def __init__(self, port, *tls_files):
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if tls_files:
            self._client.tls_set(*map(str, tls_files))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, topic, payload, qos=1):
        """Send, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=qos).wait_for_publish(30)

    def close(self):
        """End."""
        self._client.disconnect()
        self._client.loop_stop()
        del self._client  # or its sockets stay open


@pytest.fixture
def sender(mosquitto):
    """A machine that is connected."""
    sender = Sender(mosquitto.port)
    yield sender
    sender.close()


async def read(source, wanted, then=lambda: None):
    """The values that come, up to so many; not confirmed."""
    try:
        await source.connect()
        then()
        found = []
        async for frames in source.readings():
            found += [value for frame in frames for value in frame.values.values()]
            if len(found) >= wanted:
                return found
    finally:
        await source.close()


def test_what_was_not_confirmed_is_sent_again(mosquitto, sender):
    """A gateway that is killed before its disk has a reading gets it again, also what came while it was away."""
    topic = f"again/{time.time_ns()}"

    def gateway():
        return source({"topic": topic, "sensor": "x"}, port=mosquitto.port, client_id=topic)[0]

    first = asyncio.run(read(gateway(), 1, lambda: sender.send(topic, "1")))
    sender.send(topic, "2")
    second = asyncio.run(read(gateway(), 2))

    assert first == [1]
    assert second == [1, 2]


def test_a_broker_that_ends_is_away(tmp_path, mosquitto):
    """And is tried again, until it is back."""
    asked, _ = source({"topic": "x", "sensor": "x"}, port=free_port())
    with pytest.raises(AwayError, match="refused"):
        asyncio.run(read(asked, 1))

    with Mosquitto(tmp_path) as broker:
        asked, _ = source({"topic": "x", "sensor": "x"}, port=broker.port)
        with pytest.raises(AwayError, match="connection was lost"):
            asyncio.run(read(asked, 1, broker.stop))


def test_more_than_can_be_taken_at_qos_0_is_counted(mosquitto, sender, monkeypatch):
    """What is lost is never lost unseen."""
    monkeypatch.setattr(mqtt_client, "WAITING_MAX", 5)
    topic = f"flood/{time.time_ns()}"
    asked, happenings = source({"topic": topic, "sensor": "x"}, port=mosquitto.port, qos=0)

    def flood():
        for number in range(50):
            sender.send(topic, str(number))  # QoS 1 up to the broker, 0 from there on
        wait_until(lambda: asked._client.lost >= 45, "the flood came")

    async def read_on():
        await asked.connect()
        try:
            await asyncio.to_thread(flood)
            found = []
            async for frames in asked.readings():
                found += [value for frame in frames for value in frame.values.values()]
                if not frames:
                    return found
        finally:
            await asked.close()

    assert asyncio.run(read_on()) == [0, 1, 2, 3, 4]
    assert happenings.registry.get_sample_value("andon_gateway_gaps_total", {"device": "floor"}) == 1


def test_a_password_file_that_is_missing_is_told():
    """By its name, without what might be in it."""
    asked, _ = source({"topic": "x", "sensor": "x"}, user="a", password_file="nowhere")

    with pytest.raises(NonsenseError, match="No such file or directory: 'nowhere'"):
        asyncio.run(read(asked, 1))


@pytest.fixture(scope="module")
def plant_authority(tmp_path_factory):
    """Who vouches for the plant's broker and gateways."""
    return Authority(tmp_path_factory.mktemp("authority"), "plant")


@pytest.fixture(scope="module")
def secured(plant_authority, tmp_path_factory):
    """A broker that speaks TLS, and asks for a certificate."""
    folder = tmp_path_factory.mktemp("secured")
    server = plant_authority.vouch_for("broker")
    (folder / "ca.pem").write_bytes(plant_authority.file.read_bytes())
    (folder / "server.pem").write_bytes(server.certificate.read_bytes())
    (folder / "server.key").write_bytes(server.key.read_bytes())
    try:
        broker = Mosquitto(folder / "broker", certificates=folder)
    except ProgramError as error:
        unavailable(str(error))
    with broker:
        yield broker


def over_tls(broker, authority, identity=None, **keys):
    """A source that speaks TLS."""
    certificate = {} if identity is None else {"certificate": str(identity.certificate)}
    certificate |= {} if identity is None else {"private_key": str(identity.key)}
    topic = f"tls/{time.time_ns()}"
    form = {"topic": topic, "sensor": "x"}
    keys = {"tls": True, "ca_file": str(authority.file), "client_id": topic} | certificate | keys
    return source(form, port=broker.port, **keys)[0], topic


def test_over_tls_both_sides_know_each_other(secured, plant_authority):
    """A reading arrives by TLS, with a certificate on each side."""
    identity = plant_authority.vouch_for("gateway")
    asked, topic = over_tls(secured, plant_authority, identity)
    sender = Sender(secured.port, plant_authority.file, identity.certificate, identity.key)
    try:
        found = asyncio.run(read(asked, 1, lambda: sender.send(topic, "21.5")))
    finally:
        sender.close()

    assert found == [21.5]


def test_a_broker_that_is_not_the_plants_is_not_spoken_with(secured, plant_authority, tmp_path):
    """Its certificate is of somebody else: no password or reading goes there."""
    stranger = Authority(tmp_path, "stranger")
    identity = plant_authority.vouch_for("gateway")
    (tmp_path / "gateway.toml").write_text(
        f"""
[kafka]
bootstrap_servers = "127.0.0.1:{free_port()}"
[[gateway.mqtt]]
name = "floor"
host = "127.0.0.1"
port = {secured.port}
tls = true
ca_file = "{stranger.file}"
certificate = "{identity.certificate}"
private_key = "{identity.key}"
topics = [{{ topic = "x", sensor = "x" }}]
"""
    )
    with GatewayProcess(tmp_path, [sys.executable, "-m", "andon", "gateway", "run"]) as gateway:
        gateway.start(until="device away")
        (away, *_) = gateway.events("device away")

    assert "certificate verify failed" in away["why"]


def test_a_gateway_without_a_certificate_is_turned_away(secured, plant_authority):
    """And tries again later: somebody may give it one."""
    asked, _ = over_tls(secured, plant_authority)

    with pytest.raises(AwayError, match="perhaps it wants TLS, or a certificate"):
        asyncio.run(read(asked, 1))


def test_a_gateway_without_tls_is_turned_away(secured):
    """What to look at is said."""
    asked, _ = source({"topic": "x", "sensor": "x"}, port=secured.port)

    with pytest.raises(AwayError, match="perhaps it wants TLS, or a certificate"):
        asyncio.run(read(asked, 1))


def test_a_certificate_that_is_missing_is_told(secured, plant_authority, tmp_path):
    """By what it is for."""
    asked, _ = over_tls(secured, plant_authority, ca_file=str(tmp_path / "none.pem"))

    with pytest.raises(NonsenseError, match="a file for TLS or the password can't be used"):
        asyncio.run(read(asked, 1))
