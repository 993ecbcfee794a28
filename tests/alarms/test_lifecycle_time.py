"""What time does to alarms: shelves that end, maintenance, chatter; by ticks, and by the readings' own times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alarms.lifecycle import SKEW_MS, Alarms
from contracts.alarm_states import AlarmState
from contracts.alerts import event_id
from contracts.findings import Expected, Finding, Kind
from contracts.settings import Maintenance, Service, Settings

from .given import (
    BY_EVENTS,
    DAY,
    HOUR,
    KEY,
    MINUTE,
    NOON,
    RULES,
    SECOND,
    SETTINGS,
    alerts,
    command,
    limit,
    raised,
    said,
    states,
)


def maintained(*, clock: str = "wall", from_ms: int = 0, to_ms: int = HOUR) -> Settings:
    """Maintenance of all presses from and to so long after noon."""
    noon = datetime.fromtimestamp(NOON / 1000, UTC)
    entry = Maintenance(
        asset="press-*",
        start=noon + timedelta(milliseconds=from_ms),
        end=noon + timedelta(milliseconds=to_ms),
        comment="overhaul",
    )
    return Settings(rules=RULES, maintenance=(entry,), service=Service(clock=clock))


def chattering(settings: Settings = SETTINGS) -> Alarms:
    """An alarm that was raised and cleared at 0 and 10 s, and raised for the third time at 20 s after noon."""
    alarms = Alarms(settings)
    for start in (0, 10):
        alarms.decide(limit(ts=NOON + start * SECOND))
        alarms.decide(limit(active=False, ts=NOON + (start + 5) * SECOND))
    alarms.decide(limit(ts=NOON + 20 * SECOND))
    return alarms


def identity_in(alarms: Alarms) -> str:
    """The id of the alarm that stands."""
    return AlarmState.model_validate_json(alarms.table()[KEY]).alert.alert_id


# ── Shelves ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_shelf_ends_at_its_time_and_the_alarm_is_heard_again():
    """A shelf can't be forgotten."""
    alarms, identity = raised()
    alarms.obey(command("shelve", until=NOON + HOUR))

    early = alarms.tick(NOON + HOUR - 1)
    told = alarms.tick(NOON + HOUR + 700)

    assert early == []
    (alert,) = alerts(told)
    assert said(told) == [("unshelved", "active_unacked", True)]
    assert (alert.ts, alert.by, alert.alert_id) == (NOON + HOUR, None, identity)
    assert alert.message == "press-1 temp 97.1 degC above HH 95 degC; shelf ended, still active"
    assert told[1].event_id == event_id(alert=identity, transition="unshelved", cause=str(NOON + HOUR))
    assert states(told) == {"press-1/*/*/*/hold": None, KEY: states(told)[KEY]}


def test_shelves_that_end_together_are_told_once_for_each_alarm():
    """Two shelves, one moment, one transition: a consumer that drops known ids hears it."""
    alarms, _identity = raised()
    alarms.obey(command("shelve", until=NOON + HOUR))
    alarms.obey(command("shelve", until=NOON + HOUR, sensor="temp"))

    assert said(alarms.tick(NOON + HOUR)) == [("unshelved", "active_unacked", True)]


def test_the_end_of_a_shelf_within_another_is_not_heard():
    """Only when the last one ends."""
    alarms, _identity = raised()
    alarms.obey(command("shelve", until=NOON + HOUR))
    alarms.obey(command("shelve", until=NOON + 2 * HOUR, sensor="temp"))

    assert said(alarms.tick(NOON + HOUR)) == [("unshelved", "active_unacked", False)]
    assert said(alarms.tick(NOON + 2 * HOUR)) == [("unshelved", "active_unacked", True)]


def test_a_shelf_that_was_ended_by_hand_does_not_end_again():
    """Nothing is told twice."""
    alarms, _identity = raised()
    alarms.obey(command("shelve", until=NOON + HOUR))
    alarms.obey(command("unshelve"))

    assert alarms.tick(NOON + HOUR) == []


def test_a_shelf_ends_while_the_service_is_down():
    """The first tick after a start catches up."""
    alarms, _identity = raised()
    alarms.obey(command("shelve", until=NOON + HOUR))

    after = Alarms.restore(SETTINGS, alarms.snapshot())

    assert said(after.tick(NOON + DAY)) == [("unshelved", "active_unacked", True)]


def test_a_shelf_that_was_put_off_ends_behind_what_is_due_before_it():
    """What a late tick tells, and in which order, doesn't hang on a restart between two commands and the tick."""
    alarms = chattering()
    alarms.decide(limit(active=False, ts=NOON + 25 * SECOND))  # its clearing is held back for a minute
    alarms.obey(command("shelve", until=NOON + 2 * MINUTE))
    alarms.obey(command("shelve", until=NOON + 5 * MINUTE))
    alarms.obey(command("shelve", until=NOON + MINUTE, sensor="temp"))
    alarms.obey(command("shelve", until=NOON + 5 * MINUTE, sensor="temp"))
    after = Alarms.restore(SETTINGS, alarms.snapshot())

    told = alarms.tick(NOON + HOUR)

    assert after.tick(NOON + HOUR) == told
    assert said(told) == [("cleared", "normal", False)]


