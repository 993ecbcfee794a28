"""One page for each protocol, typed word for word: from a real server through the gateway and Kafka to an alert."""

from __future__ import annotations

import re
import threading
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import ROOT
from tests.gateways.peers.dnp3 import substation
from tests.gateways.peers.edge_node import metric, press_node
from tests.gateways.peers.ethernetip import REAL, Logix
from tests.gateways.peers.modbus import pump
from tests.gateways.peers.opcua import opcua_press
from tests.gateways.peers.s7 import controller
from tests.gateways.process import GatewayProcess, free_port
from tests.kafka.service import Service, Topics, produce, read_all, reading, wait_until
from tests.test_tutorial import furnish, type_in

PAGES = ROOT / "docs" / "how-to"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.fixture(scope="module")
def plant(kafka, module_topics, tmp_path_factory):
    """`andon run` on a broker, for all pages: anything above 85 is an alarm."""
    topics = Topics(module_topics, partitions=1)
    topics.inventory = module_topics(1, {"cleanup.policy": "compact"})
    with Service(tmp_path_factory.mktemp("plant"), kafka, topics) as service:
        text = service.settings.read_text(encoding="utf-8")
        service.settings.write_text(text.replace("[service]", f'inventory = "{topics.inventory}"\n[service]'))
        service.start()
        yield kafka, topics


def sections(page):
    """What the reader types in each section: heading → blocks."""
    text = (PAGES / page).read_text(encoding="utf-8")
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        indented = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", body, flags=re.MULTILINE)
        found[heading] = [re.sub(r"^ {4}", "", block.lstrip("\n"), flags=re.MULTILINE) for block in indented]
    return found


class Reader:
    """Follows a page in a folder; whoever sits at the device is the test."""

    def __init__(self, page: str, folder: Path, plant) -> None:
        self.sections = sections(page)
        self.folder = folder
        self.bootstrap, self.topics = plant
        self.variables = {
            "ANDON_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "ANDON_KAFKA__READINGS": f'["{self.topics.readings}"]',
            "ANDON_KAFKA__INVENTORY": self.topics.inventory,
            "ANDON_GATEWAY__VANISHED_S": "1",
        }
        furnish(folder)

    def type_all(self, **device: str) -> str:
        """Everything up to `Run it`, and what it printed. The device is where the test has it."""
        (install,) = self.sections["Install"]
        assert install.startswith("pip install 'andon[")
        assert re.search(r"\[(\w+)\]", install)[1] in EXTRAS
        typed = [". .venv/bin/activate\n"]
        for heading, blocks in self.sections.items():
            if heading not in {"Install", "Run it"}:
                typed += blocks
        text = "".join(typed)
        for name, value in device.items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1, name
        done = type_in(self.folder, [text], **self.variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self) -> GatewayProcess:
        """The last command of the page, not started yet."""
        (command,) = self.sections["Run it"]
        shell = ["sh", "-c", f". .venv/bin/activate; exec {command}"]
        return GatewayProcess(self.folder, shell, **self.variables)

    def alerts(self, asset: str) -> list[dict]:
        """What was told of an asset."""
        alerts = [orjson.loads(message.value()) for message in read_all(self.bootstrap, self.topics.alerts)]
        return [alert for alert in alerts if alert["asset"] == asset]

    def wait_for_alert(self, asset: str, sensor: str | None, rule: str = "h") -> dict:
        """An alarm was raised, of a limit or another rule."""

        def raised():
            return [
                alert
                for alert in self.alerts(asset)
                if (alert["sensor"], alert["rule"], alert["transition"]) == (sensor, rule, "raised")
            ]

        wait_until(lambda: bool(raised()), f"an alert about {asset} {sensor}")
        return raised()[0]


def test_an_opcua_server_as_its_page_has_it(plant, tmp_path):
    """A press that becomes too hot, over OPC UA."""
    reader = Reader("connect-opcua.md", tmp_path, plant)
    with opcua_press(free_port()) as press:
        shown = reader.type_all(SERVER=press.url)
        with reader.run() as gateway:
            gateway.start()
            press.write("Temperature", 97.5)

            alert = reader.wait_for_alert("press-1", "temp")
            assert gateway.end() == 0

    assert alert["value"] == 97.5
    assert (
        '{ id = "ns=2;s=Line1.Press1.Temperature", asset = "Press1", sensor = "Temperature" },  # Double 20.0' in shown
    )
    assert "Label" not in shown
    assert tomllib.loads(shown.partition("gateway.toml: fine")[0])["gateway"]["opcua"][0]["url"] == press.url


