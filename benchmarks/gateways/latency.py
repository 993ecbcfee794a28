"""How long a reading takes from a machine to a consumer of Kafka: MQTT, the gateway's disk, Kafka, all real."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import orjson
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from deploy.kafka.local import LocalKafka
from tests.gateways.peers.mosquitto import Mosquitto
from tests.gateways.process import GatewayProcess

__all__ = ["latency"]

PER_S = 1_000
BURST = 10
FIRST_S = 2.0
"""Left out: connections are made, and code is run for the first time."""
TOPIC = "readings"
TOML = """
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{topic}"]
[[gateway.mqtt]]
name = "floor"
host = "127.0.0.1"
port = {port}
topics = [{{ topic = "bench/{{n}}", asset = "bench", sensor = "{{n}}", value = "v", ts = "t" }}]
"""


def latency(*, seconds: float) -> str:
    """The figures, as a line."""
    with tempfile.TemporaryDirectory() as name, LocalKafka(Path(name) / "kafka") as kafka:
        folder = Path(name)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
        with Mosquitto(folder / "mosquitto") as broker:
            (folder / "gateway.toml").write_text(TOML.format(bootstrap=kafka.bootstrap, topic=TOPIC, port=broker.port))
            with GatewayProcess(folder, [sys.executable, "-m", "andon", "gateway", "run"]) as gateway:
                gateway.start()
                ended = threading.Event()
                machine = threading.Thread(target=_speak, args=(broker.port, ended))
                machine.start()
                took_ms = _hear(kafka.bootstrap, seconds + FIRST_S)
                ended.set()
                machine.join()
                gateway.end()
    p50, p99, most = np.percentile(took_ms, [50, 99, 100])
    return (
        f"MQTT at QoS 1 → gateway → Kafka → consumer, {PER_S} readings/s for {seconds:g} s, {len(took_ms)} readings:"
        f" p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {most:.0f} ms"
    )


def _speak(port: int, ended: threading.Event) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    number = 0
    while not ended.wait(BURST / PER_S):
        for _ in range(BURST):
            number += 1
            body = orjson.dumps({"v": number, "t": time.time_ns() // 1_000_000})
            client.publish(f"bench/{number % 100}", body, qos=1)
    client.disconnect()
    client.loop_stop()


def _hear(bootstrap: str, seconds: float) -> list[int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "auto.offset.reset": "earliest"})
    consumer.subscribe([TOPIC])
    while not consumer.consume(1, 1.0):  # it takes seconds to be given its partition
        pass
    took_ms: list[int] = []
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        for message in consumer.consume(1_000, 0.01):
            now_ms = time.time_ns() // 1_000_000
            if message.error() is None and time.monotonic() > began + FIRST_S:
                took_ms.append(now_ms - orjson.loads(message.value() or b"")["ts"])
    consumer.close()
    return took_ms
