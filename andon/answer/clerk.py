"""Sends commands and waits for their answers beside a screen that goes on: a thread with a `Desk` of its own."""

from __future__ import annotations

from math import inf
from queue import Empty, Queue
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Self

from andon.answer.answers import FEEDBACK_WAIT_S
from contracts.errors import AndonError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from andon.answer.answers import Ask, Outcome
    from andon.answer.desk import Desk

__all__ = ["Answer", "Clerk"]

ANSWER_WAIT_S = 30.0
"""A service that runs answers within a second or two."""

END_WAIT_S = 2.0
"""Who quits doesn't wait for a broker that is away."""


class Answer(NamedTuple):
    """What became of a command."""

    ask: Ask
    fault: str
    """Why it wasn't done; empty: it was."""


class Clerk:
    """Takes commands at once, and has their answers later.

    Args:
        open_desk: called in the thread: it may take as long as a broker takes.
        stop: set it, and nothing more is sent or waited for.
    """

    def __init__(self, open_desk: Callable[[Event], Desk], *, stop: Event, wait_s: float = ANSWER_WAIT_S) -> None:
        self._open_desk = open_desk
        self._stop = stop
        self._wait_s = wait_s
        self._asks: Queue[Ask] = Queue()
        self._answers: Queue[Answer] = Queue()
        self._deadlines: list[tuple[Ask, float]] = []
        self._thread = Thread(target=self._run, daemon=True)

    def ask(self, ask: Ask) -> None:
        """Have a command sent."""
        self._asks.put(ask)

    def answers(self) -> list[Answer]:
        """What became of commands since the last call."""
        found = []
        while True:
            try:
                found.append(self._answers.get_nowait())
            except Empty:
                return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(END_WAIT_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._open_desk(self._stop) as desk:
                    self._serve(desk)
            except AndonError as error:
                self._give_up(str(error))

    def _serve(self, desk: Desk) -> None:
        """Until it is stopped.

        Raises: AndonError where the broker can't be used: then what was asked is answered by that.
        """
        while not self._stop.is_set():
            for outcome in desk.poll():
                self._answer(outcome)
            for ask in self._waiting():
                self._send(ask, desk)
            self._expire(desk)

    def _send(self, ask: Ask, desk: Desk) -> None:
        self._deadlines.append((ask, inf))
        try:
            desk.send(ask)
        except ConfigError as error:  # no key speaks for this one: what others have asked for is none the worse
            self._deadlines.pop()
            self._answers.put(Answer(ask, str(error)))
            return
        patience_s = self._wait_s if ask.answers else min(self._wait_s, FEEDBACK_WAIT_S)
        self._deadlines[-1] = ask, monotonic() + patience_s

    def _waiting(self) -> list[Ask]:
        try:
            return [self._asks.get_nowait()]
        except Empty:
            return []

    def _answer(self, outcome: Outcome) -> None:
        known = [each for each in self._deadlines if each[0] is outcome.ask]
        if known:  # else its time was over
            self._deadlines.remove(known[0])
            self._answers.put(Answer(outcome.ask, outcome.refused))

    def _expire(self, desk: Desk) -> None:
        """Feedback of which nothing is heard was taken; of all else there should have been an answer."""
        now_s = monotonic()
        for ask, _ in [each for each in self._deadlines if each[1] < now_s]:
            desk.forget(ask)
            fault = f"no answer within {self._wait_s:g} s: does `andon run` run?" if ask.answers else ""
            self._answers.put(Answer(ask, fault))
        self._deadlines = [each for each in self._deadlines if each[1] >= now_s]

    def _give_up(self, fault: str) -> None:
        """The broker can't be used: say so to everything that was asked, and to what is asked meanwhile."""
        while not self._stop.is_set():
            asked = [ask for ask, _ in self._deadlines] + self._waiting()
            self._deadlines.clear()
            if asked:
                for ask in asked:
                    self._answers.put(Answer(ask, fault))
                return
            self._stop.wait(0.1)
