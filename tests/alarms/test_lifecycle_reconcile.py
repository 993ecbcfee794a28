"""After a start the topic is compared: conditions come from the process, the acts of people from the topic."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from alarms.lifecycle import Alarms, Told
from contracts.alarm_states import AlarmRecord, AlarmState, Recorded, alarm_key, hold_key
from contracts.alerts import event_id
from contracts.commands import Scope
from contracts.findings import Kind
from contracts.limits import HOLDS_PER_ASSET_MAX
from contracts.settings import Settings

from .given import BY_EVENTS, HOUR, KEY, MINUTE, NOON, SETTINGS, alerts, command, limit, raised, said, states

HOLD = "press-1/temp/*/*/hold"
NOW = NOON + HOUR


def recorded(table: dict[str, bytes]) -> Recorded:
    """What the topic said at the start."""
    return Recorded(tuple(AlarmRecord(key, body) for key, body in table.items()), NOW)


def compare(alarms: Alarms, table: dict[str, bytes]) -> list[Told]:
    """Compare, and check that the topic then says what is known."""
    told = alarms.reconcile(recorded(table))
    assert after(table, told) == alarms.table()
    return told


def after(table: dict[str, bytes], told: list[Told]) -> dict[str, bytes]:
    """The topic after these records."""
    topic: dict[str, bytes | None] = dict(table)
    topic.update({one.key: one.body for one in told if isinstance(one, AlarmRecord)})
    return {key: body for key, body in topic.items() if body is not None}


def restarted(alarms: Alarms, settings: Settings = SETTINGS) -> Alarms:
    return Alarms.restore(settings, alarms.snapshot())


def acknowledged(sensor: str = "temp") -> Alarms:
    alarms, identity = raised(sensor=sensor)
    alarms.obey(command("acknowledge", alert_id=identity, by="maria", comment="on my way"))
    return alarms


def test_a_topic_that_says_what_is_so_needs_nothing():
    """An orderly restart says nothing at all."""
    alarms = acknowledged()
    alarms.obey(command("shelve", until=NOW + HOUR, sensor="temp"))
    alarms.decide(limit(sensor="flow"))

    assert compare(restarted(alarms), alarms.table()) == []


def test_an_alarm_that_only_the_topic_knows_is_over():
    """Raised just before the crash, and the second time it never was: it mustn't stand for ever."""
    before, identity = raised()

    told = compare(Alarms(SETTINGS), before.table())

    (alert,) = alerts(told)
    assert said(told) == [("reconciled", "normal", True)]
    assert (alert.alert_id, alert.ts) == (identity, NOW)
    assert alert.message == "press-1 temp 97.1 degC above HH 95 degC; over, as was found after a start"
    assert told[0].event_id == event_id(alert=identity, transition="reconciled", cause=f"reconciled/{NOON}")


def test_an_alarm_that_was_not_heard_ends_unheard():
    """Shelved when it was raised, closed as quietly."""
    before = Alarms(SETTINGS)
    before.obey(command("suppress"))
    before.decide(limit())
    table = {KEY: before.table()[KEY]}

    assert said(compare(Alarms(SETTINGS), table)) == [("reconciled", "normal", False)]


def test_an_acknowledgement_that_only_the_topic_knows_is_adopted():
    """Maria isn't asked twice."""
    before = acknowledged()
    now, _identity = raised()

    told = compare(restarted(now), before.table())

    (alert,) = alerts(told)
    assert said(told) == [("reconciled", "active_acked", True)]
    assert (alert.by, alert.comment) == ("maria", "on my way")
    assert alert.message.endswith("; acknowledged by maria, as was found after a start")
    assert states(told)[KEY].acknowledged.by == "maria"


def test_it_is_adopted_also_when_the_alarm_was_raised_again_since_the_start():
    """The same onset, so the same episode: what was said of it counts."""
    before = acknowledged()
    now, _identity = raised()

    assert said(compare(now, before.table())) == [("reconciled", "active_acked", True)]


