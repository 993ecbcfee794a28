"""What an Alertmanager should know of what stands."""

from dataclasses import replace

import pytest

from andon.notify.notices import ALERT_NAMES, WATCHER_SILENT_S, Notices, iso_time, notice_of, watcher_notice
from andon.table import Table, Watching
from contracts.alarm_states import Hold, alarm_key
from contracts.alerts import Contribution, State
from contracts.findings import RULES, Kind
from contracts.limits import TS_MS_MAX
from tests.alarm_states import T0, alarm_state, heartbeat

MARIA = Hold(by="maria", comment="on my way", since_ts=T0)


def take(table, state, *, stands=True):
    """Put an alarm into the table, or take it out; its key."""
    alert = state.alert
    key = alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule)
    table.take(key.encode(), state.body() if stands else None)
    return key


def rules_of(notices):
    """The rules of what should fire."""
    return sorted(dict(labels)["rule"] for labels in notices.wanted())


def changed(state, **alert):
    """The alarm with another newest alert."""
    return state.model_copy(update={"alert": replace(state.alert, **alert)})


def test_labels_name_the_alarm_and_annotations_tell_of_it():
    """Routes go by few labels, and who is called reads what an operator reads."""
    state = alarm_state(evidence={"limit": 95.0, "nothing": None, "first_up": ["a", "b"]})

    notice = notice_of(state, link="https://plant/{asset}?s={sensor}&id={alert_id}")

    assert dict(notice.labels) == {
        "alertname": "AndonLimit",
        "asset": "press-1",
        "kind": "limit",
        "priority": "critical",
        "rule": "hh",
        "sensor": "temp",
        "site": "plant-1",
    }
    assert dict(notice.annotations) == {
        "summary": state.said,
        "description": "limit 95; first_up a, b",
        "alert_id": state.alert.alert_id,
        "state": "unacknowledged",
        "value": "97.25 degC",
        "expected": "at most 95 degC",
    }
    assert notice.starts_ms == T0
    assert notice.link == f"https://plant/press-1?s=temp&id={state.alert.alert_id}"


def test_every_rule_of_an_asset_is_an_alert_of_its_own():
    """Two alarms never become one there, or the end of the one would end the other."""
    states = [
        alarm_state(kind=kind, rule=rule, sensor=sensor)
        for kind in Kind
        for rule in RULES[kind]
        for sensor in ("temp", None)
    ]

    labels = {notice_of(state).labels for state in states}

    assert len(labels) == len(states)
    assert {dict(each)["alertname"] for each in labels} < ALERT_NAMES


def test_an_alarm_of_the_whole_asset_has_no_label_of_a_sensor():
    """Alertmanager drops empty labels; ours must be comparable with its."""
    notice = notice_of(alarm_state(kind=Kind.STALE, rule="silent", sensor=None, value=None, high=None, evidence={}))

    assert "sensor" not in dict(notice.labels)
    assert list(dict(notice.annotations)) == ["summary", "alert_id", "state"]


def test_who_acknowledged_an_alarm_is_said_and_it_goes_on_firing():
    """Acknowledged isn't over."""
    notice = notice_of(alarm_state(state=State.ACTIVE_ACKED, acknowledged=MARIA))

    assert dict(notice.annotations)["state"] == "acknowledged by maria at 2023-11-14T22:13:20.000Z: on my way"


@pytest.mark.parametrize(
    "state",
    [
        alarm_state(shelved=MARIA),
        alarm_state(suppressed=MARIA),
        alarm_state(out_of_service=MARIA),
        alarm_state(state=State.RETURNED_UNACKED),
        alarm_state(state=State.NORMAL),
        alarm_state(annunciated=False),
        alarm_state(rule="h", shelved=MARIA),
    ],
)
def test_what_is_held_back_or_over_calls_nobody(state):
    """What the control room doesn't hear, a pager doesn't either."""
    assert notice_of(state) is None


@pytest.mark.parametrize(("inner", "outer"), [("h", "hh"), ("l", "ll")])
def test_an_inner_limit_that_came_with_the_outer_one_waits_until_that_is_over(inner, outer):
    """A jump beyond both limits is one call; when the outer one is over and the inner one isn't, that is told."""
    table, notices = Table(), Notices("plant-1", started_ms=T0)
    notices.update(take(table, alarm_state(rule=outer)), table)
    notices.update(take(table, alarm_state(rule=inner, annunciated=False)), table)
    assert rules_of(notices) == [outer]

    assert notices.update(take(table, alarm_state(rule=outer), stands=False), table)

    assert rules_of(notices) == [inner]


def test_an_inner_limit_that_fires_goes_on_when_the_outer_one_follows():
    """No page says that it is over while the value climbs; not either when somebody acknowledges the first."""
    table, notices = Table(), Notices("plant-1", started_ms=T0)
    notices.update(take(table, alarm_state(rule="h")), table)
    notices.update(take(table, alarm_state(rule="hh", onset_ts=T0 + 5_000)), table)

    notices.update(take(table, alarm_state(rule="h", state=State.ACTIVE_ACKED, annunciated=False)), table)

    assert rules_of(notices) == ["h", "hh"]


