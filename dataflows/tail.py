"""Reads a topic for people: from its beginning, its end or a time, up to what is there, and then on and on.

No consumer group, nothing is committed: any number of screens may read the same topic, and nobody sees that they do.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Self

from confluent_kafka import Consumer, TopicPartition

from contracts.errors import SourceError
from dataflows.kafka_client import available, wait_for_topics
from dataflows.offsets import Partition
from dataflows.onlooker import HARMLESS, let_go, offsets_at, open_onlooker, what_came

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from confluent_kafka import Message

    from contracts.settings import Kafka
    from dataflows.offsets import Available

__all__ = ["Tail"]


class Tail:
    """All partitions of one topic, each in its order, from where `begin` says.

    Guarantees: every message from there on that retention leaves, once. A broker that goes away pauses it; librdkafka
    reconnects by itself. `poll` never blocks longer than it is asked to.

    Args:
        begin: ms since the epoch: the first message whose Kafka timestamp isn't before it.
        wait_s: how long the broker may take to answer the first time, and may be silent in `what_is_there`.
        stop: when it is set before the broker has answered, there is nothing to read, and nothing is raised.

    Raises: SourceError if no broker answers in time, or the topic is missing.
    """

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        *,
        begin: Literal["beginning", "end"] | int,
        wait_s: float,
        stop: threading.Event,
        open_consumer: Callable[[dict[str, Any]], Any] = Consumer,
        ask_topics: Callable[..., Mapping[str, int] | None] = wait_for_topics,
    ) -> None:
        self._topic = topic
        self._wait_s = wait_s
        self._stop = stop
        self._unread: dict[int, int] = {}
        """Partitions that haven't come as far as they were at the start, and how far that is."""
        counts = ask_topics(
            kafka, [topic], wait_s=wait_s, stop=stop, hint="Create what is missing: andon topics create"
        )
        self._consumer: Any = None
        if counts is None:
            return
        self._consumer = open_onlooker(kafka, open_consumer, auto_offset_reset="earliest")
        there = available(self._consumer, [Partition(topic, number) for number in range(counts[topic])])
        beginnings = self._beginnings(there, begin)
        self._unread = {part.number: limits.end for part, limits in there.items() if beginnings[part] < limits.end}
        self._consumer.assign([TopicPartition(part.topic, part.number, at) for part, at in beginnings.items()])

    @property
    def topic(self) -> str:
        """Which topic is read."""
        return self._topic

    @property
    def caught_up(self) -> bool:
        """All that was there when it was opened has been handed out."""
        return not self._unread

    def poll(self, wait_s: float = 0.2) -> list[Message]:
        """What is there, a thousand at most; waits for the first one.

        Raises: SourceError where reading can't go on: the topic is gone, or may not be read.
        """
        if self._consumer is None:
            return []
        messages = []
        for message in what_came(self._consumer, wait_s):
            if message.error() is None:
                messages.append(message)
                self._reached(message.partition() or 0, (message.offset() or 0) + 1)
            else:
                self._heed(message)
        return messages

    def what_is_there(self) -> Iterator[Message]:
        """All messages up to those that were there when it was opened; ends early when `stop` is set.

        Raises: SourceError where reading can't go on, or the broker says nothing for `wait_s`.
        """
        deadline = monotonic() + self._wait_s
        while not self.caught_up and not self._stop.is_set():
            messages = self.poll()
            if messages:
                yield from messages
                deadline = monotonic() + self._wait_s
            elif monotonic() > deadline:
                raise SourceError(f"kafka {self._topic}: nothing came for {self._wait_s:g} s, and there is more.")

    def close(self) -> None:
        """Close the connections, within a second."""
        if self._consumer is not None:
            let_go(self._consumer)
            self._consumer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _beginnings(
        self, there: Mapping[Partition, Available], begin: Literal["beginning", "end"] | int
    ) -> dict[Partition, int]:
        if begin == "beginning":
            return {part: limits.first for part, limits in there.items()}
        if begin == "end":
            return {part: limits.end for part, limits in there.items()}
        return offsets_at(self._consumer, there, begin)

    def _reached(self, partition: int, offset: int) -> None:
        if partition in self._unread and offset >= self._unread[partition]:
            del self._unread[partition]

    def _heed(self, note: Message) -> None:
        """An item that is no message: the end of a partition, or an error."""
        error = note.error()
        assert error is not None
        if error.name() == "_PARTITION_EOF":  # all has been read, also where the last of it was compacted away
            self._unread.pop(note.partition() or 0, None)
        elif error.fatal() or error.name() not in HARMLESS:
            raise SourceError(f"kafka {self._topic}: {error.str()}")
