"""What must be looked at, and when: nothing is done before its time, and when nothing is due that costs nothing.

There is one line of deadlines for all assets where ticks tell the time, or one for each asset where its own readings
do. A deadline may turn out to be too early: who looks finds nothing due, and sets another one.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TypeAlias

__all__ = ["SHELVES", "Deadlines", "Subject"]

Subject: TypeAlias = tuple[str, ...]
"""(sensor or "", kind, rule) of an alarm."""

SHELVES: Subject = ()
"""In place of an alarm: the shelves of the asset."""


class Deadlines:
    """Deadlines of alarms. Cost: logarithmic in their number."""

    def __init__(self, *, by_asset: bool) -> None:
        self._by_asset = by_asset
        self._lines: dict[str, list[tuple[int, str, Subject]]] = {}

    def wait(self, asset: str, subject: Subject, due_ms: int) -> None:
        """Let something be looked at from then on (ms)."""
        heappush(self._lines.setdefault(asset if self._by_asset else "", []), (due_ms, asset, subject))

    def take(self, asset: str, now_ms: int) -> tuple[str, Subject] | None:
        """(asset, subject) of the next that is due in an asset's line, or "" for that of all; None: nothing is."""
        line = self._lines.get(asset)
        if not line or line[0][0] > now_ms:
            return None
        _, asset, subject = heappop(line)
        if not line:
            del self._lines[asset if self._by_asset else ""]
        return asset, subject
