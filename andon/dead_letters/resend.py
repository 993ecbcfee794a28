"""Dead letters sent in again: each refused message once, to the topic that it came from.

First all letters are looked at, so that a person can be told what would be sent; then they are read once more and
sent. What was dealt with is committed, with the brokers' confirmation in hand, under a consumer group of its own
(`Resent`), so that the next resend passes it over.

Guarantees: at least once. A process that dies between a confirmation and the commit, BATCH_LETTERS_MAX letters at
most, sends those again next time; readings that were there already are counted as duplicates then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from andon.dead_letters.letters import letter_of
from andon.dead_letters.resent import Resent
from andon.publisher import Publisher
from contracts.errors import SourceError
from dataflows.kafka_client import ASK_AGAIN_S, ASK_S, PASSING, available, client_settings, group_id, open_client
from dataflows.offsets import Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from threading import Event

    from confluent_kafka import Message

    from andon.dead_letters.letters import Letter, Origin
    from contracts.settings import Settings

__all__ = ["Memory", "Plan", "Sender", "plan_of", "send"]

LETTERS_MAX = 100_000
"""Of one resend: their places are held in memory. For the rest it is called again."""

BATCH_LETTERS_MAX = 500
BATCH_BYTES_MAX = 16 * 1024 * 1024
"""Sent and not yet committed."""


class Place(NamedTuple):
    """Where a letter is in the dead-letter topic."""

    partition: int
    offset: int


@dataclass(slots=True)
class Plan:
    """What a resend would do."""

    send: set[Place] = field(default_factory=set)
    """One letter of each message."""
    topics: Counter[str] = field(default_factory=Counter)
    """Messages by the topic that they go to."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Messages by the reason of the letter that is sent."""
    oldest_ms: int | None = None
    already: int = 0
    """Messages that were sent before."""
    cut: set[Origin] = field(default_factory=set)
    """Messages of which only the beginning is there: never sent."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Letters of topics that the settings don't name, or that andon only reads: never sent."""
    commands: int = 0
    """Letters of commands, where they must be signed or aren't taken: never sent, since whoever sends them would sign
    what somebody else has written."""
    unreadable: int = 0
    """Records that are no letters of andon."""
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By partition: the first offset that was looked at, and the one after the last."""
    more: bool = False
    """The bound was met: there are letters that weren't looked at."""


def plan_of(
    messages: Iterable[Message],
    *,
    settings: Settings,
    resent: Mapping[int, Resent],
    reason: str | None,
    letters_max: int = LETTERS_MAX,
) -> Plan:
    """Look at letters, and decide which are sent.

    Args:
        messages: of the dead-letter topic, in the order of their partitions.
        resent: by partition, what was dealt with before; empty where all may be sent again.
        reason: only letters of this one; None: of all.
    """
    plan = Plan()
    ours = {*settings.kafka.readings, settings.kafka.commands} - settings.kafka.umh
    as_it_was = settings.commands.accept == "any"
    found: dict[Origin, Letter] = {}
    done: set[Origin] = set()
    for count, message in enumerate(messages):
        if count == letters_max:
            plan.more = True
            break
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        plan.spans[partition] = (plan.spans.get(partition, (offset, 0))[0], offset + 1)
        letter = letter_of(message)
        if letter is None:
            plan.unreadable += 1
        elif letter.origin.topic == settings.kafka.commands and not as_it_was:
            plan.commands += 1
        elif letter.origin.topic not in ours:
            plan.foreign[letter.origin.topic] += 1
        elif letter.whole_bytes is not None:
            plan.cut.add(letter.origin)
        elif partition in resent and resent[partition].has(offset, letter.reason):
            done.add(letter.origin)
        elif reason is None or letter.reason == reason:
            found.setdefault(letter.origin, letter)
    plan.already = len(done)
    for origin, letter in found.items():
        if origin in done:  # by another letter
            continue
        plan.send.add(Place(letter.partition, letter.offset))
        plan.topics[origin.topic] += 1
        plan.reasons[letter.reason] += 1
        plan.oldest_ms = letter.ts_ms if plan.oldest_ms is None else min(plan.oldest_ms, letter.ts_ms)
    return plan


