"""Chatter: an alarm that comes and goes, and when its going is told.

    raised 3 times within 60 s            it chatters
    a return while it chatters            is held back: 60 s, then it is told
    an onset while one is held back       makes no transition, and doubles the time of the next (at most 10 min)
    no onset for 10 min                   it chatters no more, and nothing is held back any longer

Times are those of the findings, so a replay holds back the same. Nothing is lost: the alarm stays active meanwhile.

Misses: an alarm that comes and goes more slowly than three times a minute; that is for its deadband and its delays.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HOLD_MS_MAX", "HOLD_MS_MIN", "QUIET_MS", "RAISES", "WITHIN_MS", "Chatter", "raised", "returned_too_soon"]

RAISES = 3
WITHIN_MS = 60_000
HOLD_MS_MIN = 60_000
HOLD_MS_MAX = 600_000
QUIET_MS = 600_000


class Chatter(NamedTuple):
    """What is remembered of an alarm that had an onset in the last ten minutes."""

    onset_ts: int
    """The newest onset (ms): when its finding was made."""
    raises: tuple[int, ...] = ()
    """While it doesn't chatter: when it was raised, at most the last two times."""
    hold_ms: int = 0
    """How long the next return is held back; 0: it doesn't chatter."""

    @property
    def on(self) -> bool:
        """It chatters."""
        return self.hold_ms > 0

    @property
    def ends_ts(self) -> int:
        """From here on (ms) it has been quiet for long enough, and nothing need be remembered."""
        return self.onset_ts + QUIET_MS

    def held_until(self, ts: int) -> int:
        """When a return at `ts` (ms, before `ends_ts`) is told."""
        return min(ts + self.hold_ms, self.ends_ts)


def raised(before: Chatter | None, ts: int) -> Chatter:
    """The memory after a raise at `ts` (ms)."""
    if before is None or not before.onset_ts <= ts < before.ends_ts:
        return Chatter(ts, (ts,))
    if before.on:
        return before._replace(onset_ts=ts)
    raises = (*before.raises, ts)
    if len(raises) >= RAISES and ts - raises[-RAISES] <= WITHIN_MS:
        return Chatter(ts, (), HOLD_MS_MIN)
    return Chatter(ts, raises[1 - RAISES :])


def returned_too_soon(before: Chatter, ts: int) -> Chatter:
    """The memory after an onset at `ts` (ms) that came while a return was held back."""
    return before._replace(onset_ts=max(ts, before.onset_ts), hold_ms=min(2 * before.hold_ms, HOLD_MS_MAX))
