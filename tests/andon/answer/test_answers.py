"""What became of a command."""

from dataclasses import replace

import click
import orjson
import pytest

from andon.answer.answers import SETTLE_S, Answers, command_of
from contracts.alarm_states import Hold, HoldState, hold_key
from contracts.commands import Scope, Verb, Verdict
from tests.alarm_states import T0, alarm_state

SOURCE = "andon.commands/0/7"
ALERT = alarm_state().alert


def shelf(**changed):
    """Shelve all alarms of a sensor."""
    given = {"asset": "press-1", "scope": Scope("temp"), "until_ms": T0 + 60_000, "by": "maria"} | changed
    return command_of(Verb.SHELVE, **given)


def asked(ask, *, ts_ms=T0):
    """A command was sent."""
    answers = Answers()
    answers.expect(ask, source=SOURCE, ts_ms=ts_ms)
    return answers


def hold_of(**parts):
    """The key and value of a record of what is held back."""
    state = HoldState(schema=1, asset="press-1", sensor="temp", **parts)
    return hold_key("press-1", state.scope), state.body()


def test_a_command_travels_with_what_was_given_and_nothing_else():
    """What the topic gets is what the reference page says."""
    ask = command_of(Verb.ACKNOWLEDGE, asset="press-1", alert=ALERT, by="maria", comment="valve")

    assert orjson.loads(ask.body) == {
        "command": "acknowledge",
        "asset": "press-1",
        "alert_id": ALERT.alert_id,
        "by": "maria",
        "comment": "valve",
    }
    assert ask.scope == Scope("temp", "limit", "hh")


def test_a_command_that_nobody_waits_for_any_more_is_forgotten():
    """A console that runs for years keeps nothing of those that were never answered."""
    given_up, other = shelf(comment="a"), shelf(comment="b")
    answers = asked(given_up)
    answers.expect(other, source="andon.commands/0/8", ts_ms=T0)

    answers.forget(given_up)

    assert answers.waiting == [other]


def test_the_scope_of_an_alarm_of_the_asset_as_a_whole_names_no_sensor():
    """Its hold stands under another key than one of all sensors."""
    whole = alarm_state(sensor=None, kind="stale", rule="silent").alert

    assert command_of(Verb.SUPPRESS, asset="press-1", alert=whole, by="maria").scope == Scope("", "stale", "silent")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"by": ""}, "by name is empty"),
        ({"asset": "x" * 300}, "asset name is longer"),
        ({"comment": "x" * 2000}, "comment has 2000 characters"),
        ({"scope": Scope(rule="hh")}, "rule needs kind"),
        ({"until_ms": None}, "shelve needs until"),
        ({"comment": "\ud800"}, "isn't valid text"),
    ],
)
def test_a_command_that_would_be_refused_is_not_sent(changed, words):
    """The person learns it at once, and not from a dead letter."""
    with pytest.raises(click.UsageError) as error:
        shelf(**changed)

    assert words in error.value.message


def test_an_acknowledgement_is_done_when_its_alert_comes():
    """The alert names the command that caused it."""
    ask = command_of(Verb.ACKNOWLEDGE, asset="press-1", alert=ALERT, by="maria")
    answers = asked(ask)

    answers.take_alert("andon.commands/0/8", ALERT, now_s=1.0)
    assert answers.decided(1.0) == []
    answers.take_alert(SOURCE, ALERT, now_s=2.0)
    (outcome,) = answers.decided(2.0)

    assert outcome == (ask, "", (ALERT,), None)
    assert answers.waiting == []


def test_a_shelf_is_done_when_its_hold_stands_though_no_alarm_does():
    """A shelf for alarms to come is answered too."""
    hold = Hold(by="maria", since_ts=T0, until_ts=T0 + 60_000)
    ask = shelf()
    answers = asked(ask)

    answers.take_hold(*hold_of(shelved=hold), now_s=1.0)

    assert answers.decided(1.0) == []
    assert answers.decided(1.0 + SETTLE_S) == [(ask, "", (), hold)]


def test_all_alerts_of_a_shelf_are_told_together():
    """Shelving an asset tells which alarms stand on it."""
    second = replace(ALERT, rule="h")
    answers = asked(shelf())

    answers.take_alert(SOURCE, ALERT, now_s=1.0)
    answers.take_alert(SOURCE, second, now_s=1.2)
    (outcome,) = answers.decided(1.0 + SETTLE_S)

    assert outcome.alerts == (ALERT, second)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        hold_of(shelved=Hold(by="maria", since_ts=T0 - 1, until_ts=T0 + 1)),
        hold_of(suppressed=Hold(by="maria", since_ts=T0)),
        (hold_key("press-1", Scope("temp")), None),
        (hold_key("press-1", Scope("temp")), b"{"),
        (hold_key("press-1", Scope(None)), hold_of(shelved=Hold(by="maria", since_ts=T0))[1]),
    ],
    ids=["an older shelf", "a suppression", "the end of one", "unreadable", "another scope"],
)
def test_what_others_hold_back_is_no_answer(key, value):
    """Two people at two screens don't answer each other."""
    answers = asked(shelf())

    answers.take_hold(key, value, now_s=1.0)

    assert answers.decided(99.0) == []
    assert len(answers.waiting) == 1


@pytest.mark.parametrize(
    "record",
    [(hold_key("press-1", Scope("temp")), None), hold_of(suppressed=Hold(by="tom", since_ts=T0 - 9))],
    ids=["nothing stands", "a suppression still stands"],
)
def test_an_end_is_done_when_the_hold_is_gone(record):
    """The shelf is over, whatever else holds the sensor back."""
    ask = command_of(Verb.UNSHELVE, asset="press-1", scope=Scope("temp"), by="maria")
    answers = asked(ask)

    answers.take_hold(*hold_of(shelved=Hold(by="maria", since_ts=T0 - 9, until_ts=T0 + 9)), now_s=1.0)
    assert answers.decided(99.0) == []
    answers.take_hold(record[0], b"{", now_s=1.0)
    assert answers.decided(99.0) == []
    answers.take_hold(*record, now_s=2.0)

    assert answers.decided(9.0) == [(ask, "", (), None)]


def test_a_refusal_is_told_at_once_with_its_reason():
    """The person can do it right the next time."""
    ask = shelf()
    answers = asked(ask)

    answers.take_refusal("andon.commands/1/7", "another command's")
    assert answers.decided(1.0) == []
    answers.take_refusal(SOURCE, "press-1 was never seen")

    assert answers.decided(1.0) == [(ask, "press-1 was never seen", (), None)]


def test_only_feedback_has_no_answer():
    """Whoever waits for it would wait in vain."""
    feedback = command_of(Verb.FEEDBACK, asset="press-1", alert=ALERT, verdict=Verdict.RESET, by="maria")

    assert not feedback.answers
    assert shelf().answers
