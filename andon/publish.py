"""Publish a recording as readings on Kafka, paced by its event times: a plant's messages, from a file."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
from confluent_kafka import KafkaException, Producer

from contracts.errors import SinkError
from contracts.limits import MESSAGE_VALUES_MAX
from contracts.readings import Quality
from dataflows.kafka_client import client_settings, open_client, wait_for_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from confluent_kafka import KafkaError, Message

    from contracts.readings import Rows
    from contracts.settings import Settings
    from dataflows.chunks import Names, Recording
    from dataflows.playback import Pace

__all__ = ["Publisher", "messages_of", "publish"]

IDLE_S = 0.005
SERVE_EVERY = 1000
"""Messages between two looks at what became of earlier ones."""
WAIT_SLICE_S = 0.2


def publish(
    recording: Recording,
    settings: Settings,
    *,
    pace: Pace,
    stop: Event,
    on_reject: Callable[[Any], None],
    on_progress: Callable[[int, int], None],
) -> int:
    """Send every reading to the first topic of `kafka.readings`; returns the messages that the brokers confirmed.

    Readings of one line travel in one message, as a device would send them, with the asset as the key.

    Args:
        recording: what is sent.
        settings: of Kafka; `delivery_wait_s` bounds every wait.
        pace: when readings are due.
        stop: ends it early when it is set; what was sent until then is still confirmed.
        on_reject: called with each line, or value of it, that isn't sent.
        on_progress: called with the readings sent so far and the newest event time (ms).

    Raises:
        SourceError: no broker answers, or it has no such topic.
        SinkError: a message wasn't delivered.
    """
    topic = settings.kafka.readings[0]
    hint = "Create it: andon topics create."
    wait_for_topics(settings.kafka, [topic], wait_s=settings.service.broker_wait_s, stop=stop, hint=hint)
    publisher = Publisher(settings, topic)
    sent = 0
    for chunk in recording.chunks():
        rows = chunk.rows
        while len(rows) and not stop.is_set():
            due = pace.due(rows["ts"])
            if not due:
                publisher.serve()
                time.sleep(IDLE_S)
                continue
            for key, value in messages_of(rows[:due], recording.names):
                publisher.send(key, value)
            sent += due
            on_progress(sent, int(rows["ts"][due - 1]))
            rows = rows[due:]
        for reject in chunk.rejects:
            on_reject(reject)
        if stop.is_set():
            break
    publisher.settle()
    return publisher.confirmed


def messages_of(rows: Rows, names: Names) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of the messages that say these readings, in their order.

    Args:
        rows: dtype CHUNK; consecutive ones of one line and one asset go together.
        names: of their series.
    """
    assets, sensors = zip(*names.pairs, strict=True) if names.pairs else ((), ())
    lines, ts, values = rows["line"].tolist(), rows["ts"].tolist(), rows["value"].tolist()
    series, qualities = rows["name"].tolist(), rows["quality"].tolist()
    starts = [
        row
        for row in range(len(rows))
        if not row or lines[row] != lines[row - 1] or assets[series[row]] != assets[series[row - 1]]
    ]
    for start, end in pairwise([*starts, len(rows)]):
        asset = assets[series[start]]
        for first in range(start, end, MESSAGE_VALUES_MAX):
            last = min(end, first + MESSAGE_VALUES_MAX)
            message: dict[str, Any] = {"asset": asset, "ts": ts[first]}
            if last - first == 1:
                message |= {"sensor": sensors[series[first]], "value": values[first]}
            else:
                message["values"] = {sensors[series[row]]: values[row] for row in range(first, last)}
            if qualities[first] != Quality.GOOD:
                message["quality"] = Quality(qualities[first]).name.lower()
            yield asset.encode(), orjson.dumps(message)


class Publisher:
    """A producer that counts what the brokers confirmed, and gives up rather than losing a message silently."""

    def __init__(
        self, settings: Settings, topic: str, open_producer: Callable[[dict[str, Any]], Any] = Producer
    ) -> None:
        """Make the producer; no broker is asked yet."""
        self.confirmed = 0
        self._topic = topic
        self._wait_s = settings.service.delivery_wait_s
        self._fault = ""
        self._unserved = 0
        wait_ms = round(self._wait_s * 1000)
        configuration = client_settings(settings.kafka, enable_idempotence=True, acks="all", message_timeout_ms=wait_ms)
        configuration.setdefault("linger.ms", 20)
        self._producer = open_client(open_producer, configuration)

    def send(self, key: bytes, value: bytes) -> None:
        """Hand a message over; wait where the producer's queue is full.

        Raises: SinkError if it stays full, or an earlier message was given up.
        """
        deadline = 0.0
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
            except BufferError:
                deadline = deadline or time.monotonic() + self._wait_s
                self._producer.poll(WAIT_SLICE_S)
                self._check()
                if time.monotonic() > deadline:
                    raise SinkError(f"kafka {self._topic}: nothing was delivered for {self._wait_s:g} s.") from None
            except KafkaException as error:
                raise SinkError(f"kafka {self._topic}: a message was refused ({error.args[0].str()}).") from error
            else:
                break
        self._unserved += 1
        if self._unserved >= SERVE_EVERY:
            self.serve()

    def serve(self) -> None:
        """See what became of messages, without waiting.

        Raises: SinkError if one was given up.
        """
        self._unserved = 0
        self._producer.poll(0)
        self._check()

    def settle(self) -> None:
        """Wait until every message is confirmed.

        Raises: SinkError if one isn't in time.
        """
        deadline = time.monotonic() + self._wait_s + WAIT_SLICE_S
        while (left := self._producer.flush(WAIT_SLICE_S)) > 0:
            self._check()
            if time.monotonic() > deadline:
                raise SinkError(f"kafka {self._topic}: {left} messages weren't confirmed within {self._wait_s:g} s.")
        self._check()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.confirmed += 1
        else:
            self._fault = self._fault or error.str()

    def _check(self) -> None:
        if self._fault:
            raise SinkError(
                f"kafka {self._topic}: a message wasn't delivered ({self._fault}); {self.confirmed} were before."
            )
