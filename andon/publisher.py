"""Sends messages to Kafka topics for commands that must know that all arrived: a recording, dead letters."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, Producer

from contracts.errors import SinkError
from dataflows.kafka_client import client_settings, open_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message

    from contracts.settings import Settings

__all__ = ["Publisher"]

SERVE_EVERY = 1000
"""Messages between two looks at what became of earlier ones."""
WAIT_SLICE_S = 0.2
"""Waiting is cut into pieces, so that Ctrl-C is heard."""


class Publisher:
    """A producer that counts what the brokers confirmed, and gives up rather than losing a message silently."""

    def __init__(self, settings: Settings, open_producer: Callable[[dict[str, Any]], Any] = Producer) -> None:
        """Make the producer; no broker is asked yet."""
        self.confirmed = 0
        self._wait_s = settings.service.delivery_wait_s
        self._fault = ""
        self._unserved = 0
        wait_ms = round(self._wait_s * 1000)
        configuration = client_settings(settings.kafka, enable_idempotence=True, acks="all", message_timeout_ms=wait_ms)
        configuration.setdefault("linger.ms", 20)
        self._producer = open_client(open_producer, configuration)

    def send(self, topic: str, key: bytes | None, value: bytes | None, *, partition: int | None = None) -> None:
        """Hand a message over; wait where the producer's queue is full.

        Args:
            partition: where it goes; None: where its key says.

        Raises: SinkError if it stays full, or an earlier message was given up.
        """
        there = {} if partition is None else {"partition": partition}
        delivered = partial(self._delivered, topic)
        deadline = 0.0
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=delivered, **there)
            except BufferError:
                deadline = deadline or time.monotonic() + self._wait_s
                self._producer.poll(WAIT_SLICE_S)
                self._check()
                if time.monotonic() > deadline:
                    raise SinkError(f"kafka {topic}: nothing was delivered for {self._wait_s:g} s.") from None
            except KafkaException as error:
                raise SinkError(f"kafka {topic}: a message was refused ({error.args[0].str()}).") from error
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
                raise SinkError(f"kafka: {left} messages weren't confirmed within {self._wait_s:g} s.")
        self._check()

    def _delivered(self, topic: str, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.confirmed += 1
        else:
            self._fault = self._fault or f"kafka {topic}: a message wasn't delivered ({error.str()})"

    def _check(self) -> None:
        if self._fault:
            raise SinkError(f"{self._fault}; {self.confirmed} were before.")
