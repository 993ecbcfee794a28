"""Wishes as commands, and answers as notices."""

import json

import click
import pytest

from andon.answer.clerk import Answer
from andon.watch.command import ask_of, notice_of
from andon.watch.view import Acknowledge, Notice, Shelve, Unshelve
from contracts.commands import Scope, Verb
from tests.alarm_states import T0, alarm_state
from tests.andon.watched import hold, hold_state

ALERT = alarm_state().alert


@pytest.mark.parametrize(
    ("wish", "body"),
    [
        (
            Acknowledge(ALERT, "checking"),
            {"command": "acknowledge", "alert_id": ALERT.alert_id, "comment": "checking"},
        ),
        (Shelve(ALERT, 60_000, None), {"command": "shelve", "alert_id": ALERT.alert_id, "until": T0 + 60_000}),
        (
            Unshelve(hold_state(sensor="temp", kind="limit", shelved=hold())),
            {"command": "unshelve", "sensor": "temp", "kind": "limit"},
        ),
    ],
)
def test_a_wish_becomes_the_command_that_does_it(wish, body):
    """With the name of who asked for it."""
    ask = ask_of(wish, by="maria", now_ms=T0)

    assert ask.asset == "press-1"
    assert json.loads(ask.body) == {"asset": "press-1", "by": "maria"} | body


def test_the_shelf_that_is_ended_is_the_one_that_was_put_up():
    """The answer is listened for under its own key."""
    ask = ask_of(Unshelve(hold_state(sensor="", shelved=hold())), by="maria", now_ms=T0)

    assert ask.verb is Verb.UNSHELVE
    assert ask.scope == Scope("", None, None)


def test_what_andon_would_not_take_is_refused_before_it_is_sent():
    """With the words that a dead letter would have."""
    with pytest.raises(click.UsageError, match="by name is longer than 256 bytes"):
        ask_of(Acknowledge(ALERT, None), by="x" * 300, now_ms=T0)


def test_an_answer_says_what_was_done_or_why_not():
    """And about which place."""
    ask = ask_of(Acknowledge(ALERT, None), by="maria", now_ms=T0)

    assert notice_of(Answer(ask, "")) == Notice("Acknowledged: press-1 temp.", "done")
    assert notice_of(Answer(ask, "no alarm\n")) == Notice(
        "Acknowledging press-1 temp wasn't done: no alarm\\n", "failed"
    )
