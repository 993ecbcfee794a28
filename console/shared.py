"""One question for all screens that ask it at once: what is asked about the plant doesn't grow with who looks at it.

A hundred screens that show the same figures ask the service once; and one that hangs holds up one thread, not a
hundred.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Shared"]

QUESTIONS_MAX = 32
"""That are remembered; the oldest is forgotten first."""


@dataclass(slots=True)
class _Asked:
    task: asyncio.Task[Any]
    done_s: float = float("inf")


class Shared:
    """Answers that serve for a while. Used from one event loop.

    Args:
        clock: seconds, only goes forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked: dict[str, _Asked] = {}

    async def get(self, question: str, ask: Callable[[], Any], *, keep_s: float) -> Any:
        """What `ask` says, called in a thread; or what it said to somebody else within `keep_s`.

        Whoever doesn't wait for it to the end leaves the others waiting.
        """
        asked = self._asked.get(question)
        if asked is None or (asked.task.done() and (self._clock() - asked.done_s > keep_s or _failed(asked.task))):
            self._asked.pop(question, None)
            asked = self._asked[question] = _Asked(asyncio.create_task(run_in_threadpool(ask)))
            asked.task.add_done_callback(partial(self._done, asked))
            while len(self._asked) > QUESTIONS_MAX:
                del self._asked[next(iter(self._asked))]
        return asked.task.result() if asked.task.done() else await asyncio.shield(asked.task)

    def _done(self, asked: _Asked, _task: asyncio.Task[Any]) -> None:
        asked.done_s = self._clock()


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None
