"""What the alarm-state topic said at the start, with a broker that the test holds in its hands."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from contracts.alarm_states import AlarmRecord, Recorded, alarm_key, hold_key
from contracts.commands import Scope
from contracts.errors import SourceError
from contracts.readings import group_key, group_of
from contracts.settings import Service, Settings
from dataflows.happenings import Happenings
from dataflows.lanes import LaneSurroundings
from dataflows.recorded import Recollection
from dataflows.standing import Standing
from dataflows.steps import Recall
from tests.fake_kafka import EOF, FakeBroker, FakeMessage

NOW_MS = 1_700_000_000_000


def recollection(broker, **bounds):
    """Of a topic with two partitions, in four key groups."""
    surroundings = LaneSurroundings(
        settings=Settings(service=Service(key_groups=4)),
        happenings=Happenings(),
        standing=Standing(1),
        stop=threading.Event(),
        now_ms=lambda: NOW_MS,
        open_consumer=broker.consumer,
    )
    return Recollection(surroundings, partition_count=2, **bounds)


def key_of(asset, kind="limit", rule="hh"):
    return alarm_key(asset=asset, sensor="temp", kind=kind, rule=rule)


def records_of(recorded):
    """All records, of all groups."""
    items = [item for _, item in recorded.compared(NOW_MS) if isinstance(item, Recorded)]
    return [record for item in items for record in item.records]


@pytest.fixture
def broker():
    return FakeBroker({("andon.alarms", 0): (0, 0), ("andon.alarms", 1): (0, 0)})


def test_it_is_complete_when_all_that_was_there_at_the_start_is_read(broker):
    """A topic of a million records takes more than one look, and what comes meanwhile isn't waited for."""
    for number in range(700):
        broker.send("andon.alarms", number % 2, b"stands", key=key_of(f"press-{number}").encode())
    recorded = recollection(broker)
    broker.send("andon.alarms", 0, b"later", key=key_of("press-0").encode())

    recorded.read()
    assert not recorded.complete
    recorded.read()

    assert recorded.complete
    assert [record.body for record in records_of(recorded)] == 700 * [b"stands"]


def test_an_empty_topic_is_complete_at_once(broker):
    """A fresh plant has nothing to recall."""
    recorded = recollection(broker)

    recorded.read()

    assert recorded.complete
    assert recorded.silences(NOW_MS) == []


def test_the_gaps_that_compaction_leaves_at_the_end_are_no_reason_to_wait(broker):
    """The last offsets of a topic may be marks of transactions: they never come as messages."""
    broker.there["andon.alarms", 0] = (0, 9)
    broker.waiting.append(FakeMessage(("andon.alarms", 0, 3), b"stands", raw_key=key_of("press").encode()))
    broker.fail("andon.alarms", 0, EOF, offset=9)
    recorded = recollection(broker)

    recorded.read()

    assert recorded.complete


def test_silences_are_given_to_the_groups_that_have_some(broker):
    """Only `samples` can tell whether they last."""
    silent = key_of("press-1", "stale", "silent")
    for key in (silent, key_of("press-1"), key_of("press-2"), hold_key("press-1", Scope("temp", "stale"))):
        broker.send("andon.alarms", 0, b"stands", key=key.encode())
    recorded = recollection(broker)
    recorded.read()

    home = group_key(group_of("press-1", 4))
    assert recorded.silences(NOW_MS) == [(home, Recall(Recorded((AlarmRecord(silent, b"stands"),), NOW_MS)))]


def test_more_records_than_the_bound_are_left_as_they_are_and_told(broker):
    """Memory is bounded; what isn't compared isn't mended either, and somebody should know."""
    for number in range(3):
        broker.send("andon.alarms", 0, b"stands", key=key_of(f"press-{number}").encode())
    broker.send("andon.alarms", 0, b"again", key=key_of("press-1").encode())
    broker.send("andon.alarms", 0, b"?", key=b"not ours")
    recorded = recollection(broker, records_max=2)

    with capture_logs() as logs:
        recorded.read()

    assert sorted((record.key, record.body) for record in records_of(recorded)) == [
        (key_of("press-0"), b"stands"),
        (key_of("press-1"), b"again"),
    ]
    told = next(line for line in logs if line["event"] == "alarm states not compared")
    assert (told["left_out"], told["unreadable"]) == (1, 1)


def test_a_topic_that_can_not_be_read_ends_the_process(broker):
    """Without it, what was told before a crash can't be mended."""
    recorded = recollection(broker)
    broker.fail("andon.alarms", 0, 29)  # TOPIC_AUTHORIZATION_FAILED

    with pytest.raises(SourceError, match=r"andon\.alarms/0"):
        recorded.read()
