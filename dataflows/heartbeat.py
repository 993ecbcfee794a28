"""Heartbeats: each process says on the alarm-state topic that it watches, so that quiet can be told from dead.

A lane asks for one whenever it reads, so a flow that hangs has no heartbeat, however well its process is. A heartbeat
is news and no alert: it has a producer of its own, is never waited for, and is given up when the next one is due. A
process that ends in good order says that it stopped; one that is killed falls silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaException, Producer

from contracts.alarm_states import HEARTBEAT_S, Heartbeat, heartbeat_key
from dataflows.kafka_client import client_settings, open_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import KafkaError, Message

    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.standing import Standing

__all__ = ["Pulse"]

STOP_WAIT_S = 2.0
"""How long the last heartbeat may take."""


class Pulse:
    """The heartbeats of this process."""

    def __init__(
        self,
        settings: Settings,
        *,
        process: str,
        version: str,
        standing: Standing,
        happenings: Happenings,
        open_producer: Callable[[dict[str, Any]], Any] = Producer,
    ) -> None:
        """No heartbeat yet.

        Args:
            process: its name, the same after every restart: it is the key of the record.
            version: of andon.
            standing: how far its lanes have read.
        """
        self._topic = settings.kafka.alarms
        self._site = settings.site.name
        self._process = process
        self._version = version
        self._standing = standing
        self._happenings = happenings
        self._beat_ms: int | None = None
        configuration = client_settings(settings.kafka, acks="all", message_timeout_ms=HEARTBEAT_S * 1000)
        configuration["error_cb"] = lambda _error: None  # the lanes watch the broker, and tell of it
        self._producer = open_client(open_producer, configuration)

    @property
    def key(self) -> str:
        """Under which the heartbeats are."""
        return heartbeat_key(self._site, self._process)

    def beat(self, now_ms: int) -> None:
        """Send a heartbeat if it is time for one. Never waits.

        Args:
            now_ms: wall clock, ms since the epoch. When it was set back, the next beat is at once.
        """
        if self._beat_ms is not None and 0 <= now_ms - self._beat_ms < HEARTBEAT_S * 1000:
            return
        self._beat_ms = now_ms
        self._say(now_ms, "running")
        self._producer.poll(0)

    def stop(self, now_ms: int) -> None:
        """Say that the process ended in good order. Waits `STOP_WAIT_S` at most."""
        self._say(now_ms, "stopped")
        self._producer.flush(STOP_WAIT_S)

    def forget(self, keys: Iterable[str]) -> None:
        """Remove the heartbeats of processes that are gone for good."""
        for key in keys:
            self._send(key, None)

    def _say(self, now_ms: int, state: Literal["running", "stopped"]) -> None:
        lanes = self._standing.lanes.values()
        heartbeat = Heartbeat(
            site=self._site,
            process=self._process,
            ts=now_ms,
            state=state,
            lag_rows=sum(sum(lane.lag_rows.values()) for lane in lanes),
            version=self._version,
        )
        self._send(self.key, heartbeat.body())

    def _send(self, key: str, body: bytes | None) -> None:
        try:
            self._producer.produce(self._topic, body, key.encode(), headers=[], on_delivery=self._delivered)
        except (BufferError, KafkaException):
            self._happenings.heartbeat_ended(delivered=False)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._happenings.heartbeat_ended(delivered=error is None)
