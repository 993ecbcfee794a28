"""The source of commands, with a broker that the test holds in its hands."""

from __future__ import annotations

import threading

import pytest

from contracts.errors import StateError
from contracts.readings import Reason
from contracts.settings import Settings
from dataflows.commands import KafkaCommands, NoCommands
from dataflows.decode import REJECT_KEY
from dataflows.happenings import Happenings
from dataflows.lanes import LaneSurroundings
from dataflows.standing import Standing
from tests.fake_kafka import FakeBroker

ACKNOWLEDGE = b'{"command":"acknowledge","asset":"press","alert_id":"6f0c","by":"maria"}'


@pytest.fixture
def broker():
    return FakeBroker({("andon.commands", 0): (0, 5), ("andon.commands", 1): (2, 2)})


def commands(broker, *, saved=None, stop=None):
    surroundings = LaneSurroundings(
        settings=Settings(),
        happenings=Happenings(),
        standing=Standing(1),
        stop=stop or threading.Event(),
        now_ms=lambda: 0,
        open_consumer=broker.consumer,
    )
    source = KafkaCommands(surroundings, partition_count=2)
    return source.build_part("commands", source.list_parts()[0], saved)


def test_a_fresh_state_begins_with_the_next_command(broker):
    """Old commands are about alarms that this state doesn't know."""
    part = commands(broker)

    assert part.snapshot() == {"version": 1, "positions": {"andon.commands/0": 5, "andon.commands/1": 2}}


def test_a_restart_misses_no_command(broker):
    """What came while andon was down is read."""
    commands(broker, saved={"version": 1, "positions": {"andon.commands/0": 3, "andon.commands/1": 2}})

    assert broker.consumers[0].assigned == [("andon.commands", 0, 3), ("andon.commands", 1, 2)]


@pytest.mark.parametrize(("value", "detail"), [(ACKNOWLEDGE, "not available"), (b"{}", "command is none of")])
def test_every_command_becomes_a_dead_letter_that_says_why(broker, value, detail):
    """Nobody believes that a command was carried out."""
    part = commands(broker)
    broker.send("andon.commands", 0, value)

    ((key, reject),) = part.next_batch()

    assert key == REJECT_KEY
    assert (reject.reason, reject.value, reject.topic, reject.offset) == (
        Reason.BAD_COMMAND,
        value,
        "andon.commands",
        5,
    )
    assert detail in reject.detail


def test_asked_to_stop_it_ends(broker):
    """SIGTERM: the flow takes its last snapshot."""
    stop = threading.Event()
    part = commands(broker, stop=stop)
    stop.set()

    with pytest.raises(StopIteration):
        part.next_batch()


def test_a_snapshot_of_an_unknown_version_is_refused_by_name(broker):
    """State of a newer andon isn't guessed at."""
    with pytest.raises(StateError, match=r"commands-00: version 2 is saved"):
        commands(broker, saved={"version": 2})


def test_no_commands_end_at_once():
    """A recording doesn't wait for people."""
    source = NoCommands()

    with pytest.raises(StopIteration):
        source.build_part("commands", source.list_parts()[0], None).next_batch()
