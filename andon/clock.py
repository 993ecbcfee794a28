"""Ends the process when the machine's clock is set back: Bytewax's timers would stand still for as long.

Bytewax reads the wall clock for when a source is asked again and when a snapshot is due. After the clock was set back
by an hour nothing would be read or saved for an hour, without an error. A process that starts again goes on at once.

Small steps are waited out; a clock that is set ahead does no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from andon.leaving import leave
from andon.looking import looking

__all__ = ["SET_BACK_S_MAX", "SetBack", "clock_watched"]

SET_BACK_S_MAX = 5.0
"""A flow that stands still for so long is bearable; one that is started again stands still about as long."""

LOOK_S = 1.0
AT_ONCE_S = 0.1


class SetBack:
    """By how much the clock was set back since it was looked at last."""

    def __init__(
        self, *, wall_s: Callable[[], float] = time.time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_s, self._monotonic_s = wall_s, monotonic_s
        self._ahead_s = self._ahead()

    def look(self) -> float:
        """Seconds; 0 if it wasn't."""
        before, self._ahead_s = self._ahead_s, self._ahead()
        return max(0.0, before - self._ahead_s)

    def _ahead(self) -> float:
        """The wall clock less the other one, both read at one moment.

        Between two lines of Python a busy machine, or a kernel that holds the interpreter, may take seconds: that isn't
        a clock that was set back.
        """
        while True:
            began_s = self._monotonic_s()
            wall_s = self._wall_s()
            if self._monotonic_s() - began_s < AT_ONCE_S:
                return wall_s - began_s


@contextmanager
def clock_watched(end: Callable[[float], None] | None = None) -> Iterator[None]:
    """Look at the clock every second, from a thread of its own, because a flow that stands still can't.

    Args:
        end: what to do when it was set back by so many seconds; by default the process ends with a line and exit
            code 1. What it has saved stays, and what it hasn't is decided again.
    """
    clock = SetBack()

    def look() -> bool:
        if (seconds := clock.look()) <= SET_BACK_S_MAX:
            return False
        (end or _end)(seconds)
        return True

    with looking(look, every_s=LOOK_S, name="clock"):
        yield


def _end(seconds: float) -> None:
    why = (
        f"this machine's clock was set back by {seconds:.0f} s, and the flow would stand still for as long. "
        "Start andon again, as a supervisor does: nothing is lost."
    )
    leave(1, why)
