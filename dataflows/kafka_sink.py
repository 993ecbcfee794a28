"""Sinks that write alerts, the state of alarms and dead letters to Kafka.

Guarantees: at least once. A record is handed to an idempotent producer (acks=all); a snapshot is not taken before the
brokers have confirmed every record so far. So a process that dies at any moment has either delivered, or decides again
after its restart: the same alert, with the same `ce_id`.

A dead broker: the next snapshot waits, and the whole flow with it, for `delivery_wait_s`; then the process ends with a
SinkError rather than losing an alert. A full queue waits likewise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaException, Producer

from contracts.errors import SinkError
from contracts.limits import DEAD_LETTER_BYTES_MAX
from dataflows.cluster import ALONE
from dataflows.kafka_client import client_settings, open_client

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from confluent_kafka import KafkaError, Message

    from contracts.alarm_states import AlarmRecord
    from contracts.alerts import AlertRecord
    from contracts.errors import AndonError
    from contracts.readings import Reject
    from contracts.settings import Settings
    from dataflows.cluster import Share
    from dataflows.happenings import Happenings

__all__ = ["Delivery", "KafkaAlarmStates", "KafkaAlerts", "KafkaDeadLetters", "alert_headers", "dead_letter"]

QUEUE_KBYTES_MAX = 64 * 1024
"""Records that wait for the broker, in all: dead letters may be large."""

LINGER_MS = 1
"""Alerts are few, and somebody waits for them. Where they are many they are sent together anyway, while earlier ones
are under way."""

FLUSH_SLICE_S = 0.2
"""Waiting is cut into pieces, so that a request to stop is heard."""

FLUSH_MARGIN_S = 5.0
"""The producer gives a record up after delivery_wait_s, and says so a little later."""

STOP_WAIT_S = 10.0
"""Asked to stop while the broker is away: supervisors kill after some tens of seconds."""

DETAIL_BYTES_MAX = 1_000
KEY_BYTES_MAX = 16 * 1024
"""Of a dead letter's key. Longer ones are payloads in the wrong place."""

_REMEDIES = {
    "INVALID_TIMESTAMP": " Compare this machine's clock with the broker's; a topic with "
    "message.timestamp.type=LogAppendTime takes records whatever their sender's clock says.",
}
"""What to do about errors whose text doesn't say it, by their names."""

Headers = list[tuple[str, bytes]]
Carried = TypeVar("Carried")


