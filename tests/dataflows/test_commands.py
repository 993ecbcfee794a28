"""The source of commands, with a broker that the test holds in its hands."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from contracts.alarm_states import (
    AlarmRecord,
    Heartbeat,
    Recorded,
    alarm_key,
    heartbeat_key,
    hold_key,
)
from contracts.commands import Command, Scope, Verb
from contracts.errors import SourceError, StateError
from contracts.readings import Reason, Reject, group_key, group_of
from contracts.settings import Commands, Service, Settings
from dataflows.commands import KafkaCommands, NoCommands
from dataflows.decode import REJECT_KEY
from dataflows.guard import Signer
from dataflows.happenings import Happenings
from dataflows.heartbeat import Pulse
from dataflows.lanes import LaneSurroundings
from dataflows.standing import Standing
from dataflows.steps import FloodRecorded, Recall
from tests.fake_kafka import FakeBroker, FakeProducer

ALERT_ID = "6f0c" * 8
ACKNOWLEDGE = f'{{"command":"acknowledge","asset":"press","alert_id":"{ALERT_ID}","by":"maria"}}'.encode()
HOME = group_key(group_of("press", 128))
NOW_MS = 1_700_000_000_000
HH = alarm_key(asset="press", sensor="temp", kind="limit", rule="hh")
SILENT = alarm_key(asset="press", sensor=None, kind="stale", rule="silent")
FLOOD = alarm_key(asset="plant-1", sensor=None, kind="flood", rule="site")


class Desk:
    """The source on a fake broker: five old commands, and an alarm-state topic with what a test puts into it."""

    def __init__(self, *, clock="wall", until_caught_up=False, lanes_ended=True, commands=None):
        self.broker = FakeBroker(
            {("andon.commands", 0): (0, 5), ("andon.commands", 1): (2, 2), ("andon.alarms", 0): (0, 0)}
        )
        self.happenings = Happenings()
        self.standing = Standing(1)
        self.stop = threading.Event()
        self.producers = []
        if lanes_ended:
            self.standing.ended.add("lane-00")
        settings = Settings(service=Service(clock=clock), commands=commands or Commands())
        self.surroundings = LaneSurroundings(
            settings=settings,
            happenings=self.happenings,
            standing=self.standing,
            stop=self.stop,
            now_ms=lambda: NOW_MS,
            until_caught_up=until_caught_up,
            pulse=Pulse(
                settings,
                process="host-7",
                version="1",
                standing=self.standing,
                happenings=self.happenings,
                open_producer=self._producer,
            ),
            open_consumer=self.broker.consumer,
        )

    def open(self, *, saved=None):
        """The one part."""
        source = KafkaCommands(self.surroundings, partition_count=2, alarm_partition_count=1)
        return source.build_part("commands", source.list_parts()[0], saved)

    def record(self, key, body):
        """A record is on the alarm-state topic."""
        self.broker.send("andon.alarms", 0, body, key=key.encode() if isinstance(key, str) else key)

    def _producer(self, config):
        self.producers.append(FakeProducer(config))
        return self.producers[-1]


def said(part, rounds=5):
    """All that the source says in some rounds."""
    return [item for _ in range(rounds) for item in part.next_batch()]


def compared(part):
    """What the source says after the snapshots that it waits for, by key."""
    early = said(part)
    part.snapshot()
    assert [item for _, item in said(part) if isinstance(item, Recorded)] == []
    part.snapshot()
    return early, part.next_batch()


@pytest.fixture
def desk():
    return Desk()


def test_partitions_that_were_added_end_the_process_and_are_read_after_a_restart(desk):
    """Nobody presses acknowledge into a partition that nobody reads."""
    part = desk.open()
    said(part)
    desk.broker.there["andon.commands", 2] = (0, 1)
    desk.broker.report()

    with pytest.raises(SourceError, match=r"kafka andon.commands: it has 3 partitions now and had 2 at the start"):
        said(part)

    source = KafkaCommands(desk.surroundings, partition_count=3, alarm_partition_count=1)
    source.build_part("commands", source.list_parts()[0], part.snapshot())
    assert desk.broker.consumers[-1].assigned[-1] == ("andon.commands", 2, 0)


def test_a_fresh_state_begins_with_the_next_command(desk):
    """Old commands are about alarms that this state doesn't know."""
    part = desk.open()

    assert part.snapshot() == {"version": 1, "positions": {"andon.commands/0": 5, "andon.commands/1": 2}}


