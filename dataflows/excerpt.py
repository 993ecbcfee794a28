"""A stretch of topics, read once and in one order: what a recording is made of.

No consumer group, nothing is committed: nobody sees that it is read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.errors import SourceError
from dataflows.kafka_client import available, wait_for_topics
from dataflows.merge import Merge
from dataflows.offsets import Partition
from dataflows.onlooker import HARMLESS, let_go, offsets_at, open_onlooker, what_came

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from confluent_kafka import Message

    from contracts.settings import Kafka
    from dataflows.offsets import Available

__all__ = ["Excerpt", "Stretch"]

QUEUED_BYTES_MAX = 256 * 1024 * 1024
"""Of all partitions, while they wait for the slowest of them."""

QUEUED_BYTES_LEAST = 64 * 1024
"""Of one partition, however many there are."""

MESSAGE_BYTES = 500
"""What a message takes beside its content."""

POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From where to where. Offsets bound the partitions that they name, and no others."""

    begin: int | Mapping[Partition, int] | None = None
    """ms since the epoch: the first message whose Kafka timestamp isn't before it; or offsets; None: all there is."""
    end: int | Mapping[Partition, int] | None = None
    """Exclusive: ms since the epoch, or offsets; None: what is there when it is opened."""
    follow: bool = False
    """Go on with what comes, without an end."""


