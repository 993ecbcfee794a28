"""What must be looked at, and when: nothing is done before its time, and while nothing is due that costs nothing.

There is one line of deadlines for all assets where ticks tell the time, or one for each asset where its own readings
do. Deadlines aren't taken back: who sets an earlier one remembers it, and passes over any other.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

__all__ = ["SHELVES", "Deadline", "Deadlines", "Subject"]

Subject: TypeAlias = tuple[str, ...]
"""(sensor or "", kind, rule) of an alarm."""

SHELVES: Subject = ()
"""In place of an alarm: the shelves of the asset."""


class Deadline(NamedTuple):
    """Something is to be looked at."""

    due_ms: int
    asset: str
    subject: Subject


class Deadlines:
    """Deadlines of alarms. Cost: logarithmic in their number."""

    def __init__(self, *, by_asset: bool) -> None:
        self._by_asset = by_asset
        self._lines: dict[str, list[Deadline]] = {}

    def wait(self, deadline: Deadline) -> None:
        """Let something be looked at from its time on."""
        heappush(self._lines.setdefault(deadline.asset if self._by_asset else "", []), deadline)

    def take(self, line: str, now_ms: int) -> Deadline | None:
        """The next one that is due in an asset's line, or in "", that of all; None: none is."""
        waiting = self._lines.get(line)
        if not waiting or waiting[0].due_ms > now_ms:
            return None
        deadline = heappop(waiting)
        if not waiting:
            del self._lines[line]
        return deadline
