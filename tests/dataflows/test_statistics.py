"""What librdkafka's statistics say."""

from __future__ import annotations

import json

import pytest

from dataflows.offsets import Partition
from dataflows.statistics import Broker, read_statistics
from tests.fake_kafka import statistics

P0, P1 = Partition("readings", 0), Partition("readings", 1)


def part(leader=1, hi=10, stable=10):
    return {"leader": leader, "hi_offset": hi, "ls_offset": stable}


def read(partitions, **broker):
    return read_statistics(json.dumps(statistics({"readings": partitions}, **broker)), [P0, P1])


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ({}, Broker.ANSWERS),
        ({"state": "UPDATE"}, Broker.ANSWERS),
        ({"idle_s": 1.99}, Broker.ANSWERS),
        ({"idle_s": 2.0}, Broker.AWAY),
        ({"idle_s": 60.0, "unanswered": 0}, Broker.IDLE),
        ({"state": "DOWN"}, Broker.AWAY),
        ({"state": "CONNECT"}, Broker.AWAY),
    ],
)
def test_a_broker_is_away_when_it_is_disconnected_or_leaves_a_question_open(broker, expected):
    """A broker that hangs is told from one that nobody asked."""
    assert read({"0": part(), "1": part()}, **broker).broker is expected


@pytest.mark.parametrize("partitions", [{"0": part(), "1": part(leader=-1)}, {"0": part(), "1": part(leader=7)}, {}])
def test_a_partition_without_a_known_leader_counts_as_away(partitions):
    """One of several brokers being down is an outage for the sensors behind it."""
    assert read(partitions).broker is Broker.AWAY


def test_the_end_of_a_partition_is_what_can_be_read():
    """An open transaction's messages aren't a backlog; before the first answer the end isn't known."""
    ends = read({"0": part(hi=30, stable=20), "1": part(hi=-1001, stable=-1001)}).ends

    assert ends == {P0: 20}


def test_brokers_that_keep_no_stable_offset_give_the_high_watermark():
    """Old brokers know no transactions."""
    assert read({"0": part(hi=30, stable=-1001), "1": part()}).ends[P0] == 30


def test_what_is_told_is_as_old_as_the_last_word_of_the_broker():
    """A report of now may repeat what was so before the broker began to hang; seconds are rounded down."""
    assert read({"0": part(), "1": part()}, now_ms=60_900, idle_s=1.5).told_ms == 58_500


@pytest.mark.parametrize("partitions", [{}, {"0": part(leader=7), "1": part(leader=-1)}])
def test_without_leaders_a_report_is_as_old_as_it_says(partitions):
    """Nobody's silence can be subtracted; without the ends it is of no use anyway."""
    assert read(partitions, now_ms=60_000).told_ms == 60_000


def test_partitions_are_counted_without_the_internal_one():
    """Added partitions are noticed."""
    assert read({"0": part(), "1": part(), "2": part()}).counts == {"readings": 3}