def test_an_acknowledgement_ends_an_alarm_that_has_only_waited_for_it():
    """It was over and unacknowledged in the saved state, and acknowledged on the topic."""
    before = acknowledged("flow")
    now, _identity = raised(sensor="flow")
    now.decide(limit(sensor="flow", active=False, ts=NOON + MINUTE))

    assert said(compare(restarted(now), before.table())) == [("reconciled", "normal", True)]


def test_the_acknowledgement_of_another_episode_is_not_adopted():
    """Nobody has seen this one yet."""
    before = acknowledged()
    now, _identity = raised(ts=NOON + MINUTE)

    told = compare(restarted(now), before.table())

    assert said(told) == [("reconciled", "active_unacked", True)]


def test_an_alarm_that_the_topic_lacks_is_said_again():
    """It was cleared just before the crash, and the second time it never was."""
    now, identity = raised()

    told = compare(restarted(now), {})

    assert said(told) == [("reconciled", "active_unacked", True)]
    assert alerts(told)[0].alert_id == identity
    assert alerts(told)[0].message.endswith("; stands, as was found after a start")


def test_an_alarm_in_another_state_than_the_topic_says_is_said_again():
    """The topic lost the acknowledgement that is known here."""
    before, _identity = raised()

    told = compare(restarted(acknowledged()), before.table())

    assert said(told) == [("reconciled", "active_acked", True)]


def test_a_record_that_differs_in_details_is_written_again_without_an_alert():
    """No operator needs to hear that a field has changed its place."""
    now, _identity = raised()
    body = orjson.loads(now.table()[KEY])
    table = {KEY: orjson.dumps(body | {"said": "something else"})}

    told = compare(restarted(now), table)

    assert said(told) == []
    assert list(states(told)) == [KEY]


def test_what_was_written_since_the_start_is_right():
    """The records of before the crash are older than what was told since."""
    before, _identity = raised()
    now = restarted(before)
    now.decide(limit(active=False, ts=NOON + MINUTE))
    now.decide(limit(sensor="flow"))
    now.obey(command("suppress", asset="press-2"))

    told = now.reconcile(recorded(before.table()))

    assert told == []


@pytest.mark.parametrize("body", [b"nonsense", b'{"schema":99}'])
def test_what_nobody_can_read_is_replaced_or_taken_away(body):
    """A topic that anybody may write to can't keep nonsense on the screen."""
    now, _identity = raised()
    other = alarm_key(asset="press-1", sensor="x", kind="limit", rule="h")

    told = compare(restarted(now), {KEY: body, other: body, HOLD: body})

    assert said(told) == [("reconciled", "active_unacked", True)]


def test_a_hold_that_only_the_topic_knows_is_adopted():
    """A new state directory doesn't lift a shelf."""
    before, _identity = raised()
    before.obey(command("shelve", until=NOW + HOUR, sensor="temp"))
    now = restarted(raised()[0])

    told = compare(now, before.table())

    assert said(told) == []
    assert b'"annunciated":false' in alerts(now.decide(limit(rule="h")))[0].body()
    assert said(now.tick(NOW + HOUR))[0] == ("unshelved", "active_unacked", True)


def test_a_hold_that_is_adopted_is_shown_with_alarms_that_were_raised_since():
    """Raised as audible a minute ago: from now on the record says that it is held back."""
    before = Alarms(SETTINGS)
    before.obey(command("out_of_service", sensor="temp"))
    now, _identity = raised()

    told = compare(now, before.table())

    assert said(told) == []
    assert states(told)[KEY].out_of_service.by == "maria"


def test_a_shelf_that_is_over_is_not_adopted():
    """Its time came while nobody was watching."""
    before = Alarms(SETTINGS)
    before.obey(command("shelve", until=NOW, sensor="temp"))
    before.obey(command("shelve", until=NOW))
    before.obey(command("suppress"))
    now = Alarms(SETTINGS)

    told = compare(now, before.table())

    assert states(told)[HOLD] is None
    assert states(told)["press-1/*/*/*/hold"].shelved is None
    assert states(told)["press-1/*/*/*/hold"].suppressed.by == "maria"


