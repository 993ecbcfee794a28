"""What people do to alarms: acknowledge, shelve, suppress, take out of service; and what is told of it."""

from __future__ import annotations

import pytest

from alarms.lifecycle import Alarms
from contracts.alerts import event_id
from contracts.settings import Limit, Rule, Settings

from .given import HOUR, KEY, MINUTE, NOON, RULES, SETTINGS, alerts, command, limit, raised, refusal, said, states

HOLD = "press-1/temp/*/*/hold"
EXACT = "press-1/temp/limit/hh/hold"
VERBS = [("shelve", "unshelve"), ("suppress", "unsuppress"), ("out_of_service", "in_service")]
BEGUN = {"shelve": "shelved", "suppress": "suppressed", "out_of_service": "out_of_service"}
ENDED = {"unshelve": "unshelved", "unsuppress": "unsuppressed", "in_service": "in_service"}


def hold(verb: str, *, ts: int = NOON, **given):
    """A command that begins a hold; a shelf for an hour."""
    more = {"until": ts + HOUR} if verb == "shelve" else {}
    return command(verb, ts=ts, **more, **given)


def test_an_acknowledged_alarm_is_active_until_its_condition_ends():
    """Whoever looks at it does not switch it off."""
    alarms, identity = raised()

    acknowledged = alarms.obey(command("acknowledge", alert_id=identity))
    cleared = alarms.decide(limit(active=False, ts=NOON + MINUTE))

    assert said(acknowledged) == [("acknowledged", "active_acked", True)]
    assert said(cleared) == [("cleared", "normal", True)]
    assert states(cleared) == {KEY: None}


def test_where_it_is_asked_for_an_alarm_that_is_over_stays_until_it_is_acknowledged():
    """What happened while nobody was looking is still there afterwards."""
    alarms, identity = raised(sensor="flow")

    cleared = alarms.decide(limit(sensor="flow", active=False, ts=NOON + MINUTE, onset_ts=NOON))
    acknowledged = alarms.obey(command("acknowledge", alert_id=identity, ts=NOON + HOUR))

    assert said(cleared) == [("cleared", "returned_unacked", True)]
    assert states(cleared)["press-1/flow/limit/hh"].said == "press-1 flow 80.5 l/s back below HH 95 l/s after 1 min"
    assert said(acknowledged) == [("acknowledged", "normal", True)]
    assert alarms.table() == {}


def test_an_alarm_that_returns_unacknowledged_names_the_one_before():
    """The second time is another episode, and the first isn't forgotten."""
    alarms, identity = raised(sensor="flow")
    alarms.decide(limit(sensor="flow", active=False, ts=NOON + MINUTE))

    (again,) = alerts(alarms.decide(limit(sensor="flow", ts=NOON + HOUR)))

    assert again.transition == "raised"
    assert again.alert_id != identity
    assert again.evidence["previous_alert_id"] == identity
    assert refusal(alarms.obey(command("acknowledge", alert_id=identity)))


def test_an_acknowledged_alarm_comes_back_unacknowledged():
    """A new episode is news, whoever saw the last one."""
    alarms, identity = raised()
    alarms.obey(command("acknowledge", alert_id=identity))
    alarms.decide(limit(active=False, ts=NOON + MINUTE))

    told = alarms.decide(limit(ts=NOON + HOUR))

    assert said(told) == [("raised", "active_unacked", True)]
    assert states(told)[KEY].acknowledged is None


@pytest.mark.parametrize(("begin", "end"), VERBS)
def test_a_hold_makes_an_alarm_quiet_and_its_end_makes_it_heard(begin, end):
    """What is held back goes on in the record, and comes back when it is let go."""
    alarms, _identity = raised()

    begun = alarms.obey(hold(begin, sensor="temp"))
    over = alarms.decide(limit(active=False, ts=NOON + MINUTE))
    again = alarms.decide(limit(ts=NOON + 2 * MINUTE))
    ended = alarms.obey(command(end, sensor="temp", ts=NOON + 3 * MINUTE))

    assert said(begun) == [(BEGUN[begin], "active_unacked", False)]
    assert said(over) == [("cleared", "normal", False)]
    assert said(again) == [("raised", "active_unacked", False)]
    assert said(ended) == [(ENDED[end], "active_unacked", True)]
    assert getattr(states(begun)[HOLD], BEGUN[begin]).by == "maria"
    assert getattr(states(again)[KEY], BEGUN[begin]).by == "maria"
    assert states(ended)[HOLD] is None
    assert getattr(states(ended)[KEY], BEGUN[begin]) is None


@pytest.mark.parametrize(("begin", "end"), VERBS)
def test_a_hold_where_nothing_stands_is_kept_for_what_may_come(begin, end):
    """Maintenance is announced before the press is opened."""
    alarms = Alarms(SETTINGS)

    begun = alarms.obey(hold(begin, sensor="temp"))
    told = alarms.decide(limit())
    other = alarms.decide(limit(sensor="flow"))
    alarms.decide(limit(active=False, ts=NOON + MINUTE))
    ended = alarms.obey(command(end, sensor="temp", ts=NOON + 2 * MINUTE))

    assert list(states(begun)) == [HOLD]
    assert said(told) == [("raised", "active_unacked", False)]
    assert said(other) == [("raised", "active_unacked", True)]
    assert states(ended) == {HOLD: None}


