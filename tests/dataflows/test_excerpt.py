"""A stretch of a topic, on a broker that the test holds in its hands."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.errors import SourceError
from contracts.settings import Kafka
from dataflows.excerpt import Excerpt, Stretch
from dataflows.offsets import Partition
from tests.fake_kafka import EOF, OUT_OF_RANGE, FakeBroker, FakeConsumer

TOPIC = "readings"


class _Consumer(FakeConsumer):
    """As `Excerpt` uses it: it waits for the first message, asks for offsets by time, and holds partitions back."""

    def __init__(self, broker, config):
        super().__init__(broker, config)
        self.held = []

    def consume(self, num_messages, timeout):
        return super().consume(num_messages, min(timeout, 0.001))

    def offsets_for_times(self, asked, timeout):
        assert timeout > 0
        if self.broker.fault is not None:
            raise KafkaException(KafkaError(self.broker.fault))
        return [TopicPartition(part.topic, part.partition, self.broker.times[part.offset]) for part in asked]

    def pause(self, partitions):
        self.held += [("pause", part.partition) for part in partitions]

    def resume(self, partitions):
        self.held += [("resume", part.partition) for part in partitions]


class _Broker(FakeBroker):
    """One topic."""

    def __init__(self, *limits):
        super().__init__({(TOPIC, number): each for number, each in enumerate(limits)})
        self.times = {}
        self.fault = None
        self.stop = threading.Event()

    def consumer(self, config):
        self.consumers.append(_Consumer(self, config))
        return self.consumers[-1]

    def excerpt(self, *, wait_s=5.0, queued_bytes_max=1 << 28, **stretch):
        """Open one."""

        def ask_topics(_kafka, topics, *, wait_s, stop, hint):
            assert wait_s > 0
            assert hint
            return None if stop.is_set() else dict.fromkeys(topics, len(self.there))

        return Excerpt(
            Kafka(),
            [TOPIC],
            Stretch(**stretch),
            wait_s=wait_s,
            stop=self.stop,
            queued_bytes_max=queued_bytes_max,
            open_consumer=self.consumer,
            ask_topics=ask_topics,
        )

    def has(self, partition, *times):
        """Messages that are there already: value = their time."""
        first, _ = self.there[TOPIC, partition]
        self.there[TOPIC, partition] = (first, first)
        for ts in times:
            self.send(TOPIC, partition, b"%d" % ts, ts_ms=ts)


def values(excerpt):
    return [int(message.value()) for message in excerpt.messages()]


def test_partitions_come_merged_by_their_times_and_end_where_they_ended():
    """A recording of what is there comes to an end by itself, in the order of time."""
    broker = _Broker((0, 0), (0, 0), (7, 7))
    broker.has(0, 1, 4, 5)
    broker.has(1, 2, 3, 6)
    excerpt = broker.excerpt()
    broker.send(TOPIC, 0, b"9", ts_ms=9)  # came later: not of this recording

    assert values(excerpt) == [1, 2, 3, 4, 5, 6]
    assert excerpt.share == 1.0
    assert excerpt.spans() == {Partition(TOPIC, 0): (0, 3), Partition(TOPIC, 1): (0, 3), Partition(TOPIC, 2): (7, 7)}


def test_offsets_bound_the_partitions_that_they_name():
    """Exactly the stretch that an alert's header points to."""
    broker = _Broker((0, 0), (0, 0))
    broker.has(0, 1, 3, 5, 7)
    broker.has(1, 2, 4)

    excerpt = broker.excerpt(begin={Partition(TOPIC, 0): 1}, end={Partition(TOPIC, 0): 3})

    assert broker.consumers[0].assigned == [(TOPIC, 0, 1), (TOPIC, 1, 0)]
    broker.waiting = [message for message in broker.waiting if message.at != (TOPIC, 0, 0)]  # as Kafka would
    assert values(excerpt) == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("bound", "complaint"),
    [
        ({Partition(TOPIC, 0): 9}, "offset 9 isn't there; offsets 3 to 5 are"),
        ({Partition(TOPIC, 0): 2}, "offset 2 isn't there; offsets 3 to 5 are"),
        ({Partition(TOPIC, 4): 2}, "readings/4: there is no such partition"),
    ],
)
def test_offsets_that_are_not_there_are_told(bound, complaint):
    """A slip of the hand is no empty recording."""
    with pytest.raises(SourceError, match=complaint):
        _Broker((3, 5)).excerpt(begin=bound)


