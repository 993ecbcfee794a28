"""Reads the alert topic as a consumer would, all the time, and says whether andon works again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.crash.plant import PARTITIONS, partition_of

if TYPE_CHECKING:
    from typing import Self

    from confluent_kafka import Message

__all__ = ["ALERT_PARTITIONS", "Collector", "Told", "told"]

ALERT_PARTITIONS = 3
CALM_S = 0.5


class Told(NamedTuple):
    """One record of the alert topic."""

    ce_id: str
    body: bytes
    asset: str
    kind: str
    ts: int
    """Event time of the transition, ms."""
    at_s: float
    """When it was read, by the monotonic clock."""


def told(message: Message) -> Told:
    """A record as it is judged."""
    body = message.value()
    alert = orjson.loads(body)
    ce_id = dict(message.headers())["ce_id"].decode()
    return Told(ce_id, body, alert["asset"], alert["kind"], alert["ts"], time.monotonic())


class Collector:
    """A thread that reads every record. A context manager.

    The topic may be deleted and made anew meanwhile: `forget` before, `begin` after.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.records: list[Told] = []
        self._topic = topic
        self._newest_ts = [0] * PARTITIONS
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._bootstrap = bootstrap
        self._consumer: Consumer | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def newest_ts(self) -> int:
        """In each partition of the readings an alarm with at least this event time has been told."""
        return min(self._newest_ts)

    def begin(self) -> None:
        """Read the topic from its beginning.

        By a client that hasn't met it: one that knew a topic of this name may wait for the old one for ever.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "crash-collector",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 200,
                "log_level": 0,
            }
        )
        consumer.assign([TopicPartition(self._topic, number, 0) for number in range(ALERT_PARTITIONS)])
        with self._lock:
            self._consumer = consumer

    def forget(self) -> None:
        """Read no more, once all that is there has been read and nothing comes any more."""
        self.drain()
        with self._lock:
            self._close()

    def drain(self) -> None:
        """Wait until nothing has come for a moment, and the ends of the topic have been reached."""
        while True:
            count = len(self.records)
            time.sleep(CALM_S)
            if len(self.records) == count and self._at_the_ends():
                return

    def __enter__(self) -> Self:
        self.begin()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()
        self._close()

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _at_the_ends(self) -> bool:
        with self._lock:
            assert self._consumer is not None
            try:
                ends = [
                    self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), 20)[1]
                    for number in range(ALERT_PARTITIONS)
                ]
            except KafkaException:
                return False
            at = {each.partition: each.offset for each in self._consumer.position(self._consumer.assignment())}
        return all(end == 0 or at.get(number, -1) >= end for number, end in enumerate(ends))

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                messages = self._consumer.consume(1_000, 0.05) if self._consumer is not None else []
            for message in messages:
                if message.error() is None:
                    self._take(told(message))
            if not messages:
                time.sleep(0.02)

    def _take(self, record: Told) -> None:
        self.records.append(record)
        partition = partition_of(record.asset)
        if partition is not None:
            self._newest_ts[partition] = max(self._newest_ts[partition], record.ts)
