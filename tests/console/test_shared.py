"""One question for all who ask it at once."""

import asyncio
from threading import Event

import pytest

from console.shared import QUESTIONS_MAX, Shared


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):  # noqa: D102 - as its class says
        return self.now


def test_all_who_ask_at_once_wait_for_one_answer():
    """A hundred screens cost the service one question."""
    asked, go_on = [], Event()

    def ask():
        asked.append(1)
        go_on.wait(60)
        return "well"

    async def all_of_them():
        shared = Shared(Clock())
        waiting = [asyncio.create_task(shared.get("status", ask, keep_s=2)) for _ in range(100)]
        leaving = asyncio.create_task(shared.get("status", ask, keep_s=2))
        await asyncio.sleep(0)
        leaving.cancel()
        go_on.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(all_of_them()) == ["well"] * 100
    assert len(asked) == 1


def test_an_answer_serves_for_a_while_and_then_it_is_asked_anew():
    """What is shown isn't older than that."""
    clock, answers = Clock(), iter("abc")

    async def ask(shared, question="status"):
        return await shared.get(question, lambda: next(answers), keep_s=2)

    async def over_time():
        shared = Shared(clock)
        found = [await ask(shared)]
        clock.now = 2.0
        found.append(await ask(shared))
        clock.now = 2.1
        return [*found, await ask(shared), await ask(shared, "another")]

    assert asyncio.run(over_time()) == ["a", "a", "b", "c"]


def test_a_failure_is_told_to_who_waits_and_not_kept():
    """The next one tries again."""

    def fails():
        raise OSError("no")

    async def twice():
        shared = Shared(Clock())
        with pytest.raises(OSError, match="no"):
            await shared.get("status", fails, keep_s=2)
        return await shared.get("status", lambda: "well", keep_s=2)

    assert asyncio.run(twice()) == "well"


def test_no_more_than_so_many_questions_are_remembered():
    """Memory is bounded, whatever is asked."""

    async def many():
        shared = Shared(Clock())
        for number in range(QUESTIONS_MAX + 1):
            await shared.get(f"{number}", lambda: "old", keep_s=2)
        return await shared.get("0", lambda: "new", keep_s=2), len(shared._asked)

    assert asyncio.run(many()) == ("new", QUESTIONS_MAX)
