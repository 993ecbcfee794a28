"""Reads some partitions of Kafka from positions of our own: what lanes and the commands source stand on.

One Consumer in assign() mode: no group membership, so no rebalance ever takes a partition away. The positions are those
of our snapshots; committed offsets are written for others to see and never read.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from contracts.errors import SourceError
from dataflows.direct import Direct, open_direct
from dataflows.kafka_client import PASSING, available, client_settings, group_id, open_client
from dataflows.offsets import Lost, beginnings, lost_message
from dataflows.polls import joined
from dataflows.statistics import INTERVAL_MS, Statistics, read_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from confluent_kafka import Message
    from numpy.typing import NDArray

    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.offsets import Partition, Start
    from dataflows.polls import Poll

__all__ = ["CLOSE_WAIT_S", "Batch", "Reader"]

QUEUE_KBYTES_MAX = 32 * 1024
"""Fetched and not read yet, of one reader: twelve lanes hold less than 400 MiB."""

FETCH_WAIT_MS = 50
"""How long a broker may wait for new messages before it answers that there are none. A connection has one question at a
time: while a partition is asked for that has been read to its end, those that have more can't be. By default it is half
a second, after which a backlog on uneven partitions was read in pieces."""

METADATA_MS = 10_000
"""So often it is asked whether a topic has grown; by default it would be every five minutes."""

GONE = frozenset({"_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC"})
"""Names of librdkafka's own errors once the brokers have said, for a while, that a topic or partition is unknown."""

CLOSE_WAIT_S = 1.0
"""A supervisor kills after some tens of seconds."""

CLOSE_SLICE_S = 0.005
"""librdkafka's poll waits to its end for messages, also when the answer to the commit has come meanwhile."""

_TOLD_ONLY = frozenset({"UNKNOWN_TOPIC_OR_PART"})
"""What a broker says of a topic on the way to GONE; and perhaps, when it has just started, of one that is there."""


class Batch(NamedTuple):
    """What one poll brought, n messages in the order in which they came."""

    messages: Sequence[Message]
    partitions: NDArray[np.uint16]
    """Index into the reader's partitions, shape (n,)."""
    offsets: NDArray[np.int64]
    """Shape (n,)."""


_NOTHING = Batch((), np.zeros(0, np.uint16), np.zeros(0, np.int64))