def test_a_restart_misses_no_command(desk):
    """What came while andon was down is read."""
    desk.open(saved={"version": 1, "positions": {"andon.commands/0": 3, "andon.commands/1": 2}})

    assert desk.broker.consumers[1].assigned == [("andon.commands", 0, 3), ("andon.commands", 1, 2)]


def test_a_command_goes_to_the_key_group_of_its_asset_and_keeps_its_place(desk):
    """It meets the asset's readings in order, and its answer can be told from all others."""
    part = desk.open()
    desk.broker.send("andon.commands", 0, ACKNOWLEDGE, ts_ms=NOW_MS)

    ((key, command),) = said(part)

    assert key == HOME
    assert isinstance(command, Command)
    assert (command.verb, command.alert_id, command.by) == (Verb.ACKNOWLEDGE, ALERT_ID, "maria")
    assert (command.origin.cause, command.origin.source) == ("commands/0/5", "andon.commands/0/5")
    assert (command.origin.ts_ms, command.origin.value) == (NOW_MS, ACKNOWLEDGE)


def test_what_is_no_command_becomes_a_dead_letter_that_says_why(desk):
    """Nobody believes that a command was carried out."""
    part = desk.open()
    desk.broker.send("andon.commands", 0, b"{}")

    ((key, reject),) = said(part)

    assert key == REJECT_KEY
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.value, reject.topic, reject.offset) == (
        Reason.BAD_COMMAND,
        b"{}",
        "andon.commands",
        5,
    )
    assert "command is none of" in reject.detail
    assert desk.happenings.registry.get_sample_value("andon_rejects_total", {"reason": "bad_command"}) == 1


def test_after_a_start_commands_wait_until_the_backlog_is_read():
    """An acknowledgement is about an alarm that the readings before it raise: too early, it would be refused."""
    desk = Desk(lanes_ended=False)
    part = desk.open()
    desk.broker.send("andon.commands", 0, ACKNOWLEDGE)
    assert said(part) == []

    desk.standing.ended.add("lane-00")

    assert [key for key, _ in said(part)] == [HOME]


def test_a_snapshot_while_commands_wait_skips_none_of_them():
    """A crash in the middle of a backlog loses no command."""
    desk = Desk(lanes_ended=False)
    part = desk.open()
    desk.broker.send("andon.commands", 0, ACKNOWLEDGE)
    said(part)

    assert part.snapshot()["positions"]["andon.commands/0"] == 5


def test_silences_that_were_told_are_recalled_before_the_first_command(desk):
    """Somebody acknowledged a silence just before the crash; only a tick had noticed it, so no reading raises it."""
    desk.record(SILENT, b"silent")
    desk.record(HH, b"hot")
    part = desk.open()
    desk.broker.send("andon.commands", 0, ACKNOWLEDGE)

    (first, recall), (second, command) = said(part)

    assert (first, recall) == (HOME, Recall(Recorded((AlarmRecord(SILENT, b"silent"),), NOW_MS)))
    assert second == HOME
    assert isinstance(command, Command)


def test_every_key_group_hears_what_was_recorded_of_it_once(desk):
    """Also a group of which nothing was recorded: what it knows may be missing on the topic."""
    hold = hold_key("oven", Scope("temp"))
    desk.record(HH, b"old")
    desk.record(hold, b"held")
    desk.record(HH, b"new")
    part = desk.open()

    early, late = compared(part)

    assert early == []
    recorded = {key: item for key, item in late if isinstance(item, Recorded)}
    assert sorted(recorded) == [group_key(group) for group in range(128)]
    assert recorded[HOME] == Recorded((AlarmRecord(HH, b"new"),), NOW_MS)
    assert recorded[group_key(group_of("oven", 128))] == Recorded((AlarmRecord(hold, b"held"),), NOW_MS)
    assert said(part) == []


