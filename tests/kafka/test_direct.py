"""The direct lane behaves on a real broker as message objects do: what comes, to the byte, and what goes wrong."""

from __future__ import annotations

import time
import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from contracts.errors import SourceError
from contracts.settings import Kafka, Settings
from dataflows.happenings import Happenings
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader
from tests.conftest import wait_until_known
from tests.nasty import MESSAGES, TS

SENT = [nasty for nasty in MESSAGES if len(nasty.value or b"") < 900_000] * 2
PARTITIONS = 3
WAIT_S = 30
BOTH = [pytest.param(True, id="direct"), pytest.param(False, id="messages")]
IMPATIENT = {"topic.metadata.propagation.max.ms": 100, "topic.metadata.refresh.interval.ms": 200}


def _reader(kafka, topic, *, direct, on_lost="stop", statistics=None, group=None, **client):
    settings = Settings(kafka=Kafka(bootstrap_servers=kafka, readings=[topic], group_id=group, client=client))
    reader = Reader(
        settings,
        [Partition(topic, number) for number in range(PARTITIONS)],
        saved=None,
        start=Start("earliest", on_lost),
        happenings=Happenings(),
        on_statistics=(statistics if statistics is not None else []).append,
        direct=direct,
    )
    assert (reader._direct is not None) == direct
    return reader


def _read(reader, messages_max=40):
    """All that there is, by partition: (offset, Kafka timestamp, key, value)."""
    seen = {number: [] for number in range(PARTITIONS)}
    until = time.monotonic() + WAIT_S
    while not reader.reached(reader.ends_at_start) and time.monotonic() < until:
        poll = reader.take(messages_max)
        assert len(poll.messages) <= messages_max
        for at, (_, _, stamp, offset, index) in enumerate(poll.messages.tolist()):
            seen[poll.sources[index][1]].append((offset, stamp, poll.key(at), poll.value(at)))
        time.sleep(0.001)
    return seen


@pytest.fixture(scope="module")
def topic(module_topics, kafka):
    """A topic with everything nasty, twice, in three partitions; every third message has no key."""
    topic = module_topics(PARTITIONS, {"retention.ms": "-1"})
    producer = Producer({"bootstrap.servers": kafka})
    for at, nasty in enumerate(SENT):
        key = None if at % 3 == 0 else nasty.key
        producer.produce(topic, nasty.value, key, partition=at % PARTITIONS, timestamp=TS + at)
        producer.poll(0)
    assert producer.flush(WAIT_S) == 0
    return topic


def test_what_comes_directly_is_what_comes_as_messages(kafka, topic):
    """Values, tombstones, keys, offsets and timestamps: an alert can't tell on which way its reading came."""
    statistics = []
    direct, messages = _reader(kafka, topic, direct=True, statistics=statistics), _reader(kafka, topic, direct=False)

    seen, expected = _read(direct), _read(messages)

    assert seen == expected
    assert sum(map(len, seen.values())) == len(SENT)
    assert direct.positions == messages.positions
    until = time.monotonic() + WAIT_S
    while not (statistics and direct.reached(statistics[-1].ends)) and time.monotonic() < until:
        assert len(direct.take(40).messages) == 0
        time.sleep(0.01)
    assert direct.reached(statistics[-1].ends)
    direct.close()
    messages.close()


@pytest.mark.parametrize("direct", BOTH)
def test_offsets_that_are_gone_are_told_of_and_can_be_given_up(kafka, topic, direct):
    """Retention that overtakes a reader is never a silent skip; and after it, all is read from where the log begins."""
    strict, tolerant = (_reader(kafka, topic, direct=direct, on_lost=on_lost) for on_lost in ("stop", "earliest"))
    for reader in (strict, tolerant):
        reader._positions[:] = 1_000_000
        reader._assign()

    with pytest.raises(SourceError, match=rf"{topic}/\d: asked for offset 1000000"):
        _until_told(strict)
    seen = {}
    until = time.monotonic() + WAIT_S
    while sum(map(len, seen.values())) < len(SENT) and time.monotonic() < until:
        poll = tolerant.take(40)
        for _, _, _, offset, index in poll.messages.tolist():
            seen.setdefault(index, []).append(offset)
        time.sleep(0.001)

    assert sum(map(len, seen.values())) == len(SENT)
    assert all(offsets == list(range(len(offsets))) for offsets in seen.values())
    strict.close()
    tolerant.close()


@pytest.mark.parametrize("direct", BOTH)
def test_a_topic_that_is_deleted_is_told_of(kafka, direct):
    """What nobody can mend by waiting ends the reading, by its name."""
    topic = f"deleted-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(topic, PARTITIONS)])[topic].result(WAIT_S)
    wait_until_known(admin, topic, partitions=PARTITIONS)
    reader = _reader(kafka, topic, direct=direct, **IMPATIENT)
    assert len(reader.take(40).messages) == 0
    admin.delete_topics([topic])[topic].result(WAIT_S)

    with pytest.raises(SourceError, match=rf"isn't there any more: .*{topic}"):
        _until_told(reader)
    reader.close()


@pytest.mark.parametrize("direct", BOTH)
def test_how_far_a_reader_is_can_be_seen_by_others(kafka, topic, direct):
    """The group's lag is what plant people already watch: committed offsets are those of the snapshot."""
    reader = _reader(kafka, topic, direct=direct, group=f"{topic}-{direct}")
    _read(reader)

    reader.commit(reader.saved_positions())
    reader.close()

    others = Consumer({"bootstrap.servers": kafka, "group.id": f"{topic}-{direct}"})
    committed = others.committed([TopicPartition(topic, number) for number in range(PARTITIONS)], WAIT_S)
    assert {str(Partition(topic, part.partition)): part.offset for part in committed} == reader.saved_positions()
    others.close()


def _until_told(reader):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        reader.take(40)
        time.sleep(0.001)
