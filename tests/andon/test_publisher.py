"""All that was handed over has arrived, or somebody is told."""

import pytest
from confluent_kafka import KafkaError

from andon.publisher import Publisher
from contracts.errors import SinkError
from contracts.settings import Settings


class Producer:
    """A producer whose broker takes a number of messages and refuses the rest."""

    def __init__(self, takes, queue=10):
        self._takes, self._queue_max = takes, queue
        self._queue = []
        self.polls = 0

    def produce(self, _topic, _value, _key, *, on_delivery):
        """Put a message into the queue."""
        if len(self._queue) >= self._queue_max:
            raise BufferError
        self._queue.append(on_delivery)

    def poll(self, _timeout):
        """Deliver the queue."""
        self.polls += 1
        for on_delivery in self._queue:
            self._takes -= 1
            on_delivery(None if self._takes >= 0 else KafkaError(KafkaError._MSG_TIMED_OUT), None)
        self._queue.clear()

    def flush(self, timeout):
        """Deliver the queue; how many are left."""
        self.poll(timeout)
        return 0


def test_a_full_queue_is_waited_for_and_every_message_is_confirmed():
    """A fast recording doesn't outrun the broker."""
    publisher = Publisher(Settings(), open_producer=lambda _settings: Producer(takes=100))

    for _ in range(35):
        publisher.send("readings", b"pump", b"{}")
    publisher.settle()

    assert publisher.confirmed == 35


def test_a_message_that_is_not_delivered_is_an_error():
    """Nobody believes that a recording was published when half of it was lost."""
    publisher = Publisher(Settings(), open_producer=lambda _settings: Producer(takes=3))
    for _ in range(5):
        publisher.send("readings", b"pump", b"{}")

    with pytest.raises(SinkError, match=r"kafka readings: a message wasn't delivered .*; 3 were before"):
        publisher.settle()
