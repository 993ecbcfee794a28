"""What is written of an alarm is what the published models would write, to the byte."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from alarms.alarm import Alarm
from alarms.holds import Act, Holding
from alarms.lifecycle import Alarms
from alarms.records import Writer, severity_of, state_record
from contracts.alarm_states import AlarmState
from contracts.alerts import State, Transition, event_id, read_alert
from contracts.calendar import Span
from contracts.findings import Expected, Finding, Kind, Share, Window
from contracts.settings import Limit, Rule, Settings

from .given import BY_EVENTS, KEY, NOON, SETTINGS, alerts, command, limit, raised, states

HOLDS = [
    Holding(),
    Holding(shelved=Act("maria", "checking\nthe „valve“", NOON, NOON + 1)),
    Holding(suppressed=Act("jo", None, NOON), out_of_service=Act("li", "", NOON)),
]


def standing() -> Alarm:
    """An alarm with all that a record can tell."""
    alarm = Alarm(asset="press-1", sensor="temp", kind=Kind.LIMIT, rule="hh", state=State.ACTIVE_UNACKED)
    alarm.alert_id = alarm.name(NOON)
    alarm.onset_ts, alarm.raised_ts, alarm.severity = NOON, NOON + 5000, 900
    Writer(SETTINGS).from_finding(
        alarm, limit(onset_ts=NOON, ts=NOON + 5000), Transition.RAISED, ts=NOON + 5000, annunciated=True, more={}
    )
    return alarm


@pytest.mark.parametrize("holding", HOLDS)
@pytest.mark.parametrize("span", [None, Span(NOON, NOON + 1, "annual overhaul")])
@pytest.mark.parametrize("acknowledged", [None, Act("maria", None, NOON)])
def test_a_state_record_is_what_its_model_would_write(holding, span, acknowledged):
    """Whoever reads the topic by the published model gets the same bytes."""
    alarm = standing()
    alarm.acknowledged, alarm.maintained = acknowledged, span

    record = state_record(alarm, holding)

    assert record.key == KEY
    assert record.body is not None
    state = AlarmState.model_validate_json(record.body)
    assert state.body() == record.body
    assert state.alert.body() == alarm.body
    assert (state.said, state.raised_ts) == (alarm.said, NOON + 5000)


def test_maintenance_is_shown_as_who_suppresses_unless_a_person_does():
    """The operator sees whom to ask."""
    alarm = standing()
    alarm.maintained = Span(NOON, NOON + 7, "annual overhaul")

    by_calendar = AlarmState.model_validate_json(state_record(alarm).body or b"").suppressed
    by_person = AlarmState.model_validate_json(state_record(alarm, HOLDS[2]).body or b"").suppressed

    assert by_calendar is not None
    assert (by_calendar.by, by_calendar.comment) == ("maintenance", "annual overhaul")
    assert (by_calendar.since_ts, by_calendar.until_ts) == (NOON, NOON + 7)
    assert by_person is not None
    assert by_person.by == "jo"


def test_an_alarm_that_is_normal_is_a_tombstone():
    """The topic holds what isn't normal, and nothing else."""
    alarm = standing()
    alarm.state = State.NORMAL

    assert state_record(alarm).body is None


def test_what_a_person_does_repeats_the_alert_and_changes_what_he_did():
    """A consumer of acknowledgements needs no memory of what was raised."""
    alarms, identity = raised()
    (first,) = alerts(Alarms(SETTINGS).decide(limit()))
    given = command("acknowledge", alert_id=identity, comment="checking\nthe valve", ts=NOON + 9000)

    record, _state = alarms.obey(given)

    changed = {
        "transition": Transition.ACKNOWLEDGED,
        "state": State.ACTIVE_ACKED,
        "ts": NOON + 9000,
        "by": "maria",
        "comment": "checking\nthe valve",
        "message": "press-1 temp 97.1 degC above HH 95 degC; acknowledged by maria: checking the valve",
    }
    assert record.alert == replace(first, **changed)
    assert record.event_id == event_id(alert=identity, transition="acknowledged", cause=given.origin.cause)
    assert record.source == given.origin.source
    assert record.config == SETTINGS.rule("press-1", "temp").config_hash


def test_what_stands_tells_the_condition_without_what_was_done_about_it():
    """A screen shows the condition in one column and the people in another."""
    alarms, identity = raised()

    told = alarms.obey(command("acknowledge", alert_id=identity))

    state = states(told)[KEY]
    assert state.said == "press-1 temp 97.1 degC above HH 95 degC"
    assert state.acknowledged.by == "maria"


def test_figures_of_models_are_short_and_figures_of_people_are_exact():
    """A limit set to 1234567.8 is repeated as it was set; a model's score needs six digits."""
    exact = Finding(
        asset="a", sensor="s", kind=Kind.LIMIT, rule="h", active=True, onset_ts=1, ts=2, value=1234568.9,
        expected=Expected(None, 1234567.8), evidence={"limit": 1234567.8},
    )  # fmt: skip
    short = Finding(
        asset="a", sensor="s", kind=Kind.ANOMALY, rule="sensor", active=True, onset_ts=1, ts=2, value=1.0,
        expected=Expected(0.1234567891, 2.0), score=3.14159265358, rank=0.5, window=Window(0, 60_000, 60),
    )  # fmt: skip

    (exactly,), (shortly,) = (alerts(Alarms(Settings()).decide(finding)) for finding in (exact, short))

    assert exactly.expected.high == 1234567.8
    assert (shortly.score, shortly.expected.low) == (3.14159, 0.123457)


@pytest.mark.parametrize(
    ("kind", "rule", "severity"),
    [
        (Kind.LIMIT, "hh", 901),
        (Kind.LIMIT, "h", 650),
        (Kind.STALE, "silent", 500),
        (Kind.DRIFT, "level", 300),
        (Kind.RATE, "rise", 500),
        (Kind.CAPACITY, "series", 500),
    ],
)
def test_severity_is_what_the_settings_say_or_the_middle(kind, rule, severity):
    """A kind that the settings know nothing of (any more) is neither a panic nor a trifle."""
    settings = Settings(rules=(Rule(limit=Limit(hh=9, h=8, severity={"hh": 901})),))
    finding = Finding(asset="a", sensor="s", kind=kind, rule=rule, active=True, onset_ts=1, ts=1)

    assert severity_of(finding, settings.rule("a", "s")) == severity


def test_an_alert_of_an_asset_ranks_its_sensors():
    """An anomaly of the whole press says which sensors are to blame."""
    finding = Finding(
        asset="press-1", sensor=None, kind=Kind.ANOMALY, rule="asset", active=True, onset_ts=1, ts=1,
        contributions=(Share("temp", 0.75), Share("flow", 0.25)),
    )  # fmt: skip

    (alert,) = alerts(Alarms(SETTINGS).decide(finding))

    assert [(part.sensor, part.share) for part in alert.contributions] == [("temp", 0.75), ("flow", 0.25)]
    assert (alert.sensor, alert.unit) == (None, None)


def test_thousands_of_alarms_cost_about_two_kilobytes_each():
    """A plant that goes down as a whole doesn't take its watcher with it."""
    count = 2000
    alarms = Alarms(BY_EVENTS)
    findings = [limit(asset=f"press-{number}") for number in range(count)]
    tracemalloc.start()

    for finding in findings:
        alarms.decide(finding)

    used, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(alarms.table()) == count
    assert used / count < 2500


def test_an_alert_that_is_kept_can_be_read_again():
    """The newest alert, as it is kept, is the alert that was written."""
    alarm = standing()

    assert read_alert(alarm.body).body() == alarm.body
