"""A topic that people read, on a broker that the test holds in its hands."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.errors import SourceError
from contracts.settings import Kafka
from dataflows.onlooker import MESSAGES_MAX
from dataflows.tail import Tail
from tests.fake_kafka import EOF, OUT_OF_RANGE, FakeBroker, FakeConsumer
from tests.kafka.service import wait_until

TOPIC = "alerts"


class _Consumer(FakeConsumer):
    """As `Tail` uses it: it waits for the first message, and asks for offsets by time."""

    def consume(self, num_messages, timeout):
        return super().consume(num_messages, min(timeout, 0.001))

    def offsets_for_times(self, asked, timeout):
        assert timeout > 0
        fault = self.broker.fault
        if fault is not None:
            raise KafkaException(KafkaError(fault))
        return [TopicPartition(part.topic, part.partition, self.broker.times[part.offset]) for part in asked]


class _Broker(FakeBroker):
    """One topic of two partitions."""

    def __init__(self, *limits):
        super().__init__({(TOPIC, number): each for number, each in enumerate(limits)})
        self.times = {}
        self.fault = None
        self.stop = threading.Event()

    def consumer(self, config):
        self.consumers.append(_Consumer(self, config))
        return self.consumers[-1]

    def tail(self, begin="beginning", *, wait_s=5.0):
        """Open one."""

        def ask_topics(_kafka, topics, *, wait_s, stop, hint):
            assert wait_s > 0
            assert "andon topics create" in hint
            return None if stop.is_set() else dict.fromkeys(topics, len(self.there))

        return Tail(
            Kafka(),
            TOPIC,
            begin=begin,
            wait_s=wait_s,
            stop=self.stop,
            open_consumer=self.consumer,
            ask_topics=ask_topics,
        )


@pytest.mark.parametrize(
    ("begin", "offsets"), [("beginning", [3, 0]), ("end", [10, 5]), (1_000, [4, 4]), (2_000, [10, 5]), (500, [3, 1])]
)
def test_it_begins_where_it_is_told_to(begin, offsets):
    """From the beginning, from now on, or from a time; nothing is as new as a time in the future."""
    broker = _Broker((3, 10), (0, 5))
    broker.times = {1_000: 4, 2_000: -1, 500: 1}

    broker.tail(begin)

    assert [offset for _, _, offset in broker.consumers[0].assigned] == offsets


def test_it_has_caught_up_when_all_that_was_there_has_been_handed_out():
    """A table that is built from a topic is complete then, and not before."""
    broker = _Broker((0, 0), (0, 0))
    broker.send(TOPIC, 0, *[b"old"] * 2)
    broker.send(TOPIC, 1, b"old")
    tail = broker.tail()
    last = broker.waiting.pop()
    broker.send(TOPIC, 0, b"new")

    assert not tail.caught_up
    assert len(tail.poll()) == 3
    assert not tail.caught_up
    broker.waiting.append(last)
    assert len(tail.poll()) == 1
    assert tail.caught_up


def test_a_topic_whose_last_messages_were_compacted_away_is_read_to_its_end():
    """Nobody waits for offsets that hold no message any more."""
    broker = _Broker((0, 5), (0, 0))
    tail = broker.tail()

    broker.fail(TOPIC, 0, EOF, offset=5)
    tail.poll()

    assert tail.caught_up


@pytest.mark.parametrize("begin", ["beginning", "end"])
def test_where_nothing_is_to_be_read_it_has_caught_up_at_once(begin):
    """A new plant's topics are empty."""
    assert _Broker((7, 7)).tail(begin).caught_up


def test_one_poll_is_bounded():
    """A long topic doesn't fill the memory."""
    broker = _Broker((0, 0))
    broker.send(TOPIC, 0, *[b"x"] * (MESSAGES_MAX + 1))
    tail = broker.tail()

    assert [len(tail.poll()), len(tail.poll()), len(tail.poll())] == [MESSAGES_MAX, 1, 0]


def test_what_is_there_ends_where_the_topic_ended_when_it_was_opened():
    """A report of a busy topic comes to an end."""
    broker = _Broker((0, 0))
    broker.send(TOPIC, 0, *[b"old"] * (MESSAGES_MAX + 5))
    tail = broker.tail()

    assert sum(1 for _ in tail.what_is_there()) == MESSAGES_MAX + 5


def test_a_broker_that_falls_silent_in_the_middle_is_told():
    """Half a table isn't taken for all of it."""
    tail = _Broker((0, 5)).tail(wait_s=0.01)

    with pytest.raises(SourceError, match=r"alerts: nothing came for 0\.01 s, and there is more"):
        list(tail.what_is_there())


def test_asked_to_stop_nobody_waits_for_the_rest():
    """Ctrl-C ends a long read."""
    broker = _Broker((0, 5))
    tail = broker.tail(wait_s=3600)

    broker.stop.set()

    assert list(tail.what_is_there()) == []


def test_asked_to_stop_before_the_broker_answers_there_is_nothing_to_read():
    """Ctrl-C works from the first second on."""
    broker = _Broker((0, 5))
    broker.stop.set()

    with broker.tail() as tail:
        assert tail.poll() == []
        assert tail.caught_up
    assert broker.consumers == []


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN])
def test_a_broker_that_goes_away_only_pauses_it(code):
    """A screen stays, and goes on when the broker is back."""
    broker = _Broker((0, 0))
    tail = broker.tail()

    broker.fail(TOPIC, 0, code)
    broker.send(TOPIC, 0, b"after")

    assert [message.value() for message in tail.poll()] == [b"after"]


def test_rights_of_a_group_that_it_does_not_use_are_not_missed():
    """Who may only read the topic can watch."""
    broker = _Broker((0, 0))
    tail = broker.tail()

    broker.fail(TOPIC, 0, KafkaError.GROUP_AUTHORIZATION_FAILED)

    assert tail.poll() == []


@pytest.mark.parametrize(
    "code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART, OUT_OF_RANGE]
)
def test_where_reading_cannot_go_on_it_is_told(code):
    """A topic that was deleted, or may not be read, isn't a quiet one."""
    broker = _Broker((0, 0))
    tail = broker.tail()

    broker.fail(TOPIC, 0, code)

    with pytest.raises(SourceError, match="kafka alerts: "):
        tail.poll()


def test_a_time_that_the_broker_does_not_know_is_told():
    """A broker that dies between two questions ends in a message of ours."""
    broker = _Broker((0, 5))
    broker.fault = KafkaError._TIMED_OUT

    with pytest.raises(SourceError, match="alerts: no offset of that time"):
        broker.tail(1_000)


def test_nothing_is_committed_and_the_connection_is_closed():
    """Whoever looks leaves no trace."""
    broker = _Broker((0, 0))
    broker.send(TOPIC, 0, b"x")

    with broker.tail() as tail:
        tail.poll()

    (consumer,) = broker.consumers
    assert consumer.committed == []
    assert consumer.config["enable.auto.commit"] == "false"
    wait_until(lambda: consumer.closed, "the connection is closed")  # on a busy machine later than a command waits
    assert tail.poll() == []
