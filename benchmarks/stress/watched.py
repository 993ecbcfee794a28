"""A running service that is watched from outside: memory, threads, files, how fast it answers, how late alerts come."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.stress.feed import PARTITIONS
from benchmarks.throughput.service import write_settings

__all__ = ["LANES", "Look", "Probes", "Topic", "Watch", "delete_topic", "new_topic", "percentile", "watched"]

LANES = 4
START_WAIT_S = 180
LOOK_S = 0.5
PROBE_S = 0.1
PROBE_ASSETS = 400
"""A multiple of the partitions; each turns every 40 s, and is raised every 80."""
assert PROBE_ASSETS % PARTITIONS == 0
ALERT_PARTITIONS = 3


class Topic(NamedTuple):
    """The topics, settings and state of one run."""

    bootstrap: str
    name: str
    settings: Path

    @property
    def second(self) -> str:
        """A second topic of readings; only the first has probes."""
        return f"{self.name}.second"


def new_topic(bootstrap: str, folder: Path, name: str, *, retention_bytes: int | None = None) -> Topic:
    """Make the topics of one run: two of readings, and those that andon writes by its own command.

    Args:
        retention_bytes: of a partition of readings; None: all are kept.
    """
    config = (
        {"retention.bytes": str(retention_bytes), "segment.bytes": str(retention_bytes // 4)} if retention_bytes else {}
    )
    admin = AdminClient({"bootstrap.servers": bootstrap})
    folder.mkdir()
    topic = Topic(bootstrap, name, folder / "andon.toml")
    for made in admin.create_topics(
        [NewTopic(each, PARTITIONS, 1, config=config) for each in (name, topic.second)]
    ).values():
        made.result(30)
    settings = write_settings(folder, bootstrap=bootstrap, topic=name, state=folder / "state", lanes=LANES)
    one, both = json.dumps([name]), json.dumps([name, topic.second])
    settings.write_text(settings.read_text().replace(f"readings = {one}", f"readings = {both}"))
    command = [sys.executable, "-m", "andon", "topics", "create", str(settings)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=120)
    return topic


class Look(NamedTuple):
    """What was seen at one moment."""

    at_s: float
    """Since the watch began."""
    memory_mb: float
    threads: int
    handles: int
    health_s: float
    """How long /healthz took to answer."""
    metrics_s: float
    lag_rows: int
    """Messages that weren't read yet, as the service says."""
    read: int
    """Messages that were read so far."""


class Watch:
    """A thread that looks twice a second."""

    def __init__(self, pid: int, port: int) -> None:
        self.looks: list[Look] = []
        self._pid, self._port = pid, port
        self._began_s = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def wait_until_caught_up(self, *, wait_s: float, read_min: int = 1) -> float:
        """Wait until there is no lag, twice in a row; seconds.

        Args:
            read_min: so many messages must have been read: a lag may not be known yet.

        Raises: RuntimeError if that takes too long.
        """
        began = time.monotonic()
        while True:
            after = [look for look in self.looks if self._began_s + look.at_s > began]
            if len(after) >= 2 and after[-1].read >= read_min and not (after[-1].lag_rows or after[-2].lag_rows):
                return time.monotonic() - began
            if time.monotonic() - began > wait_s:
                raise RuntimeError(f"the service didn't catch up within {wait_s:.0f} s: {self.looks[-1]}")
            time.sleep(LOOK_S / 2)

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            health_s, _ = self._ask("/healthz")
            metrics_s, _ = self._ask("/metrics")
            _, body = self._ask("/status")
            status = json.loads(body)
            process = Path(f"/proc/{self._pid}")
            said = (process / "status").read_text(encoding="utf-8")
            self.looks.append(
                Look(
                    time.monotonic() - self._began_s,
                    _number(said, "VmRSS") / 1024,
                    _number(said, "Threads"),
                    len(list((process / "fd").iterdir())),
                    health_s,
                    metrics_s,
                    status["lag_rows"],
                    sum(sum(lane["positions"].values()) for lane in status["lanes"].values()),
                )
            )

    def _ask(self, path: str) -> tuple[float, bytes]:
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=60) as answer:
            body: bytes = answer.read()
        return time.monotonic() - began, body