class Reader:
    """Some partitions, read from where the last snapshot was taken.

    Guarantees: each message from the saved position on, in the order of its partition; none is skipped unseen. A dead
    broker means silence, told by `Statistics`; librdkafka reconnects by itself. Never blocks after it was made.

    Args:
        saved: `topic/partition` → next offset, as `saved_positions` gave them; None on a fresh state directory.
        start: where to begin without saved positions, and when they are gone.
        anew: topics that were deleted and made anew since the positions were saved.
        counts: how many partitions topics had when it was settled who reads which: once one has more, nobody reads all
            of it. None: that doesn't matter.
        on_statistics: called from inside of `poll`, twice a second.
        direct: take messages from librdkafka's own queues, where that is possible; for `take` only.

    Raises: SourceError where reading can't go on: lost offsets, a topic that is gone or has grown, missing rights.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: Sequence[Partition],
        *,
        saved: Mapping[str, int] | None,
        start: Start,
        anew: Collection[str] = (),
        counts: Mapping[str, int] | None = None,
        happenings: Happenings,
        on_statistics: Callable[[Statistics], None] | None = None,
        direct: bool = False,
        open_consumer: Callable[[dict[str, Any]], Any] = Consumer,
    ) -> None:
        self.partitions = tuple(partitions)
        self._start = start
        self._anew = anew
        self._counts = counts or {}
        self._grown: dict[str, int] = {}
        self._happenings = happenings
        self._on_statistics = on_statistics
        self._index = {(partition.topic, partition.number): at for at, partition in enumerate(self.partitions)}
        self._of_one_topic = _by_number(self.partitions)
        self._fatal: str | None = None
        self._closing = False
        self._committing = False
        self._may_commit = True
        self._committed_last: Mapping[str, int] = {}
        self._group = group_id(settings.kafka, settings.site.name)
        configuration = client_settings(
            settings.kafka,
            group_id=self._group,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            auto_offset_reset="error",
            enable_partition_eof=True,
            statistics_interval_ms=INTERVAL_MS,
        )
        for name, value in (
            ("fetch.wait.max.ms", FETCH_WAIT_MS),
            ("fetch.queue.backoff.ms", 10),  # the default of a second stalls a lane whenever its queue was full
            ("queued.min.messages", 50_000),
            ("queued.max.messages.kbytes", QUEUE_KBYTES_MAX),
            ("topic.metadata.refresh.interval.ms", METADATA_MS),
        ):
            configuration.setdefault(name, value)
        configuration |= {"stats_cb": self._statistics, "error_cb": self._error, "on_commit": self._committed}
        self._consumer = open_client(open_consumer, configuration)
        self._elsewhere, positions, self.ends_at_start = self._begin(saved)
        self._positions = np.array([positions[partition] for partition in self.partitions], np.int64)
        self._direct = self._open_direct() if direct else None
        self._assign()

    @property
    def positions(self) -> dict[Partition, int]:
        """The next offset of each partition."""
        return dict(zip(self.partitions, self._positions.tolist(), strict=True))

    def saved_positions(self) -> dict[str, int]:
        """The positions by `topic/partition`, to be saved; those of partitions that aren't read now are kept."""
        return {**self._elsewhere, **{str(partition): position for partition, position in self.positions.items()}}

    def reached(self, ends: Mapping[Partition, int]) -> bool:
        """All has been read up to these offsets; False where one isn't known."""
        return all(partition in ends and ends[partition] <= at for partition, at in self.positions.items())

    def poll(self, messages_max: int) -> Batch:
        """Take what is there, at once.

        Raises: SourceError where reading can't go on.
        """
        messages = self._consumer.consume(messages_max, 0)
        if self._fatal:
            raise SourceError(f"kafka: {self._fatal}")
        for grown, count in self._grown.items():
            raise SourceError(
                f"kafka {grown}: it has {count} partitions now and had {self._counts[grown]} at the start. "
                "Start andon again, as a supervisor does: then it reads them all, and nothing is lost."
            )
        if not messages:
            return _NOTHING
        notes: list[Message] = []
        errors = [message.error() for message in messages]
        if any(errors):  # an error is true; comparing it with None raises
            notes = [message for message in messages if message.error() is not None]
            messages = [message for message in messages if message.error() is None]
        indexes, offsets = self._columns(messages)
        self._positions[indexes] = offsets + 1  # of a repeated index the last one counts, and offsets only grow
        for note in notes:
            topic, number, error = note.topic(), note.partition(), note.error()
            assert error is not None
            at = next((at for at, part in enumerate(self.partitions) if part == (topic, number)), None)
            self._heed(error, at, offset=note.offset() or 0, topic=topic)
        return Batch(messages, indexes, offsets)

    def take(self, messages_max: int) -> Poll:
        """The same as one piece of text; good until the next call.

        With the direct lane, `poll` still serves what isn't of a partition: statistics, commits, errors.

        Raises: SourceError where reading can't go on.
        """
        batch = self.poll(messages_max)
        if self._direct is None or batch.messages:
            return self._joined(batch)
        poll, notes = self._direct.take(messages_max)
        self._positions[poll.messages["partition"]] = poll.messages["offset"] + 1
        for note in notes:
            self._heed(note.error, note.at, offset=note.offset, topic=None)
        return poll

    def commit(self, saved: Mapping[str, int]) -> None:
        """Let others see how far we are. Doesn't wait; a commit that fails costs nothing but the view."""
        if self._committing or not self._may_commit or saved == self._committed_last:
            return
        self._committed_last = saved
        offsets = [TopicPartition(part.topic, part.number, saved[str(part)]) for part in self.partitions]
        self._committing = True
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._committed(error.args[0], [])

    def leave(self) -> Thread:
        """Begin to close the connections, once the commit that is under way has been answered; returns who does it.

        librdkafka's own close waits for that commit, and if its broker is away, for ever. So it has a thread, and
        whoever waits for it should do so for CLOSE_WAIT_S; after that it is left to the end of the process.

        Never raises: Bytewax calls it after errors too, and an error here would abort the process without a word.
        """
        self._closing = True
        closing = Thread(target=self._close, daemon=True)
        closing.start()
        return closing

    def close(self) -> None:
        """Close the connections, within CLOSE_WAIT_S. Never raises."""
        self.leave().join(CLOSE_WAIT_S)

    def _close(self) -> None:
        if self._direct is not None:
            self._direct.close()
        with suppress(KafkaException, RuntimeError):
            while self._committing:
                self._consumer.poll(CLOSE_SLICE_S)
            self._consumer.close()

    def _begin(
        self, saved: Mapping[str, int] | None
    ) -> tuple[dict[str, int], dict[Partition, int], dict[Partition, int]]:
        there = available(self._consumer, self.partitions)
        positions, lost = beginnings(there, saved=saved, start=self._start, anew=self._anew)
        for each in lost:
            self._happenings.offsets_lost(each)
        elsewhere = {name: at for name, at in (saved or {}).items() if name not in {str(part) for part in positions}}
        return elsewhere, positions, {partition: limits.end for partition, limits in there.items()}

    def _assign(self) -> None:
        self._consumer.assign([TopicPartition(part.topic, part.number, at) for part, at in self.positions.items()])

    def _columns(self, messages: Sequence[Message]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        count = len(messages)
        offsets = np.fromiter([message.offset() for message in messages], np.int64, count)
        if len(self._index) == 1:
            return np.zeros(count, np.uint16), offsets
        if self._of_one_topic is not None:  # nearly always: half the cost of asking each message for its topic too
            numbers = np.fromiter([message.partition() for message in messages], np.intp, count)
            return self._of_one_topic[numbers], offsets
        indexes = [self._index[message.topic(), message.partition()] for message in messages]  # type: ignore[index]
        return np.fromiter(indexes, np.uint16, count), offsets

    def _open_direct(self) -> Direct | None:
        direct = open_direct(self._consumer, self.partitions, self._error)
        if isinstance(direct, Direct):
            return direct
        self._happenings.direct_lane_missed(direct)
        return None

    def _joined(self, batch: Batch) -> Poll:
        messages = batch.messages
        return joined(
            [message.value() for message in messages],
            stamps_ms=np.fromiter([message.timestamp()[1] for message in messages], np.int64, len(messages)),
            partitions=batch.partitions,
            offsets=batch.offsets,
            sources=self.partitions,
            key=lambda at: messages[at].key(),
        )

    def _heed(self, error: KafkaError, at: int | None, *, offset: int, topic: str | None) -> None:
        """An item that is no message: the end of a partition, or an error; `at` is the index of its partition."""
        if error.name() == "_PARTITION_EOF":
            if at is not None:  # beyond the last message there may be marks of transactions
                self._positions[at] = max(int(self._positions[at]), offset)
        elif error.name() == "_AUTO_OFFSET_RESET" and at is not None:
            self._recover(self.partitions[at])
        elif error.name() == "GROUP_AUTHORIZATION_FAILED":  # no group is used: only the view of others is lost
            self._hide(error)
        elif error.fatal() or error.name() not in PASSING | GONE | _TOLD_ONLY:
            where = self.partitions[at] if at is not None else topic or "consumer"
            raise SourceError(f"kafka {where}: {error.str()}")
        else:
            self._error(error)

    def _recover(self, partition: Partition) -> None:
        """Retention has passed a partition's position while it was read."""
        at = self._index[partition]
        there = available(self._consumer, [partition])[partition]
        asked = int(self._positions[at])
        if there.first <= asked <= there.end:  # the log has just grown back to it: nothing is lost
            self._assign()
            return
        lost = Lost(partition, asked, there)
        if self._start.on_lost == "stop":
            raise SourceError(lost_message([lost]))
        self._happenings.offsets_lost(lost)
        self._positions[at] = there.first
        self._assign()

    def _statistics(self, report: str) -> None:
        if self._closing:
            return
        statistics = read_statistics(report, self.partitions)
        counts = statistics.counts
        self._grown = {topic: count for topic, count in counts.items() if count > self._counts.get(topic, count)}
        if self._on_statistics is not None:
            self._on_statistics(statistics)

    def _error(self, error: KafkaError) -> None:
        """A passing fault: librdkafka tells of it again and again, and goes on."""
        if self._closing:
            return
        if error.fatal():
            self._fatal = error.str()
        elif error.name() in GONE:
            self._fatal = (
                f"what is read isn't there any more: {error.str()}. Make the topic again (andon topics create makes "
                "those of the settings), and start andon."
            )
        self._happenings.source_failed(error.name(), error.str())

    def _committed(self, error: KafkaError | None, _offsets: Sequence[TopicPartition]) -> None:
        self._committing = False
        if error is not None and error.name() in ("GROUP_AUTHORIZATION_FAILED", "TOPIC_AUTHORIZATION_FAILED"):
            self._hide(error)
        elif error is not None:
            self._error(error)

    def _hide(self, error: KafkaError) -> None:
        """Positions may not be committed: andon goes on, and others don't see how far it is."""
        if self._may_commit and not self._closing:
            self._may_commit = False
            self._happenings.commits_refused(group=self._group, detail=error.str())


def _by_number(partitions: Sequence[Partition]) -> NDArray[np.uint16] | None:
    """Index by partition number, where all are of one topic."""
    if len({partition.topic for partition in partitions}) != 1:
        return None
    table = np.zeros(1 + max(partition.number for partition in partitions), np.uint16)
    for at, partition in enumerate(partitions):
        table[partition.number] = at
    return table