class Delivery:
    """The one producer of this process. It keeps the first fault that the brokers report, and raises it."""

    def __init__(
        self,
        settings: Settings,
        *,
        happenings: Happenings,
        stop: threading.Event,
        faults: list[AndonError] | None = None,
        open_producer: Callable[[dict[str, Any]], Any] = Producer,
        clock_s: Callable[[], float] = monotonic,
    ) -> None:
        self._clock_s = clock_s
        self._wait_s = settings.service.delivery_wait_s + FLUSH_MARGIN_S
        self._happenings = happenings
        self._stop = stop
        self._fault: str | None = None
        self._faults = [] if faults is None else faults
        configuration = client_settings(
            settings.kafka,
            enable_idempotence=True,
            acks="all",
            message_timeout_ms=round(settings.service.delivery_wait_s * 1000),
        )
        configuration.setdefault("linger.ms", LINGER_MS)
        configuration.setdefault("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX)
        configuration["error_cb"] = self._error
        self._producer = open_client(open_producer, configuration)

    def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Hand a record to the producer; where its queue is full, wait.

        Raises: SinkError if the queue stays full, or a record before this one was given up.
        """
        deadline: float | None = None
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=self._delivered)
            except BufferError:
                deadline = deadline or self._clock_s() + self._wait_s
                self._producer.poll(FLUSH_SLICE_S)
                self.check()
                if self._clock_s() > deadline:
                    raise self._failed(
                        f"kafka {topic}: the producer's queue stayed full for {self._wait_s:g} s."
                    ) from None
            except KafkaException as error:
                raise self._failed(f"kafka {topic}: a record was refused ({error.args[0].str()}).") from error
            else:
                return

    def check(self) -> None:
        """Raise the first fault so far.

        Raises: SinkError.
        """
        if self._fault:
            raise self._failed(
                f"{self._fault} Nothing is lost: what wasn't delivered is decided again after the restart."
            )

    def serve(self) -> None:
        """Let the producer tell what became of records, without waiting.

        Raises: SinkError if one was given up.
        """
        self._producer.poll(0)
        self._happenings.sink_in_flight(len(self._producer))
        self.check()

    def settle(self) -> None:
        """Wait until the brokers have confirmed every record so far.

        Raises: SinkError if they don't in time, or a record was given up.
        """
        deadline = self._clock_s() + self._wait_s
        stop_deadline: float | None = None
        while (left := self._producer.flush(FLUSH_SLICE_S)) > 0:
            self.check()
            if self._stop.is_set():
                stop_deadline = stop_deadline or self._clock_s() + STOP_WAIT_S
                deadline = min(deadline, stop_deadline)
            if self._clock_s() > deadline:
                self._fault = f"kafka: {left} records weren't confirmed in time."
        self._happenings.sink_in_flight(0)
        self.check()

    def _failed(self, text: str) -> SinkError:
        """An error to be raised; it is kept, because it is lost where the flow is one of several processes."""
        error = SinkError(text)
        self._faults.append(error)
        return error

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._happenings.sink_failed()
            reason = f"({error.str()}).{_REMEDIES.get(error.name(), '')}"
            self._fault = self._fault or f"kafka {message.topic()}: a record can't be delivered {reason}"

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fault = self._fault or f"kafka: the producer can't go on ({error.str()})."
        else:
            self._happenings.sink_troubled(error.name(), error.str())


class _KafkaSink(FixedPartitionedSink[Carried, None], Generic[Carried]):
    """As many parts as there are lanes, so that processes share the work; those of one process share its producer."""

    def __init__(self, settings: Settings, delivery: Delivery, *, share: Share = ALONE) -> None:
        self._settings = settings
        self._delivery = delivery
        self._share = share

    def list_parts(self) -> list[str]:
        """The names of the parts of this process. A schema: never change them."""
        return [f"out-{part:02d}" for part in range(self._settings.service.lanes) if self._share.has(part)]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part[Carried]:  # noqa: ARG002
        """A part; there is nothing to resume, because a snapshot leaves nothing undelivered."""
        return _Part(self._delivery, self._send)

    def _send(self, values: list[Carried]) -> None:
        raise NotImplementedError


class _Part(StatefulSinkPartition[Carried, None]):
    def __init__(self, delivery: Delivery, send: Callable[[list[Carried]], None]) -> None:
        self._delivery = delivery
        self._send = send

    def write_batch(self, values: list[Carried]) -> None:
        """Hand records over.

        Raises: SinkError if one was given up, now or before.
        """
        self._send(values)
        self._delivery.serve()

    def snapshot(self) -> None:
        """Wait for the brokers.

        Raises: SinkError.
        """
        self._delivery.settle()  # also the last thing that happens: an error in close() would abort the process


class KafkaAlerts(_KafkaSink["AlertRecord"]):
    """Alerts, each under its asset's name, with CloudEvents headers."""

    def __init__(
        self,
        settings: Settings,
        delivery: Delivery,
        *,
        happenings: Happenings,
        version: str,
        now_ms: Callable[[], int],
        share: Share = ALONE,
    ) -> None:
        super().__init__(settings, delivery, share=share)
        self._happenings = happenings
        self._version = version
        self._now_ms = now_ms

    def _send(self, values: list[AlertRecord]) -> None:
        began = perf_counter()
        now_ms = self._now_ms()
        for record in values:
            self._delivery.send(
                self._settings.kafka.alerts,
                key=record.alert.asset.encode(),
                value=record.body,
                headers=alert_headers(record, version=self._version, now_ms=now_ms),
            )
            if self._settings.service.clock == "wall":
                self._happenings.alert_sent((now_ms - record.alert.ts) / 1000)
        self._happenings.stage_took("deliver", perf_counter() - began)


def alert_headers(record: AlertRecord, *, version: str, now_ms: int) -> Headers:
    """What travels beside an alert's body: CloudEvents attributes, and where it comes from.

    Args:
        version: of andon.
        now_ms: wall clock, ms since the epoch.
    """
    alert = record.alert
    subject = f"{alert.asset}/{alert.sensor}" if alert.sensor else alert.asset
    time = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = {
        "ce_specversion": "1.0",
        "ce_id": record.event_id,
        "ce_source": f"/andon/{alert.site}",
        "ce_type": f"andon.alert.{alert.transition}",
        "ce_time": time,
        "ce_subject": subject,
        "andon_source": record.source,
        "andon_config": record.config,
        "andon_version": version,
    }
    return [(name, value.encode()) for name, value in headers.items()]


class KafkaAlarmStates(_KafkaSink["AlarmRecord"]):
    """What stands now: one record for each alarm and hold under its own key, a tombstone when it stands no more."""

    def _send(self, values: list[AlarmRecord]) -> None:
        for record in values:
            self._delivery.send(self._settings.kafka.alarms, key=record.key.encode(), value=record.body, headers=[])


class KafkaDeadLetters(_KafkaSink["Reject"]):
    """Refused messages, as they were, with the reason. One whose values were refused comes once for each reason."""

    def _send(self, values: list[Reject]) -> None:
        for _, rejects in groupby(
            values, key=lambda reject: (reject.topic, reject.partition, reject.offset, reject.reason)
        ):
            key, value, headers = dead_letter(rejects)
            self._delivery.send(self._settings.kafka.dead_letters, key=key, value=value, headers=headers)


def dead_letter(rejects: Iterable[Reject]) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, value and headers for one refused message.

    Key and value are the original bytes. What wouldn't fit under the broker's limit is cut, and `andon_truncated` says
    how many bytes key and value had together.

    Args:
        rejects: of that message and for one reason, at least one: the first is told, the others are counted.
    """
    first, *others = rejects
    key = first.key if first.key is None else first.key[:KEY_BYTES_MAX]
    value = first.value if first.value is None else first.value[: DEAD_LETTER_BYTES_MAX - len(key or b"")]
    detail = f"{first.detail} (and {len(others)} more values)" if others else first.detail
    headers = [
        ("andon_reason", first.reason.encode()),
        ("andon_detail", detail.encode("utf-8", "replace")[:DETAIL_BYTES_MAX]),
        ("andon_topic", first.topic.encode()),
        ("andon_partition", str(first.partition).encode()),
        ("andon_offset", str(first.offset).encode()),
    ]
    if key != first.key or value != first.value:
        headers.append(("andon_truncated", str(len(first.key or b"") + len(first.value or b"")).encode()))
    return key, value, headers