def test_of_two_shelves_of_one_scope_the_topics_counts():
    """The saved state is older than the topic."""
    saved = Alarms(SETTINGS)
    saved.obey(command("shelve", until=NOW + 1, sensor="temp"))
    topic = restarted(saved)
    topic.obey(command("shelve", until=NOW + HOUR, sensor="temp", by="jo"))
    now = restarted(saved)

    assert compare(now, topic.table()) == []
    assert now.tick(NOW + 1) == []
    assert list(states(now.tick(NOW + HOUR))) == [HOLD]


def test_a_hold_that_the_topic_lacks_is_written():
    """The topic is younger than the plant."""
    now = Alarms(SETTINGS)
    now.obey(command("suppress", sensor="temp"))

    assert list(states(compare(restarted(now), {}))) == [HOLD]


def test_a_hold_that_was_ended_since_the_start_stays_ended():
    """The topic of before the crash doesn't bring it back."""
    before = Alarms(SETTINGS)
    before.obey(command("suppress", sensor="temp"))
    now = restarted(before)
    now.obey(command("unsuppress", sensor="temp"))

    assert now.reconcile(recorded(before.table())) == []
    assert now.table() == {}


def test_no_more_holds_are_adopted_than_there_is_room_for():
    """A topic full of holds can't fill the memory."""
    before = Alarms(SETTINGS)
    before.obey(command("suppress"))
    body = before.table()["press-1/*/*/*/hold"]
    many = {}
    for number in range(HOLDS_PER_ASSET_MAX + 5):
        scope = Scope(f"s{number}")
        many[hold_key("press-1", scope)] = orjson.dumps(orjson.loads(body) | {"sensor": scope.sensor})
    now = Alarms(SETTINGS)

    compare(now, many)

    assert len(now.table()) == HOLDS_PER_ASSET_MAX


def test_the_flood_of_a_site_of_another_name_is_taken_away_without_an_alert():
    """Floods are compared where floods are known."""
    before, _identity = raised()
    state = AlarmState.model_validate_json(before.table()[KEY])
    changes = {"kind": Kind.FLOOD, "rule": "site", "sensor": None, "asset": "plant-0"}
    alert = replace(state.alert, **changes)
    flood = state.model_copy(update={"alert": alert})

    told = compare(Alarms(SETTINGS), {"plant-0//flood/site": flood.body()})

    assert said(told) == []
    assert states(told) == {"plant-0//flood/site": None}


def test_an_alarm_that_was_saved_by_version_1_gets_its_record():
    """The first start after an upgrade fills the topic."""
    snapshot = {"version": 1, "active": [("press-1", "temp", "limit", "hh", NOON, 900)]}

    told = compare(Alarms.restore(SETTINGS, snapshot), {})

    assert said(told) == [("reconciled", "active_unacked", True)]
    assert alerts(told)[0].message == "press-1 temp limit hh is active; stands, as was found after a start"


def test_it_is_compared_once_and_the_group_is_kept_until_then():
    """What was written is remembered as long as it matters, and no longer."""
    now, _identity = raised()
    now.decide(limit(active=False, ts=NOON + 1))
    now.tick(NOON + HOUR)
    before = now.empty

    now.reconcile(recorded({}))

    assert (before, now.empty) == (False, True)
    assert now.reconcile(recorded(raised()[0].table())) == []


def test_what_time_brought_about_before_the_crash_is_told_as_the_same_again():
    """A held back return that a tick had told: the same id, and not that the alarm still stands."""
    alarms = Alarms(SETTINGS)
    for second in range(6):
        alarms.decide(limit(active=second % 2 == 0, ts=NOON + second))
    saved = restarted(alarms)
    (before, _tombstone) = alarms.tick(NOON + MINUTE + 5)

    told = compare(saved, {})

    assert said(told) == [("cleared", "normal", True)]
    assert told[0] == before


def test_by_the_event_clock_there_is_nothing_to_compare():
    """A replay writes to no topic."""
    assert Alarms(BY_EVENTS).reconcile(recorded(raised()[0].table())) == []


def test_an_alarm_whose_rule_is_gone_is_closed_before_it_is_compared():
    """It is removed once, not removed and then mended."""
    before, _identity = raised()

    told = Alarms.restore(Settings(), before.snapshot()).reconcile(recorded(before.table()))

    assert said(told) == [("removed", "normal", True)]