def test_only_the_end_of_the_last_hold_is_heard():
    """Shelved by one and suppressed by another: quiet until both let go."""
    alarms, _identity = raised()
    alarms.obey(hold("shelve"))
    alarms.obey(hold("suppress", sensor="temp"))
    alarms.obey(hold("out_of_service", sensor="temp"))

    first = alarms.obey(command("unshelve"))
    second = alarms.obey(command("in_service", sensor="temp"))
    third = alarms.obey(command("unsuppress", sensor="temp"))

    assert said(first) == [("unshelved", "active_unacked", False)]
    assert said(second) == [("in_service", "active_unacked", False)]
    assert said(third) == [("unsuppressed", "active_unacked", True)]


def test_the_end_of_a_hold_on_an_inner_limit_is_not_heard_while_the_outer_one_is_active():
    """The operator knows already that the press is too hot."""
    alarms, _identity = raised(rule="h")
    alarms.decide(limit(rule="hh", ts=NOON + 1))
    alarms.obey(hold("suppress", sensor="temp", kind="limit", rule="h"))

    ended = alarms.obey(command("unsuppress", sensor="temp", kind="limit", rule="h"))

    assert said(ended) == [("unsuppressed", "active_unacked", False)]


def test_the_end_of_a_hold_on_an_alarm_that_is_over_is_not_heard():
    """It waits to be acknowledged, and disturbs nobody."""
    alarms, _identity = raised(sensor="flow")
    alarms.obey(hold("suppress"))
    alarms.decide(limit(sensor="flow", active=False, ts=NOON + MINUTE))

    ended = alarms.obey(command("unsuppress"))

    assert said(ended) == [("unsuppressed", "returned_unacked", False)]


def test_acknowledging_what_is_held_back_is_not_heard():
    """Nothing held is annunciated, whatever happens to it."""
    alarms, identity = raised()
    alarms.obey(hold("shelve"))

    assert said(alarms.obey(command("acknowledge", alert_id=identity))) == [("acknowledged", "active_acked", False)]


def test_a_hold_by_alert_id_is_of_exactly_that_alarm():
    """Shelving one alarm of a sensor leaves its others audible, and outlives the episode."""
    alarms, identity = raised()

    begun = alarms.obey(hold("shelve", alert_id=identity))
    other = alarms.decide(limit(sensor="flow"))
    alarms.decide(limit(active=False, ts=NOON + MINUTE))
    again = alarms.decide(limit(ts=NOON + 2 * MINUTE))

    assert list(states(begun)) == [EXACT, KEY]
    assert said(other) == [("raised", "active_unacked", True)]
    assert said(again) == [("raised", "active_unacked", False)]
    assert said(alarms.obey(command("unshelve", alert_id=alerts(again)[0].alert_id))) == [
        ("unshelved", "active_unacked", True)
    ]


def test_a_hold_on_an_asset_tells_of_each_of_its_alarms_and_of_no_other():
    """One command for the whole press."""
    alarms = Alarms(SETTINGS)
    for finding in (limit(), limit(sensor="flow"), limit(asset="press-2")):
        alarms.decide(finding)

    told = alarms.obey(hold("suppress", comment="rebuilding"))

    assert [alert.sensor for alert in alerts(told)] == ["temp", "flow"]
    assert alerts(told)[0].message == (
        "press-1 temp 97.1 degC above HH 95 degC; suppressed by maria: rebuilding"
    )  # fmt: skip
    assert len({event_id(alert=alert.alert_id, transition="x", cause="y") for alert in alerts(told)}) == 2


def test_feedback_is_not_for_the_alarms():
    """What a person says of an anomaly is for those who learn."""
    alarms, identity = raised()
    before = alarms.snapshot()

    assert alarms.obey(command("feedback", alert_id=identity, verdict="false_alarm")) == []
    assert alarms.snapshot() == before


def test_how_many_stand_is_known_at_any_time():
    """The figures on the wall are those of the plant."""
    settings = Settings(rules=(*RULES, Rule(asset="oven", limit=Limit(h=1), unit="K")))
    alarms = Alarms(settings)
    for finding in (limit(), limit(rule="h"), limit(sensor="flow"), limit(asset="press-2")):
        alarms.decide(finding)
    identity = alerts(alarms.decide(limit(sensor="flow", asset="press-2")))[0].alert_id
    alarms.obey(command("acknowledge", asset="press-2", alert_id=identity))
    alarms.decide(limit(sensor="flow", active=False, ts=NOON + 1))

    assert dict(alarms.standing()) == {("limit", "critical"): 3, ("limit", "high"): 1}
    assert alarms.old(NOON + 24 * HOUR) == 0
    assert alarms.old(NOON + 24 * HOUR + 1) == 4
    assert alarms.chattering == 0
    assert Alarms.restore(settings, alarms.snapshot()).standing() == alarms.standing()
