"""A topic that people read, on a broker that breaks."""

import threading

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from contracts.settings import Kafka
from dataflows.tail import Tail
from tests.kafka.service import produce, wait_until


@pytest.fixture
def tail(own_kafka):
    """All of a topic of three partitions, with one message in it."""
    admin = AdminClient({"bootstrap.servers": own_kafka.bootstrap})
    admin.create_topics([NewTopic("tail", 3, 1)])["tail"].result(20)
    produce(own_kafka.bootstrap, "tail", [(b"k", b"first")])
    kafka = Kafka(bootstrap_servers=own_kafka.bootstrap)
    with Tail(kafka, "tail", begin="beginning", wait_s=20, stop=threading.Event()) as opened:
        yield opened


def test_a_broker_that_goes_away_pauses_a_screen_and_no_more(own_kafka, tail):
    """Whoever watches goes on watching when the broker is back, and misses nothing; and can always leave."""
    seen = []

    def read():
        seen.extend(message.value() for message in tail.poll())
        return seen

    wait_until(lambda: read() and tail.caught_up, "what was there")
    own_kafka.stop()
    before = list(seen)
    for _ in range(5):
        read()
    own_kafka.start()
    produce(own_kafka.bootstrap, "tail", [(b"k", b"second"), (b"l", b"third")])
    wait_until(lambda: len(read()) == 3, "what came afterwards")
    own_kafka.kill()
    tail.close()

    assert before == [b"first"]
    assert sorted(seen) == [b"first", b"second", b"third"]
    assert tail.poll() == []