def test_a_modbus_device_as_its_page_has_it(plant, tmp_path):
    """A pump whose bearing becomes too hot, over Modbus TCP."""
    reader = Reader("connect-modbus.md", tmp_path, plant)
    with pump(free_port()) as peer:
        peer.set_float(10, 40.25)
        shown = reader.type_all(HOST="127.0.0.1", PORT=str(peer.port))
        with reader.run() as gateway:
            gateway.start()
            peer.set_float(10, 97.5)

            alert = reader.wait_for_alert("pump-1", "bearing-temp")
            new = reader.wait_for_alert("pump-1", None, "appeared")
            peer.stop()
            gone = reader.wait_for_alert("pump-1", None, "vanished")
            peer.firmware = "2.5"
            peer.start()
            changed = reader.wait_for_alert("pump-1", None, "changed")
            assert gateway.end() == 0

    assert alert["value"] == 97.5
    found = tomllib.loads(shown.partition("gateway.toml: fine")[0])["gateway"]["modbus"][0]
    assert (found["host"], found["port"], found["unit"]) == ("127.0.0.1", peer.port, 1)
    assert {"table": "holding", "address": 10, "sensor": "holding-10"} in found["points"]
    assert "Acme P-100 2.4" in shown
    assert {alert["kind"] for alert in (new, gone, changed)} == {"inventory"}
    assert changed["message"] == "pump-1 has changed: firmware 2.4 → 2.5"
    assert "doesn't answer" in gone["message"] or "connection" in gone["message"].lower()
    assert set(peer.functions) <= {1, 2, 3, 4, 43}


