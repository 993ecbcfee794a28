"""A Kafka that tests hold in their hands: what a consumer is given next, what a producer is told.

Only what `dataflows.reader` and `dataflows.kafka_sink` use of confluent-kafka, with its signatures.
"""

# ruff: noqa: ARG002, D102 - the names, arguments and meanings are those of confluent-kafka

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable

EOF = KafkaError._PARTITION_EOF
OUT_OF_RANGE = KafkaError._AUTO_OFFSET_RESET


@dataclass
class FakeMessage:
    """What `Consumer.consume` returns: methods, as there."""

    at: tuple[str, int, int]
    raw: bytes | None = None
    ts_ms: int = 0
    fault: KafkaError | None = None
    raw_key: bytes | None = b"press"
    raw_headers: list[tuple[str, bytes]] | None = None
    stamped_by: int = 1

    def topic(self) -> str:
        return self.at[0]

    def partition(self) -> int:
        return self.at[1]

    def offset(self) -> int:
        return self.at[2]

    def value(self) -> bytes | None:
        return self.raw

    def key(self) -> bytes | None:
        return self.raw_key

    def timestamp(self) -> tuple[int, int]:
        return (self.stamped_by, self.ts_ms)

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self.raw_headers

    def error(self) -> KafkaError | None:
        return self.fault


@dataclass
class FakeBroker:
    """Has offsets `there`; delivers what a test puts into `waiting`, in order, statistics included."""

    there: dict[tuple[str, int], tuple[int, int]]
    waiting: list[FakeMessage | dict[str, Any]] = field(default_factory=list)
    consumers: list[FakeConsumer] = field(default_factory=list)
    now_ms: Callable[[], int] = lambda: 0
    stamped_by: int = 1
    """Whose clock messages have their time from, as confluent-kafka says it: the sender's."""

    def consumer(self, config: dict[str, Any]) -> FakeConsumer:
        self.consumers.append(FakeConsumer(self, config))
        return self.consumers[-1]

    def send(
        self,
        topic: str,
        partition: int,
        *values: bytes | None,
        ts_ms: int = 0,
        key: bytes | None = b"press",
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Messages arrive."""
        first, end = self.there[topic, partition]
        for offset, value in enumerate(values, end):
            message = FakeMessage((topic, partition, offset), value, ts_ms, raw_key=key)
            message.raw_headers, message.stamped_by = headers, self.stamped_by
            self.waiting.append(message)
        self.there[topic, partition] = (first, end + len(values))

    def fail(self, topic: str, partition: int, code: int, offset: int = 0) -> None:
        """An item that is no message arrives."""
        self.waiting.append(FakeMessage((topic, partition, offset), fault=KafkaError(code)))

    def report(self, *, state: str = "UP", idle_s: float = 0.1, unanswered: int = 1, leader: int = 1) -> None:
        """Statistics arrive, about the offsets as they are now."""
        partitions: dict[str, dict[str, Any]] = {}
        for (topic, number), (_, end) in self.there.items():
            part = {"leader": leader, "hi_offset": end, "ls_offset": end}
            partitions.setdefault(topic, {})[str(number)] = part
        now_ms = self.now_ms()
        self.waiting.append(statistics(partitions, state=state, idle_s=idle_s, unanswered=unanswered, now_ms=now_ms))


def statistics(
    partitions: dict[str, dict[str, Any]],
    *,
    state: str = "UP",
    idle_s: float = 0.1,
    unanswered: int = 1,
    now_ms: int = 0,
) -> dict[str, Any]:
    """What librdkafka reports, as far as we read it."""
    node = {"nodeid": 1, "state": state, "rxidle": round(idle_s * 1e6), "waitresp_cnt": unanswered}
    internal = {"-1": {"leader": -1}}
    topics = {topic: {"partitions": {**parts, **internal}} for topic, parts in partitions.items()}
    brokers = {"host/1": node, "GroupCoordinator": {"nodeid": -1, "state": "DOWN"}}
    return {"time": now_ms // 1000, "brokers": brokers, "topics": topics}


class FakeConsumer:
    """Of a `FakeBroker`."""

    def __init__(self, broker: FakeBroker, config: dict[str, Any]) -> None:
        self.broker = broker
        self.config = config
        self.assigned: list[tuple[str, int, int]] = []
        self.committed: list[dict[str, int]] = []
        self.closed = False
        self.close_fault: Exception | None = None
        self.may_close = threading.Event()
        self.may_close.set()

    def get_watermark_offsets(self, asked: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]:
        assert timeout > 0
        assert not cached
        return self.broker.there[asked.topic, asked.partition]

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = [(part.topic, part.partition, part.offset) for part in partitions]

    def consume(self, num_messages: int, timeout: float) -> list[FakeMessage]:
        assert timeout <= 0.001
        out: list[FakeMessage] = []
        others: list[FakeMessage | dict[str, Any]] = []
        mine = {part[:2] for part in self.assigned}
        while self.broker.waiting and len(out) < num_messages:
            item = self.broker.waiting.pop(0)
            if isinstance(item, dict):
                self.config["stats_cb"](json.dumps(item))
            elif item.at[:2] in mine:
                out.append(item)
            else:
                others.append(item)
        self.broker.waiting[:0] = others
        return out

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous
        self.committed.append({f"{part.topic}/{part.partition}": part.offset for part in offsets})
        self.config["on_commit"](None, offsets)

    def poll(self, timeout: float) -> None:
        assert timeout < 1

    def close(self) -> None:
        if self.close_fault:
            raise self.close_fault
        self.may_close.wait(60)
        self.closed = True


class FakeProducer:
    """Takes records; delivers, refuses or holds them back as a test says."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.records: list[dict[str, Any]] = []
        self.held: list[Any] = []
        self.fault: KafkaError | None = None
        self.holds = False
        self.full = 0

    def produce(self, topic: str, value: Any, key: Any, *, headers: Any, on_delivery: Any) -> None:
        if self.full:
            self.full -= 1
            raise BufferError
        self.records.append({"topic": topic, "key": key, "value": value, "headers": dict(headers)})
        self.held.append((on_delivery, FakeMessage((topic, 0, 0))))

    def poll(self, timeout: float) -> int:
        return 0

    def flush(self, timeout: float) -> int:
        if not self.holds:
            held, self.held = self.held, []
            for on_delivery, message in held:
                on_delivery(self.fault, message)
        return len(self.held)

    def __len__(self) -> int:
        return len(self.held)