def test_by_the_event_clock_a_shelf_ends_when_its_asset_has_come_so_far():
    """A replay needs no wall clock; another press' readings say nothing."""
    alarms, _identity = raised(BY_EVENTS)
    alarms.obey(command("shelve", until=NOON + HOUR))

    assert alarms.clock("press-2", NOON + DAY) == alarms.clock("press-1", NOON + HOUR - 1) == []
    assert said(alarms.clock("press-1", NOON + HOUR)) == [("unshelved", "active_unacked", True)]


# ── Maintenance ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ts", "heard"), [(NOON - 1, True), (NOON, False), (NOON + HOUR - 1, False), (NOON + HOUR, True)]
)
@pytest.mark.parametrize("clock", ["wall", "event"])
def test_what_is_decided_in_maintenance_is_not_heard(ts, heard, clock):
    """By the time of the reading: also when a backlog is read the day after."""
    alarms = Alarms(maintained(clock=clock))

    told = alarms.decide(limit(ts=ts))

    assert said(told) == [("raised", "active_unacked", heard)]
    assert (states(told)[KEY].suppressed is None) is heard


def test_an_alarm_that_stands_is_suppressed_when_maintenance_begins_and_heard_when_it_ends():
    """The screen is quiet while the press is open, and tells in the end what is still wrong."""
    alarms, _identity = raised(maintained(from_ms=HOUR, to_ms=2 * HOUR))

    quiet = alarms.tick(NOON + HOUR - 1)
    begun = alarms.tick(NOON + HOUR + 500)
    between = alarms.tick(NOON + HOUR + 1500)
    ended = alarms.tick(NOON + 2 * HOUR)

    assert quiet == between == []
    assert said(begun) == [("suppressed", "active_unacked", False)]
    assert said(ended) == [("unsuppressed", "active_unacked", True)]
    first, last = alerts([*begun, *ended])
    assert (first.ts, first.by, first.comment) == (NOON + HOUR, "maintenance", "overhaul")
    assert first.message.endswith("; suppressed: maintenance (overhaul)")
    assert (last.ts, last.by) == (NOON + 2 * HOUR, "maintenance")
    assert last.message.endswith("; maintenance (overhaul) ended, still active")
    assert begun[0].event_id == event_id(alert=first.alert_id, transition="suppressed", cause=str(NOON + HOUR))
    assert states(begun)[KEY].suppressed.by == "maintenance"
    assert states(ended)[KEY].suppressed is None


def test_the_end_of_maintenance_is_not_heard_while_a_person_holds_the_alarm_back():
    """The last one to let go is heard."""
    alarms, _identity = raised(maintained())
    alarms.obey(command("suppress"))

    assert said(alarms.tick(NOON + HOUR)) == [("unsuppressed", "active_unacked", False)]
    assert said(alarms.obey(command("unsuppress"))) == [("unsuppressed", "active_unacked", True)]


def test_the_end_of_a_hold_is_not_heard_in_maintenance():
    """… whoever that is."""
    alarms, _identity = raised(maintained())
    alarms.obey(command("suppress"))

    assert said(alarms.obey(command("unsuppress"))) == [("unsuppressed", "active_unacked", False)]


def test_maintenance_that_was_missed_is_told_by_the_next_finding_in_its_order():
    """By data alone: a replay in one block says the same as one in thousands."""
    alarms, _identity = raised(maintained(clock="event", from_ms=MINUTE, to_ms=2 * MINUTE))

    told = alarms.decide(limit(active=False, ts=NOON + HOUR, onset_ts=NOON))

    assert said(told) == [
        ("suppressed", "active_unacked", False),
        ("unsuppressed", "active_unacked", True),
        ("cleared", "normal", True),
    ]
    assert [alert.ts - NOON for alert in alerts(told)] == [MINUTE, 2 * MINUTE, HOUR]


@pytest.mark.parametrize("clocks", [[], [HOUR]])
def test_whether_an_outer_limit_covers_is_judged_as_of_then(clocks):
    """hh was raised after the maintenance had ended: that end was heard, whether it is told before or after."""
    alarms, _identity = raised(maintained(clock="event", from_ms=MINUTE, to_ms=2 * MINUTE), rule="h")
    told = [one for ms in clocks for one in alarms.clock("press-1", NOON + ms)]

    told += alarms.decide(limit(rule="hh", ts=NOON + HOUR))

    assert [(alert.rule, alert.transition.value, alert.annunciated) for alert in alerts(told)] == [
        ("h", "suppressed", False),
        ("h", "unsuppressed", True),
        ("hh", "raised", True),
    ]


