"""The direct lane is only taken where everything is as it must be; tests/kafka/test_direct.py reads with it."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer

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
    direct = open_direct(consumer, [Partition("readings", 0), Partition("readings", 3)])

    assert isinstance(direct, Direct)
    for _ in range(3):
        poll, notes = direct.take(100)
        assert len(poll.messages) == 0
        assert poll.sources == (("readings", 0), ("readings", 3))
        assert notes == []
    direct.close()
    direct.close()


def test_a_consumer_of_another_kind_is_not_looked_into():
    """Memory is read only where it is known what stands there."""
    assert open_direct(object(), []) == "the consumer isn't confluent-kafka's"


def test_a_consumer_that_is_closed_is_not_looked_into():
    """Its memory belongs to nobody any more."""
    consumer = Consumer(NOWHERE)
    consumer.close()

    assert open_direct(consumer, []) == "the consumer's handle isn't where it was"
