"""Alarm floods: more alarms in ten minutes than a person can follow. One alert when it begins, one when it is over.

    quiet ──(more than 10 annunciated raises in 10 min)──► flood ──(fewer than 5 in 10 min)──► quiet

Time is the event time of the raises; the newest one, or a tick that is newer, says what time it is. Both conditions are
judged exactly, and by the eleven newest raises alone: the flood begins when the eleventh newest is younger than ten
minutes, and ends when the fifth newest no longer is. So 50,000 raises a second cost as much memory as fifty.

The alerts of a flood depend on the order in which raises of different key groups arrive, within the delay between them:
they are told once, and aren't part of the promise that a replay gives the same bytes. No other alert is altered by it.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from alarms.wording import duration
from contracts.alarm_states import AlarmRecord, AlarmState, alarm_key
from contracts.alerts import (
    Alert,
    AlertRecord,
    ExpectedRange,
    Priority,
    State,
    Transition,
    alert_id,
    event_id,
    priority_of,
    read_alert,
)
from contracts.errors import StateError
from contracts.findings import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.settings import Settings

__all__ = ["ENDS_BELOW", "SEVERITY", "SPAN_MS", "STARTS_ABOVE", "Flood", "Raise", "Raises"]

VERSION = 1

SPAN_MS = 600_000
STARTS_ABOVE = 10
ENDS_BELOW = 5
"""EEMUA 191 and ISA-18.2 draw these lines: ten alarms in ten minutes are the most that a person can deal with."""

FIRST_UP = STARTS_ABOVE
"""Alarms that are named: the first one is often the cause, and the others its consequences."""

TOP_ASSETS = 5

ASSETS_COUNTED_MAX = 10_000
"""Assets that are counted one by one. Beyond it, counts become lower bounds: see `_count`."""

SEVERITY = 700
"""High: it asks for another way of working, and is no fault of a machine."""

_RULE = "site"


class Raise(NamedTuple):
    """An alarm that was raised and annunciated."""

    ts: int
    """Event time, ms since the epoch."""
    asset: str
    sensor: str | None
    kind: str
    rule: str
    priority: Priority
    alert_id: str

    @property
    def key(self) -> str:
        """The alarm's key on the alarm-state topic."""
        return alarm_key(asset=self.asset, sensor=self.sensor, kind=self.kind, rule=self.rule)


@dataclass(frozen=True, slots=True)
class Raises:
    """What one key group tells the flood step."""

    raises: tuple[Raise, ...] = ()
    now_ms: int | None = None
    """Of a tick, ms since the epoch; None: nothing but the raises tells the time."""


@dataclass(slots=True)
class _Standing:
    """A flood that isn't over."""

    alert: Alert
    raised: int = 0
    assets: dict[str, int] = field(default_factory=dict)
    uncounted: int = 0
    """How much too low the count of an asset may be."""
    seconds: dict[int, int] = field(default_factory=dict)
    """Second since the epoch → raises in it, of the last 600 of them."""
    second: int = 0
    """The newest one."""
    in_span: int = 0
    """The sum of `seconds` …"""
    peak: int = STARTS_ABOVE + 1
    """… and the largest that it was. So many within ten minutes began the flood, if not within 600 whole seconds."""


