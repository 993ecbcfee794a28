"""One alarm: what is kept of it while it isn't normal, or while it may chatter.

Small, because fifty thousand may stand at once: the newest alert is kept as the bytes that went to the topic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from alarms.chatter import Chatter
from alarms.holds import Act
from alarms.states import ACTIVE
from contracts.alarm_states import alarm_key
from contracts.alerts import State, alert_id
from contracts.calendar import Span
from contracts.findings import Expected, Finding, Kind, Share, Window

if TYPE_CHECKING:
    from alarms.deadlines import Subject

__all__ = ["Alarm", "HeldBack"]


class HeldBack(NamedTuple):
    """A return that isn't told yet, because the alarm chatters."""

    finding: Finding
    until_ts: int


@dataclass(slots=True, kw_only=True)
class Alarm:
    """The alarm of one (asset, sensor, kind, rule). Times are ms since the epoch."""

    asset: str
    sensor: str
    """"": it is about the asset as a whole."""
    kind: Kind
    rule: str
    state: State = State.NORMAL
    alert_id: str = ""
    onset_ts: int = 0
    raised_ts: int = 0
    severity: int = 0
    body: bytes = b""
    """The newest alert."""
    said: str = ""
    """The condition, without what people did about it."""
    acknowledged: Act | None = None
    chatter: Chatter | None = None
    held_back: HeldBack | None = None
    maintained: Span | None = None
    """The maintenance that suppresses it."""
    judged_ts: int = 0
    """Maintenance up to here has been told."""
    lag_ms: int = 0
    """How far its asset's clock is behind ours, as its newest finding showed."""
    waits_ms: int | None = None
    """When it is looked at next. Not saved."""
    key: str = field(init=False)
    """On the alarm-state topic. Not saved."""

    def __post_init__(self) -> None:
        self.key = alarm_key(asset=self.asset, sensor=self.sensor, kind=self.kind, rule=self.rule)

    @property
    def subject(self) -> Subject:
        """What tells it from the other alarms of its asset."""
        return self.sensor, self.kind, self.rule

    @property
    def stands(self) -> bool:
        """It isn't normal."""
        return self.state is not State.NORMAL

    @property
    def active(self) -> bool:
        """Its condition lasts, as far as it was told."""
        return self.state in ACTIVE

    @property
    def chatters(self) -> bool:
        """It comes and goes."""
        return self.chatter is not None and self.chatter.on

    def name(self, onset_ts: int) -> str:
        """The id of the episode that began then."""
        return alert_id(asset=self.asset, sensor=self.sensor, kind=self.kind, rule=self.rule, onset_ts=onset_ts)

    def rest(self) -> None:
        """It is normal again: only whether it chatters is still of interest."""
        self.alert_id = self.said = ""
        self.body = b""
        self.onset_ts = self.raised_ts = self.severity = self.judged_ts = 0
        self.acknowledged = self.maintained = None

    def row(self) -> tuple[Any, ...]:
        """Plain data."""
        return (
            self.asset,
            self.sensor,
            self.kind.value,
            self.rule,
            self.state.value,
            self.onset_ts,
            self.raised_ts,
            self.severity,
            self.body.decode(),
            self.said,
            self.acknowledged and tuple(self.acknowledged),
            self.chatter and tuple(self.chatter),
            self.held_back and (_packed(self.held_back.finding), self.held_back.until_ts),
            self.maintained and tuple(self.maintained),
            self.judged_ts,
            self.lag_ms,
        )

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Alarm:
        """The alarm as `row` gave it."""
        asset, sensor, kind, rule, state, onset_ts, raised_ts, severity, body, said, *rest = row
        acknowledged, chatter, held_back, maintained, judged_ts, lag_ms = rest
        alarm = cls(
            asset=asset,
            sensor=sensor,
            kind=Kind(kind),
            rule=rule,
            state=State(state),
            onset_ts=onset_ts,
            raised_ts=raised_ts,
            severity=severity,
            body=body.encode(),
            said=said,
            acknowledged=Act(*acknowledged) if acknowledged else None,
            chatter=Chatter(chatter[0], tuple(chatter[1]), chatter[2]) if chatter else None,
            maintained=Span(*maintained) if maintained else None,
            judged_ts=judged_ts,
            lag_ms=lag_ms,
        )
        if alarm.stands:
            alarm.alert_id = alarm.name(onset_ts)
        if held_back:
            alarm.held_back = HeldBack(_unpacked(alarm, held_back[0]), held_back[1])
        return alarm


def _packed(finding: Finding) -> tuple[Any, ...]:
    window = finding.window
    return (
        finding.onset_ts,
        finding.ts,
        finding.value,
        tuple(finding.expected),
        finding.score,
        finding.rank,
        [tuple(share) for share in finding.contributions],
        dict(finding.evidence),
        window and (window.start, window.end, window.count),
        finding.source,
    )


def _unpacked(alarm: Alarm, packed: tuple[Any, ...]) -> Finding:
    """A finding that the alarm's condition is over."""
    onset_ts, ts, value, expected, score, rank, contributions, evidence, window, source = packed
    return Finding(
        asset=alarm.asset,
        sensor=alarm.sensor or None,
        kind=alarm.kind,
        rule=alarm.rule,
        active=False,
        onset_ts=onset_ts,
        ts=ts,
        value=value,
        expected=Expected(*expected),
        score=score,
        rank=rank,
        contributions=tuple(Share(*share) for share in contributions),
        evidence=evidence,
        window=Window(*window) if window else None,
        source=source,
    )