def test_times_are_bounds_as_the_broker_knows_them():
    """From a time to a time; beyond the newest message there is nothing."""
    broker = _Broker((0, 9))
    broker.times = {1000: 4, 2000: -1}

    excerpt = broker.excerpt(begin=1000, end=2000)

    assert excerpt.ranges == {Partition(TOPIC, 0): (4, 9)}

    broker.fault = KafkaError._TIMED_OUT
    with pytest.raises(SourceError, match="no offset of that time"):
        broker.excerpt(begin=1000)


def test_nothing_in_the_stretch_ends_at_once():
    """An empty recording is no waiting."""
    broker = _Broker((3, 3), (0, 0))

    assert values(broker.excerpt()) == []


def test_a_partition_whose_end_was_compacted_away_ends_too():
    """The end of a partition is told by the broker, not only by its last message."""
    broker = _Broker((0, 5))
    broker.waiting.clear()
    excerpt = broker.excerpt()
    broker.there[TOPIC, 0] = (0, 2)
    broker.send(TOPIC, 0, b"1", ts_ms=1)
    broker.fail(TOPIC, 0, EOF, offset=5)

    assert values(excerpt) == [1]
    assert excerpt.spans() == {Partition(TOPIC, 0): (0, 5)}


def test_what_is_followed_comes_on_and_on_until_it_is_stopped():
    """--follow waits for nobody who has nothing to say."""
    broker = _Broker((0, 0), (0, 0))
    broker.has(0, 1)
    broker.fail(TOPIC, 0, EOF)
    broker.fail(TOPIC, 1, EOF)
    excerpt = broker.excerpt(follow=True, wait_s=0.0001)
    seen = []

    for message in excerpt.messages():
        seen.append(int(message.value()))
        if len(seen) == 1:
            broker.send(TOPIC, 1, b"2", ts_ms=2)
            broker.fail(TOPIC, 1, EOF)
        else:
            broker.stop.set()

    assert seen == [1, 2]
    assert excerpt.spans() == {Partition(TOPIC, 0): (0, 1), Partition(TOPIC, 1): (0, 1)}


def test_a_partition_far_ahead_is_held_back_and_let_go_again():
    """Memory is bounded, however uneven a topic is."""
    broker = _Broker((0, 0), (0, 0))
    broker.has(0, *range(300))
    excerpt = broker.excerpt(queued_bytes_max=0, end={Partition(TOPIC, 1): 0})
    assert values(excerpt) == list(range(300))
    assert broker.consumers[0].held == [("pause", 0)]  # the end; nothing had to wait

    broker = _Broker((0, 0), (0, 0))
    broker.has(0, *range(300))
    broker.has(1, 1000, 1001)
    late = broker.waiting[300:]
    del broker.waiting[300:]
    excerpt = broker.excerpt(queued_bytes_max=0)
    feed = threading.Timer(0.3, lambda: broker.waiting.extend(late))
    feed.start()
    seen = values(excerpt)

    assert seen == [*range(300), 1000, 1001]
    assert ("pause", 0) in broker.consumers[0].held


def test_messages_that_a_pause_brings_twice_are_taken_once():
    """librdkafka may hand out again what it had fetched."""
    broker = _Broker((0, 0))
    broker.has(0, 1, 2, 3)
    broker.waiting[2:2] = broker.waiting[:2]

    assert values(broker.excerpt()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [(OUT_OF_RANGE, "readings/0: the next messages are gone"), (KafkaError.TOPIC_AUTHORIZATION_FAILED, "readings: ")],
)
def test_what_is_lost_meanwhile_is_no_quiet_gap(code, complaint):
    """Retention passes over nothing unseen."""
    broker = _Broker((0, 5))
    excerpt = broker.excerpt()
    broker.fail(TOPIC, 0, code)

    with pytest.raises(SourceError, match=complaint):
        values(excerpt)


def test_a_broker_that_falls_silent_is_told():
    """A recording that can't be whole doesn't wait for ever."""
    broker = _Broker((0, 5))

    with pytest.raises(SourceError, match=r"nothing came for 0\.0001 s, and there is more"):
        values(broker.excerpt(wait_s=0.0001))


def test_stopped_before_the_broker_answered_there_is_nothing():
    """Ctrl-C always ends it."""
    broker = _Broker((0, 5))
    broker.stop.set()

    with broker.excerpt() as excerpt:
        assert values(excerpt) == []
    assert broker.consumers == []
