"""MQTT at QoS 0: numbers that a machine sends as fast as it can, through a real broker."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contracts.gateways import Mqtt, MqttTopic
from gateways.happenings import Happenings
from gateways.mqtt import MqttSource
from tests.gateways.peers.mosquitto import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gateways.peers import Pair
    from benchmarks.gateways.store import Store

__all__ = ["mqtt"]

TOPICS = 100
PAUSE_S = 0.001
BURST = 50
"""Messages between two pauses: some forty thousand a second, more than either reads."""


@contextmanager
def mqtt(seconds: float, store: Store) -> Iterator[Pair]:
    """Counted in paho's callback, and as readings."""
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        machine = get_context("fork").Process(target=_publish, args=(broker.port,), daemon=True)
        machine.start()
        try:
            yield (
                partial(_bare, broker.port, seconds),
                lambda: asyncio.run(_ours(broker.port, seconds, store)),
            )
        finally:
            machine.kill()
            machine.join()


def _publish(port: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    number = 0
    while True:
        for _ in range(BURST):
            number += 1
            client.publish(f"bench/{number % TOPICS}", str(number))
        time.sleep(PAUSE_S)


def _bare(port: int, seconds: float) -> int:
    values: list[float] = []

    def take(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        values.append(float(message.payload))

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = take
    client.connect("127.0.0.1", port)
    client.subscribe("bench/#")
    client.loop_start()
    time.sleep(seconds)
    client.disconnect()
    client.loop_stop()
    return len(values)


async def _ours(port: int, seconds: float, store: Store) -> int:
    topics = (MqttTopic(topic="bench/{n}", asset="bench", sensor="{n}"),)
    settings = Mqtt(name="bench", host="127.0.0.1", port=port, qos=0, topics=topics)
    source = MqttSource(settings, Happenings(["bench"]))
    return await store.drain(source, settings, seconds)
