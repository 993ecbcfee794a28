"""Kafka goes away under load, the gateway is killed meanwhile, and nothing is lost.

Scaled down for every day. In full, with its figures:

    ANDON_OUTAGE_S=60 python -m pytest tests/gateways/test_outage.py -o log_cli=true -o log_cli_level=INFO
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time

import orjson
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import wait_until_known
from tests.gateways.process import GatewayProcess
from tests.kafka.service import count_all, read_all, wait_until

OUTAGE_S = float(os.environ.get("ANDON_OUTAGE_S", "3"))
EVERY_S = 0.002

TOML = """
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{topic}"]
[[gateway.mqtt]]
name = "floor"
host = "127.0.0.1"
port = {port}
client_id = "{topic}"
topics = [{{ topic = "{topic}/#", asset = "press", sensor = "n" }}]
"""


class Counter:
    """A machine that counts, and knows what the MQTT broker has of it."""

    def __init__(self, port, topic):
        self.sent = 0
        self._topic = f"{topic}/n"
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ended.wait(EVERY_S):
            self._client.publish(self._topic, str(self.sent), qos=1).wait_for_publish(60)
            self.sent += 1

    def stop(self):
        """Count no more."""
        self._ended.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        del self._client


def counted(bootstrap, topic):
    """The numbers in Kafka, in their order."""
    return [orjson.loads(message.value())["values"]["n"] for message in read_all(bootstrap, topic)]


@pytest.mark.timeout(300 + 4 * OUTAGE_S)
def test_kafka_goes_away_under_load_and_nothing_is_lost(own_kafka, mosquitto, tmp_path):
    """Killed broker, killed gateway, both back: every reading is there, in order; what was on its way comes twice."""
    topic = f"outage-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": own_kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    wait_until_known(admin, topic, partitions=1)
    text = TOML.format(bootstrap=own_kafka.bootstrap, topic=topic, port=mosquitto.port)
    (tmp_path / "gateway.toml").write_text(text)
    command = [sys.executable, "-m", "andon", "gateway", "run", "--settings", "gateway.toml"]

    with GatewayProcess(tmp_path, command) as gateway:
        gateway.start()
        machine = Counter(mosquitto.port, topic)
        try:
            wait_until(lambda: gateway.metric("andon_gateway_messages_published_total") > 100, "Kafka has some")
            own_kafka.kill()
            before = machine.sent
            time.sleep(OUTAGE_S)  # how long the outage is, not how long something takes
            wait_until(lambda: gateway.metric("andon_gateway_buffer_messages") > 100, "some wait on the disk")
            gateway.end(signal.SIGKILL)
            gateway.start()
            waited = gateway.events("gateway started")[-1]["waiting"]
            wait_until(lambda: machine.sent > before + 200, "the load goes on")
            own_kafka.start()
            wait_until(lambda: gateway.metric("andon_gateway_messages_published_total") > 0, "Kafka has more")
        finally:
            machine.stop()
        sent = machine.sent
        wait_until(lambda: count_all(own_kafka.bootstrap, topic) >= sent, "as many as there are have arrived")
        wait_until(lambda: gateway.metric("andon_gateway_buffer_messages") == 0, "nothing waits any more")
        wait_until(lambda: counted(own_kafka.bootstrap, topic)[-1:] == [sent - 1], "the last one arrived")
        dropped = gateway.metric("andon_gateway_messages_dropped_total")
        assert gateway.end() == 0

    numbers = counted(own_kafka.bootstrap, topic)
    figures = "away for %g s: %d readings, %d waited on the disk when the gateway was killed, %d came twice"
    logging.getLogger("outage").info(figures, OUTAGE_S, sent, waited, len(numbers) - sent)
    assert waited > 100
    assert dropped == 0
    assert list(dict.fromkeys(numbers)) == list(range(sent))  # each first occurrence in order