def test_after_an_outage_only_what_is_now_is_told_by_a_tick():
    """Nobody needs to hear of a maintenance that is over."""
    alarms, _identity = raised(maintained(from_ms=MINUTE, to_ms=2 * MINUTE))

    assert alarms.tick(NOON + HOUR) == []


def test_maintenance_that_is_taken_from_the_settings_ends_with_the_next_start():
    """An alarm isn't held back by an entry that no longer exists."""
    alarms, _identity = raised(maintained(to_ms=DAY))

    after = Alarms.restore(SETTINGS, alarms.snapshot())
    told = after.tick(NOON + MINUTE)

    assert said(told) == [("unsuppressed", "active_unacked", True)]
    assert alerts(told)[0].ts == NOON + MINUTE


def test_maintenance_that_is_moved_is_shown_as_it_is_now():
    """Still suppressed, only longer: the screen says until when, and nobody is disturbed."""
    alarms, _identity = raised(maintained(to_ms=HOUR))

    after = Alarms.restore(maintained(to_ms=2 * HOUR), alarms.snapshot())
    told = after.tick(NOON + MINUTE)

    assert said(told) == []
    assert states(told)[KEY].suppressed.until_ts == NOON + 2 * HOUR
    assert said(after.tick(NOON + 2 * HOUR)) == [("unsuppressed", "active_unacked", True)]


def test_a_jump_over_years_costs_weeks():
    """One wild time stamp doesn't make the calendar walk through a century."""
    noon = datetime.fromtimestamp(NOON / 1000, UTC)
    settings = Settings(
        rules=RULES,
        service=Service(clock="event"),
        maintenance=(Maintenance(days=("mon",), at="06:00", for_h=1), Maintenance(start=noon, end=noon + timedelta(1))),
    )
    alarms, _identity = raised(settings)

    told = alarms.decide(limit(active=False, ts=NOON + 40 * 365 * DAY, onset_ts=NOON))

    transitions = [alert.transition for alert in alerts(told)]
    assert transitions[0] == "unsuppressed"
    assert transitions[1:-1] == ["suppressed", "unsuppressed"] * 5
    assert transitions[-1] == "cleared"


# ── Chatter ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_third_raise_within_a_minute_says_that_it_chatters():
    """The operator sees why the next return will come late."""
    alarms = Alarms(SETTINGS)
    told = []
    for start in (0, 10, 20):
        told += alarms.decide(limit(ts=NOON + start * SECOND))
        told += alarms.decide(limit(active=False, ts=NOON + (start + 5) * SECOND))

    raises = [alert for alert in alerts(told) if alert.transition == "raised"]
    assert [alert.evidence.get("chattering") for alert in raises] == [None, None, 1]
    assert said(told)[-1][0] == "raised"
    assert states(told)[KEY].chattering is True
    assert alarms.chattering == 1


def test_a_held_back_return_is_told_when_its_time_has_passed():
    """The alarm ends, only later: and it says how much."""
    alarms = chattering()
    held = alarms.decide(limit(active=False, ts=NOON + 25 * SECOND))

    early = alarms.tick(NOON + 85 * SECOND - 1)
    told = alarms.tick(NOON + 85 * SECOND)

    assert held == early == []
    (alert,) = alerts(told)
    assert said(told) == [("cleared", "normal", True)]
    assert alert.ts == NOON + 85 * SECOND
    assert alert.evidence["held_back_ms"] == 60 * SECOND
    assert alert.message == (
        "press-1 temp 80.5 degC back below HH 95 degC after 5 s; told 1 min later, as it came again and again"
    )
    assert states(told) == {KEY: None}


def test_an_onset_while_a_return_is_held_back_makes_no_transition_and_doubles_the_wait():
    """One alarm on the screen instead of a hundred."""
    alarms = chattering()
    told = []
    for second in range(25, 60, 5):
        told += alarms.decide(limit(active=bool(second % 10 == 0), ts=NOON + second * SECOND))

    assert told == []
    told = alarms.tick(NOON + DAY)
    (alert,) = alerts(told)
    assert alert.evidence["held_back_ms"] == 480 * SECOND
    assert alert.ts == NOON + 55 * SECOND + 480 * SECOND


def test_quiet_for_ten_minutes_ends_it():
    """What lasts doesn't chatter: the mark goes, and the return is told at once."""
    alarms = chattering()

    told = alarms.tick(NOON + 20 * SECOND + 10 * MINUTE)
    cleared = alarms.decide(limit(active=False, ts=NOON + HOUR))

    assert said(told) == []
    assert states(told)[KEY].chattering is False
    assert alarms.chattering == 0
    assert said(cleared) == [("cleared", "normal", True)]