@contextmanager
def machine(port):
    """Somebody who publishes again and again: `send.what` maps topics to payloads."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    ended = threading.Event()
    what = {}

    def publish():
        while not ended.wait(0.2):
            for topic, payload in list(what.items()):
                client.publish(topic, payload() if callable(payload) else payload, qos=1)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield what
    finally:
        ended.set()
        thread.join()
        client.disconnect()
        client.loop_stop()


def test_an_mqtt_broker_as_its_page_has_it(plant, mosquitto, tmp_path):
    """A press that becomes too hot, over a real broker."""
    reader = Reader("connect-mqtt.md", tmp_path, plant)
    with machine(mosquitto.port) as what:
        temperature = [20.5]
        what["plant/shop/mqtt-press/temp"] = lambda: orjson.dumps(
            {"v": temperature[0], "t": time.time_ns() // 1_000_000}
        )
        what["energy/7"] = b'{"kw":3.5,"phase":{"a":99}}'
        shown = reader.type_all(HOST="127.0.0.1", PORT=str(mosquitto.port))
        with reader.run() as gateway:
            gateway.start()
            wait_until(lambda: gateway.metric("andon_gateway_values_total", result="reported") > 2, "values came")
            temperature[0] = 97.5

            alert = reader.wait_for_alert("mqtt-press", "temp")
            meter = reader.wait_for_alert("meter-7", "phase.a")
            assert gateway.end() == 0

    assert (alert["value"], meter["value"]) == (97.5, 99)
    found = tomllib.loads(shown.partition("gateway.toml: fine")[0])["gateway"]["mqtt"][0]
    assert {"topic": "energy/7", "asset": "7", "sensor": "{member}", "value": "*"} in found["topics"]


def test_a_sparkplug_node_as_its_page_has_it(plant, mosquitto, tmp_path):
    """A press behind an edge node that became too hot; the gateway comes later and asks for its birth."""
    reader = Reader("connect-sparkplug.md", tmp_path, plant)
    with press_node(mosquitto.port, node="edge-7") as node:
        speaking = threading.Event()

        def speak():
            while not speaking.wait(0.3):
                node.tell(metric("Offset", -3, by_alias=True))

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            shown = reader.type_all(HOST="127.0.0.1", PORT=str(mosquitto.port))
            with reader.run() as gateway:
                gateway.start()
                wait_until(lambda: gateway.metric("andon_gateway_values_total", result="reported") > 2, "a birth")
                speaking.set()
                thread.join()
                node.tell(metric("Temperature", 97.5, by_alias=True))

                alert = reader.wait_for_alert("press", "Temperature")
                assert gateway.end() == 0
        finally:
            speaking.set()
            thread.join()

    assert alert["value"] == 97.5
    assert '#   asset = "line.edge-7.press", sensor = "Temperature": Double 20.0, in line/edge-7' in shown


def test_an_s7_controller_as_its_page_has_it(plant, tmp_path):
    """An oven that becomes too hot, over S7 communication."""
    reader = Reader("connect-s7.md", tmp_path, plant)
    with controller() as peer:
        peer.set_real(4, 20.5)
        shown = reader.type_all(HOST="127.0.0.1", PORT=str(peer.port))
        with reader.run() as gateway:
            gateway.start()
            peer.set_real(4, 97.5)

            alert = reader.wait_for_alert("oven-1", "temp")
            assert gateway.end() == 0

    assert alert["value"] == 97.5
    found = tomllib.loads(shown.partition("gateway.toml: fine")[0])["gateway"]["s7"][0]
    assert {"address": "DB10.DBD4", "sensor": "db10-4"} in found["points"]
    assert peer.written == []


def test_an_ethernet_ip_controller_as_its_page_has_it(plant, tmp_path):
    """A mixer that becomes too hot, over EtherNet/IP; its identity is in the inventory."""
    reader = Reader("connect-ethernet-ip.md", tmp_path, plant)
    with Logix(tmp_path) as peer:
        peer.set("Temperature", REAL, 20.5)
        shown = reader.type_all(HOST="127.0.0.1", PORT=str(peer.port))
        with reader.run() as gateway:
            gateway.start()
            peer.set("Temperature", REAL, 97.5)

            alert = reader.wait_for_alert("mixer-1", "temp")
            new = reader.wait_for_alert("mixer-1", None, "appeared")
            assert gateway.end() == 0

    assert alert["value"] == 97.5
    found = tomllib.loads(shown.partition("gateway.toml: fine")[0])["gateway"]["ethernetip"][0]
    assert (found["host"], found["port"], found["route"]) == ("127.0.0.1", peer.port, "1/0")
    assert {"attribute": "4/100/3", "at": 2, "type": "int", "sensor": "assembly100-2"} in found["points"]
    assert "1756-L61/B LOGIX5561" in shown
    assert "1756-L61/B LOGIX5561" in new["message"]


def test_a_dnp3_outstation_as_its_page_has_it(plant, tmp_path):
    """A feeder that becomes too hot, over DNP3."""
    reader = Reader("connect-dnp3.md", tmp_path, plant)
    with substation() as peer:
        shown = reader.type_all(HOST="127.0.0.1", PORT=str(peer.port))
        with reader.run() as gateway:
            gateway.start()
            wait_until(lambda: gateway.metric("andon_gateway_values_total", result="reported") > 2, "values came")
            peer.set_analog(2, 97)

            alert = reader.wait_for_alert("feeder-1", "temp")
            assert gateway.end() == 0

    assert alert["value"] == 97
    found = tomllib.loads(shown.partition("gateway.toml: fine")[0])["gateway"]["dnp3"][0]
    assert (found["outstation"], found["master"]) == (10, 1)
    assert {"type": "analog_input", "index": 2, "sensor": "analog-input-2"} in found["points"]
    assert set(peer.functions) <= {0, 1}


def test_alarms_are_in_the_unified_namespace_as_its_page_has_it(plant, mosquitto, tmp_path):
    """An alarm is a retained message under the asset's path, and so is its end; also of one that ended meanwhile."""
    reader = Reader("unified-namespace.md", tmp_path, plant)
    reader.variables |= {
        "ANDON_KAFKA__ALARMS": reader.topics.alarms,
        "ANDON_SITE__NAME": "test",
    }
    reader.type_all(HOST="127.0.0.1", PORT=str(mosquitto.port))
    seen = {}
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: seen.__setitem__(message.topic, orjson.loads(message.payload))
    client.connect("127.0.0.1", mosquitto.port)
    old = {"site": "test", "asset": "unified-old", "alarms": [{"message": "ended while nobody published"}]}
    client.publish("acme/test/press-shop/line-1/unified-old/_alarms", orjson.dumps(old), qos=1, retain=True)
    client.subscribe("acme/#", qos=1)
    client.loop_start()
    topic = "acme/test/press-shop/line-1/unified-press/_alarms"
    now_ms = time.time_ns() // 1_000_000
    try:
        with reader.run() as publisher:
            publisher.start(until="broker connected")
            produce(reader.bootstrap, reader.topics.readings, [reading("unified-press", 97.5, now_ms)])
            wait_until(lambda: seen.get(topic, {}).get("active") == 1, "the alarm is there")
            standing = seen[topic]
            produce(reader.bootstrap, reader.topics.readings, [reading("unified-press", 20, now_ms + 1000)])
            wait_until(lambda: seen[topic]["active"] == 0, "and over")
            wait_until(lambda: seen[topic.replace("press/_", "old/_")]["alarms"] == [], "what ended before is over too")
            assert publisher.end() == 0
    finally:
        client.disconnect()
        client.loop_stop()
        del client

    (alarm,) = standing["alarms"]
    assert (standing["site"], standing["asset"], standing["priority"]) == ("test", "unified-press", "high")
    assert (alarm["sensor"], alarm["rule"], alarm["held"]) == ("temp", "h", False)
    assert alarm["message"].startswith("unified-press temp 97.5")
    assert seen[topic]["alarms"] == []