def test_an_outer_limit_that_is_over_but_not_acknowledged_covers_nothing():
    """It stays listed until somebody says that he has seen it; the inner limit is still exceeded."""
    outer = alarm_state(rule="hh", state=State.RETURNED_UNACKED)

    assert notice_of(alarm_state(rule="h", annunciated=False), outer) is not None


def test_limits_of_other_sensors_cover_nothing():
    """Each sensor has limits of its own."""
    table, notices = Table(), Notices("plant-1", started_ms=T0)
    notices.update(take(table, alarm_state(rule="hh", sensor="flow")), table)
    notices.update(take(table, alarm_state(rule="h", sensor="temp")), table)

    assert rules_of(notices) == ["h", "hh"]


def test_a_new_priority_is_a_new_alert_in_place_of_the_old():
    """Somebody raised the severity in the settings: the old alert must not stay beside the new one."""
    table, notices = Table(), Notices("plant-1", started_ms=T0)
    notices.update(take(table, alarm_state(severity=650)), table)
    notices.update(take(table, alarm_state(severity=900)), table)

    assert [dict(labels)["priority"] for labels in notices.wanted()] == ["critical"]


def test_only_what_changes_a_notice_is_news():
    """A heartbeat, a repeated record, an alarm that is shelved already: nobody is told again."""
    table, notices = Table(), Notices("plant-1", started_ms=T0)
    key = take(table, alarm_state())

    assert notices.update(key, table)
    assert not notices.update(key, table)
    assert not notices.update("_heartbeat/plant-1/host", table)
    assert notices.update(take(table, alarm_state(shelved=MARIA)), table)
    assert not notices.update(take(table, alarm_state(shelved=MARIA), stands=False), table)
    assert notices.wanted() == {}


@pytest.mark.parametrize(
    ("watching", "said"),
    [
        (Watching("silent", T0, "…"), "no heartbeat of `andon run` since 2023-11-14T22:13:20.000Z"),
        (Watching("stopped", T0, "…"), "was stopped in good order at 2023-11-14T22:13:20.000Z"),
        (Watching("never", None, "…"), "has never given a heartbeat"),
    ],
)
def test_a_watcher_that_is_silent_for_too_long_is_told_of(watching, said):
    """A quiet plant can be told from a dead watcher; a restart in good order disturbs nobody."""
    late_ms = T0 + WATCHER_SILENT_S * 1000
    within = watcher_notice(watching, "plant-1", started_ms=T0, now_ms=late_ms)
    beyond = watcher_notice(watching, "plant-1", started_ms=T0, now_ms=late_ms + 1)
    later = watcher_notice(watching, "plant-1", started_ms=T0, now_ms=late_ms + 60_000)

    assert within is None
    assert dict(beyond.labels) == {"alertname": "AndonWatcherSilent", "priority": "critical", "site": "plant-1"}
    assert said in dict(beyond.annotations)["summary"]
    assert beyond.starts_ms == T0
    assert later == beyond  # or it would be posted anew every second


def test_a_watcher_that_is_back_ends_the_call():
    """A heartbeat, and all is well."""
    table, notices = Table(), Notices("plant-1", started_ms=T0)
    late_ms = T0 + WATCHER_SILENT_S * 1000 + 1
    assert notices.heed(table.watching(late_ms), late_ms)
    assert len(notices.wanted()) == 1

    table.take(b"_heartbeat/plant-1/host", heartbeat(ts=late_ms).body())

    assert notices.heed(table.watching(late_ms), late_ms)
    assert not notices.heed(table.watching(late_ms), late_ms)
    assert notices.wanted() == {}


def test_shares_are_told_of_an_asset_and_chatter_of_any_alarm():
    """Who is called knows where to look first, and that the alarm comes and goes."""
    state = changed(
        alarm_state(kind=Kind.ANOMALY, rule="asset", sensor=None, evidence={}, chattering=True),
        contributions=(Contribution(sensor="temp", share=0.75), Contribution(sensor="flow", share=0.25)),
    )

    description = dict(notice_of(state).annotations)["description"]

    assert description == "temp 75%; flow 25%; chattering: it comes and goes, its end is held back"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(1.0, 2.5, "1 to 2.5 degC"), (1.0, None, "at least 1 degC"), (None, 2.5, "at most 2.5 degC"), (None, None, None)],
)
def test_what_was_expected_is_said_in_words(low, high, said):
    """A range, or one end of it."""
    state = alarm_state()
    expected = replace(state.alert.expected, low=low, high=high)

    assert dict(notice_of(changed(state, expected=expected)).annotations).get("expected") == said


def test_names_in_a_link_are_encoded():
    """A name of the plant can't lead elsewhere."""
    notice = notice_of(alarm_state(asset="a/b?c", sensor=None), link="https://plant/{asset}/{sensor}")

    assert notice.link == "https://plant/a%2Fb%3Fc/"


@pytest.mark.parametrize(
    ("ts_ms", "said"),
    [(-1, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (10**30, "9999-12-31T23:59:59.999Z")],
)
def test_a_time_that_no_calendar_knows_is_cut(ts_ms, said):
    """A record with a senseless time doesn't end the program."""
    assert iso_time(ts_ms) == said
    assert iso_time(TS_MS_MAX) == "9999-12-31T23:59:59.999Z"
