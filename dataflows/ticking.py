"""When a lane may say what time it is, so that silence can be judged: never while it may itself be the cause.

A lane learns twice a second where its partitions ended when the broker last spoke. When it has read up to there,
everything that was in Kafka at that moment has been read, so whoever hasn't spoken by then was silent: that moment is
the tick's time. Messages that arrived since can't be mistaken for silence, and nor can a broker that hangs and wasn't
missed yet.

Ticks pause while the broker doesn't answer, for a grace after an outage or a start (producers deliver what they held
back), and after the lane itself stood still, or heard nothing of the broker, for as long as that took. The first tick
after an outage or a start excuses the silence up to it; after an outage so does one before the first readings.

Pure: time is given to it, in ms of the wall clock.
"""

from __future__ import annotations

from contracts.readings import Tick

__all__ = ["Ticking"]

INTERVAL_MS = 1_000
"""Ticks are at least this far apart."""

STANDSTILL_MS = 1_000
"""The lane wasn't asked for so long: reports of the broker that waited meanwhile are out of date …"""
SETTLE_MS = 1_000
"""… and new ones are believed after so long, or as long as it stood still: producers may have been held up too."""

CUT_OFF_MS = 10_000
"""After a standstill of this length (a sink that waited for its broker, a suspended machine) nobody is blamed."""

BELIEVED_MS = 3_000
"""How long "the broker answers" is taken for true."""

LONG_AGO = -(2**62)


class Ticking:
    """The ticks of one lane."""

    def __init__(self, *, lane: int, grace_ms: int, now_ms: int) -> None:
        self._lane = lane
        self._grace_ms = grace_ms
        self._polled_ms = now_ms
        self._quiet_until_ms = now_ms + grace_ms
        self._settled_ms = now_ms
        self._answered_ms = LONG_AGO
        self._ticked_ms = LONG_AGO
        self._away = False
        self._excuse_next_tick = True
        self._excuse_next_readings = False
        self._excused_ms = LONG_AGO

    @property
    def away(self) -> bool:
        """The broker is thought to be away now."""
        return self._away

    def polled(self, now_ms: int) -> bool:
        """The lane asks for messages. False: it stood still until now, so earlier reports are out of date."""
        gap_ms = now_ms - self._polled_ms
        self._polled_ms = now_ms
        if abs(gap_ms) <= STANDSTILL_MS:
            return True
        self._settle(now_ms, gap_ms)
        if gap_ms > CUT_OFF_MS or gap_ms < 0:  # a clock that was set back makes all times before it useless
            self._cut_off(now_ms)
        return False

    def broker_answered(self, now_ms: int) -> bool:
        """Statistics say that all leaders answer. True if they didn't before."""
        gap_ms = 0 if self._answered_ms == LONG_AGO else now_ms - self._answered_ms
        self._answered_ms = now_ms
        news = self._away
        if news:
            self._away = False
            self._quiet_until_ms = now_ms + self._grace_ms
        elif gap_ms > BELIEVED_MS:  # nobody said that it was away, and nobody knows
            self._settle(now_ms, gap_ms)
        return news

    def broker_away(self, now_ms: int) -> bool:
        """Statistics say that a leader doesn't answer. True if that is news; before its first answer it isn't away."""
        news = not self._away and self._answered_ms != LONG_AGO
        if news:
            self._away = True
            self._cut_off(now_ms)
        return news

    def before_readings(self, now_ms: int) -> Tick | None:
        """The tick that goes before readings: the gap before them was an outage, not the sensors'."""
        if not self._excuse_next_readings or 0 <= now_ms - self._excused_ms < INTERVAL_MS:
            return None
        self._excused_ms = now_ms
        self._excuse_next_readings = self._away  # what came while it was away was on its way before
        return Tick(self._lane, now_ms, after_outage=True)

    def due(self, now_ms: int, *, read_up_to_ms: int) -> Tick | None:
        """The next tick, if it is time for it.

        Args:
            read_up_to_ms: everything that was in Kafka at this time has been read.
        """
        if (
            self._away
            or now_ms - self._answered_ms > BELIEVED_MS
            or read_up_to_ms < self._settled_ms
            or read_up_to_ms < self._quiet_until_ms
            or read_up_to_ms - self._ticked_ms < INTERVAL_MS
        ):
            return None
        self._ticked_ms = read_up_to_ms
        tick = Tick(self._lane, read_up_to_ms, after_outage=self._excuse_next_tick)
        self._excuse_next_tick = False
        return tick

    def _settle(self, now_ms: int, gap_ms: int) -> None:
        self._settled_ms = now_ms + min(max(SETTLE_MS, gap_ms), CUT_OFF_MS)

    def _cut_off(self, now_ms: int) -> None:
        self._quiet_until_ms = now_ms + self._grace_ms
        self._ticked_ms = min(self._ticked_ms, now_ms)
        self._excuse_next_tick = self._excuse_next_readings = True