class Flood:
    """The flood of one site: whether one is under way, and what it is made of.

    Cost: about 4 µs a raise. State: eleven raises, and during a flood at most 600 + `ASSETS_COUNTED_MAX` counts.
    """

    def __init__(self, settings: Settings) -> None:
        self._site = settings.site.name
        self._now_ms = 0
        self._newest: list[Raise] = []
        """At most eleven of the last ten minutes, the oldest first."""
        self._standing: _Standing | None = None

    @classmethod
    def restore(cls, settings: Settings, snapshot: dict[str, Any]) -> Self:
        """The flood as `snapshot` left it.

        Raises: StateError if the snapshot is of a version that isn't known here.
        """
        if snapshot.get("version") != VERSION:
            raise StateError(
                f"flood: the saved state has version {snapshot.get('version')!r}, this andon knows {VERSION}."
            )
        flood = cls(settings)
        flood._now_ms = snapshot["now_ms"]
        for ts, asset, sensor, kind, rule, priority, identity in snapshot["newest"]:
            flood._newest.append(Raise(ts, asset, sensor, kind, rule, Priority(priority), identity))
        if (saved := snapshot["standing"]) is not None:
            parts = {"assets": dict(saved["assets"]), "seconds": dict(saved["seconds"])}
            flood._standing = _Standing(**{**saved, "alert": read_alert(saved["alert"]), **parts})
        return flood

    def snapshot(self) -> dict[str, Any]:
        """Plain data, independent of what happens later."""
        standing = self._standing
        return {
            "version": VERSION,
            "now_ms": self._now_ms,
            "newest": [
                (
                    raised.ts,
                    raised.asset,
                    raised.sensor,
                    str(raised.kind),
                    raised.rule,
                    str(raised.priority),
                    raised.alert_id,
                )
                for raised in self._newest
            ],
            "standing": None
            if standing is None
            else {
                "alert": standing.alert.body().decode(),
                "raised": standing.raised,
                "assets": list(standing.assets.items()),
                "uncounted": standing.uncounted,
                "seconds": list(standing.seconds.items()),
                "second": standing.second,
                "in_span": standing.in_span,
                "peak": standing.peak,
            },
        }

    @property
    def empty(self) -> bool:
        """No flood, and nothing that could become part of one: there is no state to keep."""
        return self._standing is None and not self._newest

    @property
    def standing(self) -> bool:
        """A flood is under way."""
        return self._standing is not None

    @property
    def raised_lately(self) -> int:
        """Raises in the last ten minutes; during a flood, in the last 600 whole seconds."""
        return self._standing.in_span if self._standing else len(self._newest)

    def add(self, raises: Iterable[Raise]) -> list[AlertRecord | AlarmRecord]:
        """Take raises, in any order of time, and tell what begins or ends by them.

        One that is older than ten minutes begins no flood; it is counted in the one that it fell into.
        """
        told: list[AlertRecord | AlarmRecord] = []
        for raised in raises:
            told += self.tick(raised.ts)
            if raised.ts > self._now_ms - SPAN_MS:
                insort(self._newest, raised, key=_TS)
                del self._newest[: -(STARTS_ABOVE + 1)]
            if self._standing is not None:
                if raised.ts >= self._standing.alert.onset_ts:
                    _count(self._standing, raised)
            elif len(self._newest) > STARTS_ABOVE:
                told += self._begin()
        return told

    def tick(self, now_ms: int) -> list[AlertRecord | AlarmRecord]:
        """It is so late (ms since the epoch): tell if the flood is over. A time before the newest one is ignored."""
        if now_ms <= self._now_ms:
            return []
        self._now_ms = now_ms
        newest = self._newest
        told: list[AlertRecord | AlarmRecord] = []
        if self._standing is not None:
            # Fewer than five are left when the fifth newest falls out. Eleven were there, and the newest are kept.
            over_ms = newest[-ENDS_BELOW].ts + SPAN_MS
            if now_ms >= over_ms:
                told = self._end(self._standing, over_ms)
            else:
                _pass(self._standing, now_ms // 1000)
        if self._standing is None:
            while newest and newest[0].ts <= now_ms - SPAN_MS:
                del newest[0]
        return told

    def reconcile(self, recorded: Iterable[AlarmRecord]) -> list[AlarmRecord]:
        """What must be written so that the alarm-state topic says of the flood what is known here.

        Args:
            recorded: of the alarm-state topic; what isn't about this site's flood is passed over.
        """
        key = self._key
        there = next((record.body for record in recorded if record.key == key), None)
        here = None if self._standing is None else _state(self._standing.alert)
        return [] if there == here else [AlarmRecord(key, here)]

    @property
    def _key(self) -> str:
        return alarm_key(asset=self._site, sensor=None, kind=Kind.FLOOD, rule=_RULE)

    def _begin(self) -> list[AlertRecord | AlarmRecord]:
        newest = self._newest
        first, latest = newest[0], newest[-1]
        took = duration(latest.ts - first.ts)
        alert = self._alert(
            Transition.RAISED,
            onset_ts=first.ts,
            ts=latest.ts,
            message=f"{self._site} has more alarms than a person can follow: {len(newest)} within {took}, "
            f"the first is {_described(first)}",
        )
        self._standing = standing = _Standing(alert)
        for raised in newest:
            _count(standing, raised)
        evidence: dict[str, float | int | str | list[str] | None] = {
            "raised": standing.raised,
            "first_up": [raised.key for raised in newest[:FIRST_UP]],
            "top_assets": _top(standing),
        }
        standing.alert = alert = replace(alert, evidence=evidence)
        return [_record(alert), AlarmRecord(self._key, _state(alert))]

    def _end(self, standing: _Standing, ts: int) -> list[AlertRecord | AlarmRecord]:
        self._standing = None
        onset_ts = standing.alert.onset_ts
        alert = self._alert(
            Transition.CLEARED,
            onset_ts=onset_ts,
            ts=ts,
            message=f"{self._site} has alarms at a rate that a person can follow again: {standing.raised:,} "
            f"in {duration(ts - onset_ts)}, at most {standing.peak:,} within 10 min",
            evidence={
                "raised": standing.raised,
                "lasted_ms": ts - onset_ts,
                "top_assets": _top(standing),
                "peak_per_10min": standing.peak,
            },
        )
        return [_record(alert), AlarmRecord(self._key, None)]

    def _alert(
        self,
        transition: Transition,
        *,
        onset_ts: int,
        ts: int,
        message: str,
        evidence: dict[str, float | int | str | list[str] | None] | None = None,
    ) -> Alert:
        return Alert(
            alert_id=alert_id(asset=self._site, sensor=None, kind=Kind.FLOOD, rule=_RULE, onset_ts=onset_ts),
            transition=transition,
            state=State.ACTIVE_UNACKED if transition is Transition.RAISED else State.NORMAL,
            annunciated=True,
            kind=Kind.FLOOD,
            rule=_RULE,
            site=self._site,
            asset=self._site,
            sensor=None,
            unit=None,
            severity=SEVERITY,
            priority=priority_of(SEVERITY),
            onset_ts=onset_ts,
            ts=ts,
            value=None,
            expected=ExpectedRange(),
            score=None,
            rank=None,
            contributions=(),
            evidence=evidence or {},
            window=None,
            message=message,
        )


_TS = attrgetter("ts")


def _count(standing: _Standing, raised: Raise) -> None:
    """Count a raise of the flood: in all, for its asset, and for its second."""
    standing.raised += 1
    _count_asset(standing, raised.asset)
    _count_second(standing, raised.ts // 1000)


def _count_asset(standing: _Standing, asset: str) -> None:
    """Count a raise for its asset, in bounded memory.

    Past the bound, an asset that isn't counted yet takes one from each that is, and who has none left makes room
    (J. Misra, D. Gries, Finding repeated elements, 1982). No count is too high, none is too low by more than
    `uncounted`, and an asset with a larger share than 1 in `ASSETS_COUNTED_MAX` can't be missed. Each such round is
    paid for by as many counts before it: O(1) a raise, on average.
    """
    assets = standing.assets
    if asset in assets or len(assets) < ASSETS_COUNTED_MAX:
        assets[asset] = assets.get(asset, 0) + 1
        return
    standing.uncounted += 1
    standing.assets = {name: count - 1 for name, count in assets.items() if count > 1}


def _count_second(standing: _Standing, second: int) -> None:
    _pass(standing, second)
    if second > standing.second - SPAN_MS // 1000:
        standing.seconds[second] = standing.seconds.get(second, 0) + 1
        standing.in_span += 1
        standing.peak = max(standing.peak, standing.in_span)


def _pass(standing: _Standing, second: int) -> None:
    """Time goes on to `second`: what lies 600 seconds back is no longer counted."""
    span = SPAN_MS // 1000
    if second >= standing.second + span:
        standing.seconds.clear()
        standing.in_span = 0
    else:
        for gone in range(standing.second - span + 1, second - span + 1):
            standing.in_span -= standing.seconds.pop(gone, 0)
    standing.second = max(standing.second, second)


def _top(standing: _Standing) -> list[str]:
    """The assets with the most raises: `press-1 (12)`, and `press-1 (12+)` where that is a lower bound."""
    ranked = sorted(standing.assets.items(), key=lambda item: (-item[1], item[0]))
    more = "+" if standing.uncounted else ""
    return [f"{asset} ({count}{more})" for asset, count in ranked[:TOP_ASSETS]]


def _described(raised: Raise) -> str:
    return " ".join(part for part in (raised.asset, raised.sensor, raised.kind, raised.rule) if part)


def _record(alert: Alert) -> AlertRecord:
    """No reading caused it and no rule decided it, so it names none."""
    identity = event_id(alert=alert.alert_id, transition=alert.transition, cause=str(alert.ts))
    return AlertRecord(alert=alert, event_id=identity, source="", config="")


def _state(alert: Alert) -> bytes:
    return AlarmState(alert=alert, said=alert.message, raised_ts=alert.ts).body()
