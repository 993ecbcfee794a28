"""`andon run` as a process of its own, on a real broker, and what goes into and comes out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from dataflows.kafka_client import available
from dataflows.offsets import Partition
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import Message

__all__ = [
    "Feeder",
    "Service",
    "Topics",
    "andon",
    "committed",
    "count_all",
    "named",
    "produce",
    "read_all",
    "reading",
    "wait_until",
    "without_floods",
]

WAIT_S = 90
"""Kernels that changed are compiled first."""

COMMAND_WAIT_S = 170
"""A command that reads all there is, on a machine with other work. Less than a test has, so that it says what hung."""

TOML = """
[site]
name = "test"
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{readings}"]
alerts = "{alerts}"
alarms = "{alarms}"
commands = "{commands}"
dead_letters = "{dead_letters}"
[service]
state_dir = "{state_dir}"
metrics_port = 0
lanes = {lanes}
{service}
{rules}
"""

RULES = """
[[rules]]
unit = "degC"
limit = { h = 85 }
anomaly = false
drift = false
"""


class Topics:
    """One topic of each sort, made for one test."""

    def __init__(self, make: Callable[..., str], *, partitions: int = 4) -> None:
        self.readings = make(partitions)
        self.alerts = make(2)
        self.commands = make(1)
        self.alarms = make(1)
        self.dead_letters = make(1)


def named(prefix: str) -> SimpleNamespace:
    """Topics that the test itself makes, on a broker that others have used before."""
    names = ("readings", "alerts", "alarms", "commands", "dead_letters")
    return SimpleNamespace(**{name: f"{prefix}-{name.replace('_', '-')}" for name in names})


class Service:
    """The process: settings, start, logs, health, ends of all sorts."""

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        topics: Any,
        *,
        service: str = "",
        rule: str = "stale = false",
        rules: str = "",
        lanes: int = 4,
        **changed: str,
    ) -> None:
        """A service that isn't started yet.

        Args:
            service: more lines for `[service]`.
            rule: more lines for the one rule, a limit of 85 degC.
            rules: tables in place of that rule.
            changed: topics by other names than those of `topics`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.state_dir = folder / "state"
        self.settings = folder / "andon.toml"
        names = {name: getattr(topics, name) for name in ("readings", "alerts", "alarms", "commands", "dead_letters")}
        names |= changed
        text = TOML.format(
            bootstrap=bootstrap,
            state_dir=self.state_dir,
            lanes=lanes,
            service=service,
            rules=rules or f"{RULES}{rule}",
            **names,
        )
        self.settings.write_text(f"{text.strip()}\n", encoding="utf-8")
        self.stderr = folder / "stderr.log"
        self.stderr.touch()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Begin to run, and return when the lanes are open, those of all its processes."""
        processes = int(options[options.index("--processes") + 1]) if "--processes" in options else 1
        self.launch(*options, until="ready", count=processes)

    def launch(self, *options: str, until: str, count: int = 1) -> None:
        """Begin to run, and return when an event of this name is logged, by so many processes."""
        expected = len(self.events(until)) + count
        with self.stderr.open("ab") as stderr:
            command = [sys.executable, "-m", "andon", "run", "--settings", str(self.settings), *options]
            self.process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stderr=stderr)
        wait_until(lambda: len(self.events(until)) >= expected or self.process.poll() is not None, until)
        assert len(self.events(until)) >= expected, self.stderr.read_text()

    def finish(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run until it ends by itself."""
        return andon("run", "--settings", str(self.settings), *options)

    def catch_up(self, *options: str) -> None:
        """Run until all that is there has been read."""
        done = self.finish("--until-caught-up", *options)
        assert done.returncode == 0, done.stderr

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        return self.end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL; its exit code."""
        return self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under this name."""
        lines = [line for line in self.stderr.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def get(self, path: str, *, port: int | None = None) -> tuple[int, str]:
        """Status and body of a page; of the process that serves it on a port, or of the one that started last."""
        port = port or self.events("metrics served")[-1]["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_until_read(self, messages: int) -> None:
        """All of the messages that were ever sent have been handed to the flow."""
        wait_until(lambda: self.messages_read() >= messages, f"{messages} messages read")

    def messages_read(self) -> int:
        """How many messages have been handed to the flow, as of half a second ago."""
        lanes = json.loads(self.get("/status")[1])["lanes"].values()
        return sum(sum(lane["positions"].values()) for lane in lanes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()


class Feeder:
    """Sends readings from a thread, paced, until it is told to stop."""

    def __init__(
        self, bootstrap: str, topic: str, make: Callable[[int], Iterable[dict[str, Any]]], *, every_s: float
    ) -> None:
        self.sent = 0
        self._make = make
        self._every_s = every_s
        self._topic = topic
        self._ended = threading.Event()
        # Without idempotence what an outage held back may come out of order: its readings are too late then.
        settings: dict[str, Any] = {"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 2}
        self._producer = Producer({**settings, "enable.idempotence": True})
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait until what was sent has arrived."""
        self._ended.set()
        self._thread.join()
        assert self._producer.flush(60) == 0

    def _run(self) -> None:
        step = 0
        while not self._ended.wait(self._every_s):
            for message in self._make(step):
                self._producer.produce(self._topic, json.dumps(message).encode(), message["asset"].encode())
                self.sent += 1
            self._producer.poll(0)
            step += 1


def andon(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "andon", *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_WAIT_S,
        check=False,
    )


def environment() -> dict[str, str]:
    """The environment of our processes: they find the sources."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def reading(asset: str, value: float, ts: int, sensor: str = "temp") -> dict[str, Any]:
    """One reading, as it travels."""
    return {"asset": asset, "sensor": sensor, "ts": ts, "value": value}


def produce(
    bootstrap: str, topic: str, messages: Iterable[dict[str, Any] | tuple[bytes, bytes]], *, sent_then: bool = False
) -> int:
    """Send readings, or (key, value) as they are; returns how many, when all have arrived.

    Args:
        sent_then: Kafka's timestamp of a reading is its own `ts`, as if it had been sent at that time.
    """
    wide = {"message.max.bytes": 1_100_000, "queue.buffering.max.messages": 1_000_000}
    producer = Producer({"bootstrap.servers": bootstrap, **wide})
    count = 0
    for message in messages:
        if isinstance(message, dict):
            then_ms = message["ts"] if sent_then else 0  # 0: now
            producer.produce(topic, json.dumps(message).encode(), message["asset"].encode(), timestamp=then_ms)
        else:
            producer.produce(topic, message[1], message[0])
        count += 1
    assert producer.flush(60) == 0
    return count


def read_all(bootstrap: str, topic: str) -> list[Message]:
    """All messages of a topic, as of now."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests", "auto.offset.reset": "earliest"})
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        there = available(consumer, [Partition(topic, number) for number in partitions])
        ends = {partition.number: limits.end for partition, limits in there.items()}
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: list[Message] = []
        while len(found) < sum(ends.values()):
            found += [message for message in consumer.consume(1_000, 0.2) if message.error() is None]
        return found
    finally:
        consumer.close()


def without_floods(messages: Iterable[Message]) -> list[Message]:
    """Alerts about assets: when a flood begins hangs on the order in which key groups come, so no two runs agree."""
    return [message for message in messages if b'"kind":"flood"' not in (message.value() or b"")]


def count_all(bootstrap: str, topic: str) -> int:
    """How many messages a topic has, as of now."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests"})
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        there = available(consumer, [Partition(topic, number) for number in partitions])  # also just after a start
        return sum(limits.end for limits in there.values())
    finally:
        consumer.close()


def committed(bootstrap: str, topic: str, *, group: str = "andon-test") -> dict[int, int]:
    """The offsets that a consumer group has committed, by partition: what Kafka's own tools show."""
    _wait_for_coordinator(bootstrap, topic, group)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    return {at.partition: at.offset for at in answer.result(20).topic_partitions if at.topic == topic}


def _wait_for_coordinator(bootstrap: str, topic: str, group: str) -> None:
    """On a new broker nobody has committed yet, and the admin client's answer to that has crashed the process."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    deadline = time.monotonic() + WAIT_S
    try:
        while True:
            try:
                consumer.committed([TopicPartition(topic, 0)], 10)
            except KafkaException:
                assert time.monotonic() < deadline, f"the group {group} has no coordinator"
                time.sleep(0.1)
            else:
                return
    finally:
        consumer.close()


def wait_until(true: Callable[[], bool], what: str, *, wait_s: float = WAIT_S) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < deadline, f"not within {wait_s} s: {what}"
        time.sleep(0.05)