def test_quiet_ends_it_also_where_no_clock_has_told_so():
    """By data alone: the return comes after more than ten minutes."""
    alarms = chattering(BY_EVENTS)

    told = alarms.decide(limit(active=False, ts=NOON + HOUR))

    assert said(told) == [("cleared", "normal", True)]
    assert "held_back_ms" not in alerts(told)[0].evidence


def test_an_acknowledged_alarm_that_chatters_stays_acknowledged():
    """Whoever has seen it isn't asked again for each bounce."""
    alarms = chattering()
    alarms.obey(command("acknowledge", alert_id=identity_in(alarms)))
    alarms.decide(limit(active=False, ts=NOON + 25 * SECOND))

    assert alarms.decide(limit(ts=NOON + 30 * SECOND)) == []
    assert b'"state":"active_acked"' in alarms.table()[KEY]


def test_a_held_back_return_outlives_a_restart():
    """The state of a chattering alarm is saved whole."""
    alarms = chattering()
    alarms.decide(limit(active=False, ts=NOON + 25 * SECOND))

    after = Alarms.restore(SETTINGS, alarms.snapshot())

    assert after.chattering == 1
    assert said(after.tick(NOON + 85 * SECOND)) == [("cleared", "normal", True)]


def test_a_device_whose_clock_is_behind_is_held_back_as_long():
    """Held back is measured from when the finding came: a device an hour behind chatters no less."""
    alarms = Alarms(SETTINGS)
    alarms.tick(NOON + HOUR)
    for start in (0, 10):
        alarms.decide(limit(ts=NOON + start * SECOND))
        alarms.decide(limit(active=False, ts=NOON + (start + 5) * SECOND))
    alarms.decide(limit(ts=NOON + 20 * SECOND))
    alarms.tick(NOON + HOUR + 25 * SECOND)
    alarms.decide(limit(active=False, ts=NOON + 25 * SECOND))

    assert alarms.tick(NOON + HOUR + 84 * SECOND) == []
    assert said(alarms.tick(NOON + HOUR + 85 * SECOND)) == [("cleared", "normal", True)]


def test_by_the_event_clock_other_sensors_are_believed_a_little_later():
    """The sensors of a press run some seconds apart: how blocks were cut mustn't decide what is told."""
    alarms = chattering(BY_EVENTS)
    alarms.decide(limit(active=False, ts=NOON + 25 * SECOND))

    assert alarms.clock("press-1", NOON + 85 * SECOND + SKEW_MS - 1) == []
    told = alarms.clock("press-1", NOON + 85 * SECOND + SKEW_MS)

    assert said(told) == [("cleared", "normal", True)]
    assert alerts(told)[0].ts == NOON + 85 * SECOND


def test_what_is_over_is_forgotten_in_time():
    """A group of quiet assets costs nothing."""
    alarms, _identity = raised(BY_EVENTS)
    alarms.decide(limit(active=False, ts=NOON + SECOND))

    assert not alarms.empty
    assert alarms.clock("press-1", NOON + 10 * MINUTE + SKEW_MS) == []
    assert alarms.empty
    assert alarms.snapshot()["alarms"] == []


def test_a_tick_that_is_not_due_looks_at_nothing():
    """Ten thousand alarms, one comparison."""
    alarms = Alarms(SETTINGS)
    for number in range(100):
        alarms.decide(limit(asset=f"press-{number}"))
    waiting = len(alarms._deadlines._lines[""])

    alarms.tick(NOON + 10 * MINUTE - 1)
    after = len(alarms._deadlines._lines[""])
    alarms.tick(NOON + 10 * MINUTE)

    assert (waiting, after) == (100, 100)
    assert alarms._deadlines._lines == {}


# ── Rules that are gone ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["tick", "clock", "decide"])
def test_an_alarm_whose_rule_is_gone_is_closed_by_the_next_start(way):
    """Nothing could clear it any more."""
    alarms, identity = raised()
    other = Finding(
        asset="oven", sensor="s", kind=Kind.STALE, rule="silent", active=True, onset_ts=NOON + 7, ts=NOON + 7,
        expected=Expected(), evidence={"after_ms": 30_000, "last_ts": NOON},
    )  # fmt: skip

    after = Alarms.restore(Settings(), alarms.snapshot())
    steps = {"tick": lambda: after.tick(NOON + 7), "clock": lambda: after.clock("x", NOON + 7)}
    told = steps.get(way, lambda: after.decide(other))()

    assert said(told)[0] == ("removed", "normal", True)
    assert (alerts(told)[0].ts, alerts(told)[0].alert_id) == (NOON + 7, identity)
    assert alerts(told)[0].message == "press-1 temp 97.1 degC above HH 95 degC; no longer watched"
    assert states(told)[KEY] is None
    assert after.tick(NOON + 8) == []