def test_what_no_longer_stands_is_not_recorded(desk):
    """A tombstone removes, whatever was said before it."""
    desk.record(HH, b"old")
    desk.record(HH, None)
    desk.record(SILENT, None)
    part = desk.open()

    _, late = compared(part)

    assert [item for _, item in late if isinstance(item, Recorded) and item.records] == []


def test_what_comes_after_the_start_is_not_recorded(desk):
    """It is what this process itself has written."""
    part = desk.open()
    desk.record(HH, b"own")

    _, late = compared(part)

    assert [item for _, item in late if isinstance(item, Recorded) and item.records] == []


def test_the_flood_of_the_site_is_recorded_for_the_flood_alone(desk):
    """No asset has that name; its key group would close the alarm as one that it doesn't know."""
    desk.record(FLOOD, b"flood")
    part = desk.open()

    _, late = compared(part)

    assert [item for _, item in late if isinstance(item, FloodRecorded)] == [
        FloodRecorded((AlarmRecord(FLOOD, b"flood"),))
    ]
    assert [item for _, item in late if isinstance(item, Recorded) and item.records] == []


def test_heartbeats_are_no_alarms_and_those_of_yesterday_are_removed(desk):
    """Containers have a new name each time: a watcher that was replaced isn't missed for ever."""
    gone, here, broken = (heartbeat_key("plant-1", name) for name in ("gone", "here", "broken"))
    desk.record(gone, Heartbeat(site="plant-1", process="gone", ts=NOW_MS - 86_400_001).body())
    desk.record(here, Heartbeat(site="plant-1", process="here", ts=NOW_MS - 86_400_000).body())
    desk.record(broken, b"{")
    part = desk.open()

    _, late = compared(part)

    assert [item for _, item in late if isinstance(item, Recorded) and item.records] == []
    assert [(sent["key"], sent["value"]) for sent in desk.producers[0].records] == [(gone.encode(), None)]


@pytest.mark.parametrize("key", [b"", b"\xff", b"a/b", None])
def test_a_record_that_is_none_of_ours_is_passed_over(desk, key):
    """Somebody else wrote to the topic."""
    desk.record(key, b"x")
    part = desk.open()

    _, late = compared(part)

    assert [item for _, item in late if isinstance(item, Recorded) and item.records] == []


def test_by_the_event_clock_nothing_is_compared():
    """The same readings always say the same: there is nothing that a crash could have changed."""
    desk = Desk(clock="event")
    part = desk.open()

    assert [len(consumer.assigned) for consumer in desk.broker.consumers] == [2]
    assert compared(part) == ([], [])


def test_until_caught_up_means_the_commands_too():
    """What a person asked for while andon was down is done before it stops again."""
    desk = Desk(until_caught_up=True)
    part = desk.open(saved={"version": 1, "positions": {"andon.commands/0": 5, "andon.commands/1": 2}})
    assert not desk.standing.commands_ended

    with pytest.raises(StopIteration):
        said(part)

    assert desk.standing.commands_ended
    assert desk.stop.is_set()


def test_asked_to_stop_it_ends(desk):
    """SIGTERM: the flow takes its last snapshot."""
    part = desk.open()
    desk.stop.set()

    with pytest.raises(StopIteration):
        part.next_batch()


def test_a_snapshot_of_an_unknown_version_is_refused_by_name(desk):
    """State of a newer andon isn't guessed at."""
    with pytest.raises(StateError, match=r"commands-00: version 2 is saved"):
        desk.open(saved={"version": 2})


def test_no_commands_end_at_once():
    """A recording doesn't wait for people."""
    source = NoCommands()

    with pytest.raises(StopIteration):
        source.build_part("commands", source.list_parts()[0], None).next_batch()