def _number(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


class Probes:
    """Assets that turn hot, then cold, then hot again, ten a second in turn on all partitions: each turn must be told.

    So many of them that none chatters, and the same again and again, so that they add nothing to what grows.

    `late_s` holds (when it was sent, by the monotonic clock; how long its alert took to arrive).
    """

    def __init__(self, topic: Topic) -> None:
        self.late_s: list[tuple[float, float]] = []
        self._topic = topic
        self._sent: dict[str, float] = {}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._send, self._hear)]
        for thread in self._threads:
            thread.start()

    @property
    def missing(self) -> int:
        """How many weren't told yet."""
        return len(self._sent)

    def stop(self, *, wait_s: float) -> None:
        """Send no more, and wait until all were told, or for so long."""
        self._over.set()
        deadline = time.monotonic() + wait_s
        while self.missing and time.monotonic() < deadline:
            time.sleep(0.05)
        self._threads[1].join()

    def _send(self) -> None:
        producer = Producer({"bootstrap.servers": self._topic.bootstrap, "linger.ms": 0})
        number = 0
        while not self._over.wait(PROBE_S):
            turn, asset = divmod(number, PROBE_ASSETS)
            name = f"probe-{asset}"
            moment, value = time.time_ns() // 1_000_000, 20 if turn % 2 else 99
            body = b'{"asset":"%s","sensor":"s","ts":%d,"value":%d}' % (name.encode(), moment, value)
            self._sent[name] = time.monotonic()
            producer.produce(self._topic.name, body, name.encode(), asset % PARTITIONS)
            producer.poll(0)
            number += 1
        producer.flush(30)

    def _hear(self) -> None:
        consumer = Consumer(
            {"bootstrap.servers": self._topic.bootstrap, "group.id": "probes", "fetch.wait.max.ms": 20, "log_level": 0}
        )
        alerts = f"{self._topic.name}.alerts"
        consumer.assign([TopicPartition(alerts, number, 0) for number in range(ALERT_PARTITIONS)])
        while not (self._over.is_set() and not self._sent):
            messages = consumer.consume(1_000, 0.05)
            now = time.monotonic()
            for message in messages:
                sent = None if message.error() else self._sent.pop((message.key() or b"").decode(), None)
                if sent is not None:
                    self.late_s.append((sent, now - sent))
            if self._over.is_set() and not messages:
                self._give_up_after_silence()
        consumer.close()

    def _give_up_after_silence(self) -> None:
        if self._sent and time.monotonic() - max(self._sent.values()) > START_WAIT_S:
            self._sent.clear()


@contextmanager
def watched(topic: Topic) -> Iterator[tuple[Watch, Probes]]:
    """Run the service, watch it, and probe it, until the block is left."""
    command = [sys.executable, "-m", "andon", "run", "--settings", str(topic.settings)]
    with ExitStack() as opened, (topic.settings.parent / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)
        opened.callback(process.wait)
        opened.callback(process.terminate)
        served = _wait_for(topic.settings.parent / "log", process)
        watch = Watch(process.pid, served)
        opened.callback(watch.stop)
        yield watch, Probes(topic)
        if process.poll() is not None:
            raise RuntimeError(f"the service ended: {(topic.settings.parent / 'log').read_text().splitlines()[-1:]}")


def _wait_for(log: Path, process: subprocess.Popen[bytes]) -> int:
    """The port of its metrics, once its lanes are open."""
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        events = {line["event"]: line for line in lines}
        if "ready" in events:
            return int(events["metrics served"]["port"])
        time.sleep(0.1)
    raise RuntimeError(f"the service didn't begin: {log.read_text(encoding='utf-8')[-500:]}")


def percentile(values: Sequence[float], percent: int) -> float:
    """Of few values the nearest one; of none 0."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def delete_topic(topic: Topic) -> None:
    """Free the room that a run has taken."""
    names = [
        topic.name,
        topic.second,
        *(f"{topic.name}.{role}" for role in ("alerts", "alarms", "commands", "dead-letters")),
    ]
    admin = AdminClient({"bootstrap.servers": topic.bootstrap})
    for deleted in admin.delete_topics(names).values():
        deleted.result(60)
