"""The direct lane is only taken where everything is as it must be; tests/kafka/test_direct.py reads with it."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer

from dataflows import direct as lane
from dataflows.direct import Direct, open_direct
from dataflows.offsets import Partition

NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "group.id": "nobody", "log_level": 0}


@pytest.fixture
def consumer():
    """One that has no broker."""
    consumer = Consumer(NOWHERE)
    yield consumer
    consumer.close()


def test_nothing_fetched_is_nothing_read(consumer):
    """Before the first message, and when the broker is away, a lane has nothing and goes on."""
    direct = open_direct(consumer, [Partition("readings", 0), Partition("readings", 3)], [].append)

    assert isinstance(direct, Direct)
    for _ in range(3):
        poll, notes = direct.take(100)
        assert len(poll.messages) == 0
        assert poll.sources == (("readings", 0), ("readings", 3))
        assert notes == []
    direct.close()
    direct.close()


def test_faults_of_no_partition_are_told_in_place_of_the_consumers_own_callback():
    """A broker that is away is heard of all the same."""
    told, by_consumer = [], []
    consumer = Consumer({**NOWHERE, "error_cb": by_consumer.append})
    direct = open_direct(consumer, [Partition("readings", 0)], told.append)
    until = time.monotonic() + 30

    while not told and time.monotonic() < until:
        consumer.consume(1, 0.1)
        direct.take(100)

    assert told[0].name() in ("_TRANSPORT", "_ALL_BROKERS_DOWN")
    assert told[0].str()
    assert by_consumer == []
    direct.close()
    consumer.close()


def test_a_consumer_whose_faults_would_not_be_heard_is_not_read_directly(consumer, monkeypatch):
    """Its messages come as objects then."""
    monkeypatch.setattr(lane, "_CONF_OK", 1)

    assert open_direct(consumer, [], [].append) == "faults of the consumer can't be listened to"


def test_a_consumer_of_another_kind_is_not_looked_into():
    """Memory is read only where it is known what stands there."""
    assert open_direct(object(), [], [].append) == "the consumer isn't confluent-kafka's"


def test_a_consumer_that_is_closed_is_not_looked_into():
    """Its memory belongs to nobody any more."""
    consumer = Consumer(NOWHERE)
    consumer.close()

    assert open_direct(consumer, [], [].append) == "the consumer's handle isn't where it was"