class Excerpt:
    """Messages of some topics, merged by their Kafka timestamps; each partition in its own order.

    Guarantees: every message of the stretch, once; the same stretch comes in the same order every time. Where it is
    followed, what comes later than its opening comes in the order of arrival, each partition in its own. A broker
    that goes away pauses it. What retention takes away meanwhile raises SourceError: nothing is passed over silently.

    Args:
        wait_s: how long the broker may take to answer, and, unless followed, may be silent.
        stop: ends it early when it is set.
        queued_bytes_max: of the messages that wait for the slowest partition, of all partitions together.

    Raises: SourceError if no broker answers in time, a topic is missing, or the offsets that were asked for.
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: Sequence[str],
        stretch: Stretch,
        *,
        wait_s: float,
        stop: threading.Event,
        queued_bytes_max: int = QUEUED_BYTES_MAX,
        open_consumer: Callable[[dict[str, Any]], Any] = Consumer,
        ask_topics: Callable[..., Mapping[str, int] | None] = wait_for_topics,
    ) -> None:
        self._topics = ", ".join(topics)
        self._follow = stretch.follow
        self._wait_s = wait_s
        self._stop = stop
        self._consumer: Any = None
        self._partitions: tuple[Partition, ...] = ()
        self.ranges: dict[Partition, tuple[int, int]] = {}
        """Offsets of each partition: the first to be read, and where it ends, which counts for nothing if followed."""
        counts = ask_topics(kafka, topics, wait_s=wait_s, stop=stop, hint="andon topics create makes those of andon.")
        if counts is None:
            return
        self._partitions = tuple(Partition(topic, number) for topic in topics for number in range(counts[topic]))
        self._consumer = open_onlooker(kafka, open_consumer, auto_offset_reset="error")
        there = available(self._consumer, self._partitions)
        begins = self._offsets(there, stretch.begin, default={part: limits.first for part, limits in there.items()})
        ends = self._offsets(there, stretch.end, default={part: limits.end for part, limits in there.items()})
        self.ranges = {part: (begins[part], max(begins[part], ends[part])) for part in self._partitions}
        self._index = {(part.topic, part.number): at for at, part in enumerate(self._partitions)}
        self._next = [self.ranges[part][0] for part in self._partitions]
        self._handed = list(self._next)
        self._open = {at for at, part in enumerate(self._partitions) if self._follow or self._next[at] < self._end(at)}
        self._merge: Merge[Message] = Merge(len(self._partitions))
        for at in set(range(len(self._partitions))) - self._open:
            self._merge.rest(at)
        self._paused: set[int] = set()
        self._queued_bytes_max = max(QUEUED_BYTES_LEAST, queued_bytes_max // max(1, len(self._partitions)))
        self._consumer.assign([self._position(at) for at in sorted(self._open)])

    @property
    def share(self) -> float:
        """How much of it has been read, 0 to 1; of what was there at the start, if followed."""
        total = sum(end - begin for begin, end in self.ranges.values())
        done = sum(min(at, end) - begin for at, (begin, end) in zip(self._next, self.ranges.values(), strict=True))
        return done / total if total else 1.0

    def spans(self) -> dict[Partition, tuple[int, int]]:
        """The offsets that have been handed out: first, and next."""
        return {
            part: (begin, end if at not in self._open and not self._merge.weight(at) else self._handed[at])
            for at, (part, (begin, end)) in enumerate(self.ranges.items())
        }

    def messages(self) -> Iterator[Message]:
        """All of them, in order; ends early when `stop` is set.

        Raises: SourceError where reading can't go on, or, unless followed, nothing comes for `wait_s`.
        """
        if self._consumer is None:
            return
        deadline = monotonic() + self._wait_s
        while self._open and not self._stop.is_set():
            if self._poll():
                deadline = monotonic() + self._wait_s
            elif monotonic() > deadline and not self._follow:
                raise SourceError(f"kafka {self._topics}: nothing came for {self._wait_s:g} s, and there is more.")
            for message in self._merge.take():
                self._handed[self._index[message.topic() or "", message.partition() or 0]] = (message.offset() or 0) + 1
                yield message
            self._balance()

    def close(self) -> None:
        """Close the connections, within a second."""
        if self._consumer is not None:
            let_go(self._consumer)
            self._consumer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _poll(self) -> bool:
        """Queue what is there; whether there was anything."""
        found = what_came(self._consumer, POLL_S)
        for message in found:
            if message.error() is None:
                self._queue(message)
            else:
                self._heed(message)
        return bool(found)

    def _queue(self, message: Message) -> None:
        at = self._index[message.topic() or "", message.partition() or 0]
        offset = message.offset() or 0
        if at not in self._open or offset < self._next[at]:  # a pause may bring a message twice
            return
        end = self._end(at)
        if self._follow or offset < end:
            self._next[at] = offset + 1
            weight = MESSAGE_BYTES + len(message.value() or b"") + len(message.key() or b"")
            self._merge.add(at, message.timestamp()[1], message, weight)
        if not self._follow and offset + 1 >= end:
            self._close(at)

    def _heed(self, note: Message) -> None:
        """An item that is no message: the end of a partition, or an error."""
        error = note.error()
        assert error is not None
        at = self._index.get((note.topic() or "", -1 if note.partition() is None else note.partition() or 0))
        if error.name() == "_PARTITION_EOF":  # all has been read, also where the last of it was compacted away
            if at is None or at not in self._open:
                return
            if self._follow:
                self._merge.rest(at)
            else:
                self._close(at)
        elif error.name() == "_AUTO_OFFSET_RESET":
            where = self._partitions[at] if at is not None else self._topics
            raise SourceError(
                f"kafka {where}: the next messages are gone: retention has taken them away while they were read. "
                "Record a later stretch, or lengthen the retention of the topic."
            )
        elif error.fatal() or error.name() not in HARMLESS:
            raise SourceError(f"kafka {self._topics}: {error.str()}")

    def _close(self, at: int) -> None:
        """A partition has come to its end."""
        self._open.discard(at)
        self._merge.rest(at)
        self._next[at] = self._end(at)
        with suppress(KafkaException):
            self._consumer.pause([self._position(at)])  # what follows would be fetched for nothing

    def _balance(self) -> None:
        """Hold partitions back that are far ahead of the slowest one, and let them go on when they aren't."""
        for at in self._open:
            heavy = self._merge.weight(at)
            if at not in self._paused and heavy > self._queued_bytes_max:
                self._consumer.pause([self._position(at)])
                self._paused.add(at)
            elif at in self._paused and heavy < self._queued_bytes_max // 2:
                self._consumer.resume([self._position(at)])
                self._paused.discard(at)

    def _end(self, at: int) -> int:
        return self.ranges[self._partitions[at]][1]

    def _position(self, at: int) -> TopicPartition:
        part = self._partitions[at]
        return TopicPartition(part.topic, part.number, self._next[at])

    def _offsets(
        self,
        there: Mapping[Partition, Available],
        bound: int | Mapping[Partition, int] | None,
        *,
        default: Mapping[Partition, int],
    ) -> Mapping[Partition, int]:
        """The offset of each partition that a bound means."""
        if bound is None:
            return default
        if isinstance(bound, int):
            return offsets_at(self._consumer, there, bound)
        for part, offset in bound.items():
            if part not in there:
                raise SourceError(f"kafka {part}: there is no such partition; there are {', '.join(map(str, there))}.")
            first, end = there[part]
            if not first <= offset <= end:
                raise SourceError(f"kafka {part}: offset {offset} isn't there; offsets {first} to {end} are.")
        return {**default, **bound}
