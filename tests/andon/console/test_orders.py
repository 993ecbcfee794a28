"""What the page asks for becomes the command that the terminal would send, or a sentence that says why not."""

import click
import orjson
import pytest

from andon.answer.clerk import Answer
from andon.console.orders import Counter, ask_of
from andon.table import Table
from console.plant import Order
from contracts.commands import Scope
from tests.alarm_states import T0, alarm_state
from tests.console.plants import state_record

STATE = alarm_state()
ALERT = STATE.alert


@pytest.fixture
def table():
    """One alarm stands."""
    table = Table()
    table.take(*state_record(STATE))
    return table


def asked(table, **document):
    return ask_of(Order(document=document, by="maria"), table, now_ms=T0)


def test_a_shelf_is_about_the_one_alarm_and_ends(table):
    """`for_s` from now; which alarm, by its id."""
    ask = asked(table, command="shelve", asset="press-1", alert_id=ALERT.alert_id, for_s=60, comment="cleaning")

    assert orjson.loads(ask.body) == {
        "command": "shelve",
        "asset": "press-1",
        "alert_id": ALERT.alert_id,
        "until": T0 + 60_000,
        "by": "maria",
        "comment": "cleaning",
    }
    assert ask.scope == Scope("temp", "limit", "hh")


def test_a_shelf_may_be_wider(table):
    """All of a sensor; what isn't given is all."""
    ask = asked(table, command="shelve", asset="press-1", sensor="temp", for_s=60)

    assert ask.scope == Scope("temp", None, None)
    assert "alert_id" not in orjson.loads(ask.body)


def test_an_empty_comment_is_none(table):
    """An alert has a comment or it hasn't."""
    ask = asked(table, command="acknowledge", asset="press-1", alert_id=ALERT.alert_id, comment="")

    assert "comment" not in orjson.loads(ask.body)


def test_who_it_is_by_is_not_for_the_page_to_say(table):
    """A key `by` in what is sent changes nothing."""
    ask = asked(table, command="acknowledge", asset="press-1", alert_id=ALERT.alert_id, by="the boss")

    assert orjson.loads(ask.body)["by"] == "maria"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "command is none of"),
        ({"command": ["x"]}, "command is none of"),
        ({"command": "acknowledge", "asset": 7}, "asset is text"),
        ({"command": "acknowledge", "asset": "press-1"}, "acknowledge needs alert_id"),
        ({"command": "shelve", "asset": "press-1"}, "shelve needs until"),
        ({"command": "shelve", "asset": "press-1", "for_s": 1.5}, "whole seconds"),
        ({"command": "shelve", "asset": "press-1", "for_s": True}, "whole seconds"),
        ({"command": "shelve", "asset": "press-1", "for_s": 10**15}, "until is outside"),
        (
            {"command": "feedback", "asset": "press-1", "alert_id": ALERT.alert_id, "verdict": "no"},
            "verdict is none of",
        ),
        ({"command": "feedback", "asset": "press-1", "alert_id": ALERT.alert_id, "verdict": []}, "verdict is none of"),
        ({"command": "shelve", "asset": "press-1", "kind": ["limit"], "for_s": 5}, "kind"),
        ({"command": "acknowledge", "asset": "press-1", "alert_id": ["a"]}, "alert_id"),
        ({"command": "acknowledge", "asset": "press-1", "alert_id": ALERT.alert_id, "comment": 7}, "comment"),
    ],
)
def test_what_is_no_command_is_refused_with_a_sentence(table, document, says):
    """Whatever a browser sends."""
    with pytest.raises(click.UsageError, match=says):
        asked(table, **document)


class Clerk:
    """Keeps what it is asked; answers when the test says so."""

    def __init__(self):
        self.asked = []
        self.due = []

    def ask(self, ask):
        """Keep it."""
        self.asked.append(ask)

    def answers(self):
        """What is due."""
        due, self.due = self.due, []
        return due


def test_an_answer_that_comes_too_late_is_nobody_elses(table):
    """Whoever asks next hears of their own command only, also where its place in memory is that of the late one."""
    clerk = Clerk()
    counter = Counter(clerk, table, lambda: T0, wait_s=0)
    document = {"command": "acknowledge", "asset": "press-1", "alert_id": ALERT.alert_id}
    orders = [Order(document=document, by=by) for by in ("maria", "tom", "eve")]
    for _ in range(50):
        assert not counter.order(orders[0]).done
        clerk.due = [Answer(clerk.asked.pop(), "")]  # too late
        assert not counter.order(orders[1]).done
        clerk.asked.clear()

        assert not counter.order(orders[2]).done
        clerk.asked.clear()


@pytest.mark.parametrize("fault", ["", "the command wasn't delivered"])
def test_what_became_of_feedback_is_told(table, fault):
    """Nobody is thanked for what never arrived."""

    class Answering(Clerk):
        def answers(self):
            return [Answer(ask, fault) for ask in self.asked]

    counter = Counter(Answering(), table, lambda: T0)
    document = {"command": "feedback", "asset": "press-1", "alert_id": ALERT.alert_id, "verdict": "false_alarm"}

    reply = counter.order(Order(document=document, by="maria"))

    assert (reply.done, reply.why) == (not fault, fault)