def send(
    messages: Iterator[Message],
    plan: Plan,
    *,
    sender: Sender,
    resent: Mapping[int, Resent],
    reason: str | None,
    commit: Callable[[Mapping[int, Resent]], None],
    stop: Event,
    batch_letters_max: int = BATCH_LETTERS_MAX,
) -> int:
    """Send what was planned; returns the messages that the brokers confirmed and the commit remembers.

    Args:
        messages: the same letters again.
        resent: by partition; what is dealt with is added.
        commit: keeps `resent`; called after each batch, and at the end.
        stop: ends it after the batch under way.

    Raises: SinkError if a message isn't delivered; those before are committed.
    """
    left = set(plan.send)
    batch: list[Letter] = []
    batch_bytes = 0
    sent = 0

    def finish_batch() -> None:
        nonlocal batch, batch_bytes, sent
        sender.settle()
        sent += len(batch)
        _remember(plan, {each.partition: each.offset + 1 for each in batch}, resent=resent, reason=reason)
        commit(resent)
        batch, batch_bytes = [], 0

    for message in messages:
        letter = letter_of(message)
        if letter is None or Place(letter.partition, letter.offset) not in left:
            continue
        left.discard(Place(letter.partition, letter.offset))
        sender.send(letter)
        batch.append(letter)
        batch_bytes += len(letter.key or b"") + len(letter.value or b"")
        if len(batch) == batch_letters_max or batch_bytes >= BATCH_BYTES_MAX:
            finish_batch()
        if not left or stop.is_set():
            break
    if batch:
        finish_batch()
    if not left or not stop.is_set():  # also what retention has taken meanwhile
        _remember(plan, {partition: end for partition, (_, end) in plan.spans.items()}, resent=resent, reason=reason)
        commit(resent)
    return sent


def _remember(plan: Plan, ends: Mapping[int, int], *, resent: Mapping[int, Resent], reason: str | None) -> None:
    for partition, end in ends.items():
        resent[partition].add(plan.spans[partition][0], end, reason=reason)


class Sender:
    """Sends letters back to where they came from, and waits until the brokers have confirmed them."""

    def __init__(
        self,
        settings: Settings,
        *,
        partition_counts: Mapping[str, int],
        open_producer: Callable[[dict[str, Any]], Any] = Producer,
    ) -> None:
        """Make the producer; no broker is asked yet."""
        self._counts = partition_counts
        self._publisher = Publisher(settings, open_producer)

    def send(self, letter: Letter) -> None:
        """Hand a message over, for the partition that it was in: where its neighbours go is the first sender's choice.

        Raises: SinkError if the producer doesn't take it.
        """
        topic, number, _ = letter.origin
        partition = number if number < self._counts[topic] else None
        self._publisher.send(topic, letter.key, letter.value, partition=partition)

    def settle(self) -> None:
        """Wait until every message is confirmed.

        Raises: SinkError if one isn't.
        """
        self._publisher.settle()


class Memory:
    """What was dealt with, as the broker keeps it: the metadata of the offsets that a group has committed.

    The broker forgets the offsets of a group that commits no more (`offsets.retention.minutes`, a week by default).
    """

    def __init__(self, settings: Settings, *, open_consumer: Callable[[dict[str, Any]], Any] = Consumer) -> None:
        """Make the client; no broker is asked yet."""
        self._topic = settings.kafka.dead_letters
        self.group = f"{group_id(settings.kafka, settings.site.name)}-resend"
        configuration = client_settings(settings.kafka, group_id=self.group, enable_auto_commit=False)
        configuration["error_cb"] = lambda _error: None
        self._consumer = open_client(open_consumer, configuration)

    def load(self, partition_count: int) -> dict[int, Resent]:
        """By partition, what was dealt with.

        Raises: SourceError if the broker doesn't say, or what it says isn't ours.
        """
        partitions = [Partition(self._topic, number) for number in range(partition_count)]
        asked = [TopicPartition(part.topic, part.number) for part in partitions]
        answers = self._patiently(lambda: self._consumer.committed(asked, timeout=ASK_S))
        found = {at.partition: Resent.restore(at.metadata) for at in answers}
        for partition, there in available(self._consumer, partitions).items():
            found[partition.number].forget(there.first)
        return found

    def save(self, resent: Mapping[int, Resent]) -> None:
        """Commit it.

        Raises: SourceError if the broker doesn't take it.
        """
        offsets = [
            TopicPartition(self._topic, number, each.end, each.text()) for number, each in sorted(resent.items())
        ]
        self._patiently(lambda: self._consumer.commit(offsets=offsets, asynchronous=False))

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """The first commit of a broker's life waits for the topic that commits are kept in."""
        deadline = monotonic() + 2 * ASK_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].name() not in PASSING or monotonic() > deadline:
                    raise SourceError(
                        f"kafka: the consumer group {self.group}, which remembers what was resent, can't be used "
                        f"({error.args[0].str()})."
                    ) from error
                sleep(ASK_AGAIN_S)