def test_where_no_commands_are_taken_the_topic_is_not_even_read():
    """In one-way mode nothing that anybody writes to the topic comes into the process."""
    desk = Desk(commands=Commands(accept="none"))
    part = desk.open()
    desk.broker.send("andon.commands", 0, ACKNOWLEDGE)

    early, late = compared(part)

    assert all(partition[0] == "andon.alarms" for consumer in desk.broker.consumers for partition in consumer.assigned)
    assert not any(isinstance(item, Command | Reject) for _, item in early + late)
    assert desk.standing.commands_open
    assert desk.standing.commands_ended
    assert part.snapshot() == {"version": 1, "positions": {}}
    part.close()


def test_a_one_way_run_that_is_to_catch_up_ends():
    """It doesn't wait for commands that never come."""
    desk = Desk(commands=Commands(accept="none"), until_caught_up=True)

    with pytest.raises(StopIteration):
        said(desk.open())

    assert desk.stop.is_set()


def test_commands_that_piled_up_in_one_way_mode_are_not_carried_out_afterwards():
    """When commands are taken again it begins with the next one."""
    desk = Desk()

    desk.open(saved={"version": 1, "positions": {}})

    assert desk.broker.consumers[1].assigned == [("andon.commands", 0, 5), ("andon.commands", 1, 2)]


def test_only_what_is_signed_goes_on_and_copies_are_known_after_a_restart(tmp_path):
    """The rest is a dead letter that says why, and is counted apart."""
    (tmp_path / "keys").write_text(f"maria {'5e' * 32}\n")
    commands = Commands(accept="signed", keys_file=str(tmp_path / "keys"))
    signer = Signer(Settings(commands=commands), now_ms=lambda: NOW_MS)
    signed = signer.headers(ACKNOWLEDGE, by="maria")
    desk = Desk(commands=commands)
    desk.broker.stamped_by = TIMESTAMP_LOG_APPEND_TIME
    part = desk.open()

    desk.broker.send("andon.commands", 0, ACKNOWLEDGE, ts_ms=NOW_MS)
    desk.broker.send("andon.commands", 0, ACKNOWLEDGE, ts_ms=NOW_MS, headers=signed)
    (_, unsigned), (_, command) = said(part)
    saved = part.snapshot()
    again = Desk(commands=commands)
    again.broker.stamped_by = TIMESTAMP_LOG_APPEND_TIME
    part = again.open(saved=saved | {"positions": {"andon.commands/0": 5, "andon.commands/1": 2}})
    again.broker.send("andon.commands", 0, ACKNOWLEDGE, ACKNOWLEDGE, ts_ms=NOW_MS, headers=signed)
    (_, copy), (_, other) = said(part)

    assert (unsigned.reason, unsigned.detail) == (
        Reason.BAD_SIGNATURE,
        "it isn't signed, and only signed commands are taken here",
    )
    assert (command.verb, command.by) == (Verb.ACKNOWLEDGE, "maria")
    assert [place for _, place, _ in saved["seen"]] == ["0/6"]
    assert {copy.detail, getattr(other, "verb", None)} == {"it is a copy of the command at 0/6", Verb.ACKNOWLEDGE}
    assert desk.happenings.registry.get_sample_value("andon_rejects_total", {"reason": "bad_signature"}) == 1


def test_a_name_that_the_key_does_not_speak_for_is_refused(tmp_path):
    """Who commands is proven, not said."""
    (tmp_path / "keys").write_text(f"karl {'5e' * 32}\n")
    commands = Commands(accept="signed", keys_file=str(tmp_path / "keys"))
    signed = Signer(Settings(commands=commands), now_ms=lambda: NOW_MS).headers(ACKNOWLEDGE, by="karl")
    desk = Desk(commands=commands)
    desk.broker.stamped_by = TIMESTAMP_LOG_APPEND_TIME
    part = desk.open()

    desk.broker.send("andon.commands", 0, ACKNOWLEDGE, ts_ms=NOW_MS, headers=signed)
    ((_, refused),) = said(part)

    assert (refused.reason, refused.detail) == (Reason.BAD_SIGNATURE, "the key karl may not speak for maria")
