"""Commands that are sent beside a screen that goes on."""

from threading import Event

import pytest

from andon.answer.answers import Outcome, command_of
from andon.answer.clerk import Answer, Clerk
from contracts.commands import Verb, Verdict
from contracts.errors import ConfigError, Problem, SinkError, SourceError
from tests.alarm_states import alarm_state
from tests.kafka.service import wait_until

ASK = command_of(Verb.ACKNOWLEDGE, asset="press-1", alert=alarm_state().alert, by="maria")
FEEDBACK = command_of(
    Verb.FEEDBACK, asset="press-1", alert=alarm_state().alert, by="maria", verdict=Verdict.FALSE_ALARM
)


class Desk:
    """Answers each command at once with what the test says; None: never."""

    def __init__(self, outcome="", fault=None):
        self.sent = []
        self.forgotten = []
        self.closed = 0
        self._outcome, self._fault = outcome, fault
        self._due = []

    def send(self, ask):
        """Take a command."""
        if self._fault:
            raise self._fault
        self.sent.append(ask)
        if self._outcome is not None:
            self._due.append(Outcome(ask, self._outcome))

    def forget(self, ask):
        """Nobody waits for it any more."""
        self.forgotten.append(ask)

    def poll(self):
        """What was answered."""
        due, self._due = self._due, []
        return due

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.closed += 1


def answer_of(desk, *, ask=ASK, wait_s=30.0):
    """What the clerk says after one command, and after its end nothing is left open."""
    answers = []
    with Clerk(lambda _stop: desk, stop=Event(), wait_s=wait_s) as clerk:
        clerk.ask(ask)
        wait_until(lambda: answers.extend(clerk.answers()) or answers, "an answer", wait_s=10)
    assert desk.closed >= 1
    return answers


@pytest.mark.parametrize("refusal", ["", "the alarm isn't active"])
def test_what_became_of_a_command_is_told(refusal):
    """Done, or why not."""
    desk = Desk(refusal)

    assert answer_of(desk) == [Answer(ASK, refusal)]
    assert desk.sent == [ASK]


def test_a_command_that_nobody_answers_is_told_as_such():
    """A screen doesn't wait for ever, and nothing is kept of what it doesn't wait for."""
    desk = Desk(None)

    assert answer_of(desk, wait_s=0.05) == [Answer(ASK, "no answer within 0.05 s: does `andon run` run?")]
    assert desk.forgotten == [ASK]


def test_feedback_of_which_nothing_is_heard_was_taken():
    """Only a refusal is told; a person who said it hears whether it was delivered."""
    desk = Desk(None)

    assert answer_of(desk, ask=FEEDBACK, wait_s=0.05) == [Answer(FEEDBACK, "")]
    assert answer_of(Desk("it is over"), ask=FEEDBACK) == [Answer(FEEDBACK, "it is over")]
    assert answer_of(Desk(fault=SinkError("not delivered")), ask=FEEDBACK) == [Answer(FEEDBACK, "not delivered")]


def test_a_command_that_cannot_be_delivered_is_told_as_such():
    """The broker is away: the person knows that nothing was done."""
    assert answer_of(Desk(fault=SinkError("kafka andon.commands: not delivered"))) == [
        Answer(ASK, "kafka andon.commands: not delivered")
    ]


def test_a_command_that_no_key_speaks_for_takes_no_other_with_it():
    """What somebody else has asked for was sent, and its answer is still to come."""
    nobodys = command_of(Verb.ACKNOWLEDGE, asset="press-1", alert=alarm_state().alert, by="nobody")
    desk = Desk(None)
    send = desk.send

    def signed(ask):
        if ask is nobodys:
            raise ConfigError("secrets", (Problem("commands.keys_file", "none speaks for nobody.", "Say --by."),))
        send(ask)

    desk.send = signed
    answers = []
    with Clerk(lambda _stop: desk, stop=Event()) as clerk:
        for ask in (ASK, nobodys):
            clerk.ask(ask)
        wait_until(lambda: answers.extend(clerk.answers()) or answers, "the refusal", wait_s=10)
        assert [(answer.ask, "none speaks for nobody" in answer.fault) for answer in answers] == [(nobodys, True)]

        desk._due = [Outcome(ASK, "")]
        wait_until(lambda: answers.extend(clerk.answers()) or len(answers) > 1, "the answer", wait_s=10)

    assert answers[1:] == [Answer(ASK, "")]


def test_after_a_failure_the_next_command_is_tried_again():
    """The broker comes back, and the screen needn't be started again."""
    desks = [SourceError("no broker"), Desk()]
    answers = []

    def open_desk(_stop):
        desk = desks.pop(0)
        if isinstance(desk, Exception):
            raise desk
        return desk

    with Clerk(open_desk, stop=Event()) as clerk:
        for expected in ("no broker", ""):
            clerk.ask(ASK)
            wait_until(lambda: answers.extend(clerk.answers()) or answers, "an answer", wait_s=10)
            assert answers.pop() == Answer(ASK, expected)


def test_an_answer_that_comes_too_late_is_not_told_twice():
    """The person was told that there was none."""
    desk = Desk(None)
    answers = []
    with Clerk(lambda _stop: desk, stop=Event(), wait_s=0.05) as clerk:
        clerk.ask(ASK)
        wait_until(lambda: answers.extend(clerk.answers()) or answers, "no answer", wait_s=10)
        desk._due = [Outcome(ASK, "")]
        wait_until(lambda: not desk._due, "the late answer was heard", wait_s=10)

        assert clerk.answers() == []
