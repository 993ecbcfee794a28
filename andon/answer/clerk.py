"""Sends commands and waits for their answers beside a screen that goes on: a thread with a `Desk` of its own."""

from __future__ import annotations

from queue import Empty, Queue
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Self

from contracts.errors import AndonError

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
                self._deadlines.append((ask, monotonic() + self._wait_s))
                desk.send(ask)
            self._expire()

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

    def _expire(self) -> None:
        now_s = monotonic()
        for each in [each for each in self._deadlines if each[1] < now_s]:
            self._deadlines.remove(each)
            self._answers.put(Answer(each[0], f"no answer within {self._wait_s:g} s: does `andon run` run?"))

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
