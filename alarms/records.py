"""What an alarm writes: an alert for each transition, and the record of what stands after it.

The first alert of a transition is made from the finding that caused it. What people and clocks cause has no finding:
there the alarm's newest alert is said again, with what has changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import orjson

from alarms.holds import NOTHING, Act, Holding, plain
from alarms.wording import message
from contracts.alarm_states import AlarmRecord
from contracts.alerts import (
    Alert,
    AlertRecord,
    Contribution,
    ExpectedRange,
    State,
    Transition,
    WindowSpan,
    event_id,
    priority_of,
    read_alert,
)
from contracts.findings import Evidence, Kind, Share

if TYPE_CHECKING:
    from alarms.alarm import Alarm
    from contracts.findings import Finding
    from contracts.settings import ResolvedRule, Settings

__all__ = ["Writer", "severity_of"]

Value = TypeVar("Value")


class Writer:
    """Writes the records of one key group. Cost: about 30 µs a transition."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules: dict[tuple[str, str], ResolvedRule] = {}

    def rule(self, asset: str, sensor: str) -> ResolvedRule:
        """What is watched on a sensor; "" for the asset as a whole."""
        rule = self._rules.get((asset, sensor))
        if rule is None:
            rule = self._rules[asset, sensor] = self._settings.rule(asset, sensor)
        return rule

    def from_finding(
        self,
        alarm: Alarm,
        finding: Finding,
        transition: Transition,
        *,
        ts: int,
        annunciated: bool,
        more: Evidence,
        remark: str = "",
    ) -> AlertRecord:
        """A transition that data caused: the alarm has its new state already, and keeps what was written.

        Args:
            ts: of the transition (ms): the finding's own, or later where it was held back.
            more: evidence beside the finding's.
            remark: what is said beside the condition; empty for nothing.
        """
        rule = self.rule(alarm.asset, alarm.sensor)
        alarm.said = said = message(finding, rule.unit)
        shown = _significant if finding.kind in (Kind.ANOMALY, Kind.DRIFT) else _exact
        alert = Alert(
            alert_id=alarm.alert_id,
            transition=transition,
            state=alarm.state,
            annunciated=annunciated,
            kind=finding.kind,
            rule=finding.rule,
            site=self._settings.site.name,
            asset=finding.asset,
            sensor=finding.sensor,
            unit=rule.unit if finding.sensor else None,
            severity=alarm.severity,
            priority=priority_of(alarm.severity),
            onset_ts=alarm.onset_ts,
            ts=ts,
            value=finding.value,
            expected=ExpectedRange(low=shown(finding.expected.low), high=shown(finding.expected.high)),
            score=_significant(finding.score),
            rank=_significant(finding.rank),
            contributions=tuple(Contribution(sensor=part.sensor, share=part.share) for part in _shares(finding)),
            evidence={**{name: shown(value) for name, value in finding.evidence.items()}, **more},
            window=_span(finding),
            message=f"{said}; {remark}" if remark else said,
        )
        alarm.body = _kept(alert)
        return AlertRecord(
            alert=alert,
            event_id=event_id(alert=alarm.alert_id, transition=transition, cause=str(ts)),
            source=finding.source,
            config=rule.config_hash,
            body=alarm.body,
        )

    def from_newest(
        self,
        alarm: Alarm,
        transition: Transition,
        *,
        ts: int,
        cause: str,
        annunciated: bool,
        remark: str,
        by: str | None = None,
        comment: str | None = None,
        source: str = "",
    ) -> AlertRecord:
        """A transition that a person or a clock caused: the alarm has its new state already.

        Args:
            ts: of the transition, ms since the epoch.
            cause: what the transition's id is made of.
            remark: what is said beside the condition.
            source: `topic/partition/offset` of the command; empty where there is none.
        """
        record = self.again(
            read_alert(alarm.body),
            transition,
            state=alarm.state,
            ts=ts,
            cause=cause,
            annunciated=annunciated,
            text=f"{alarm.said}; {remark}",
            by=by,
            comment=comment,
            source=source,
        )
        alarm.body = record.body
        return record

    def again(
        self,
        alert: Alert,
        transition: Transition,
        *,
        state: State,
        ts: int,
        cause: str,
        annunciated: bool,
        text: str,
        by: str | None = None,
        comment: str | None = None,
        source: str = "",
    ) -> AlertRecord:
        """An alert said again with what has changed."""
        again = replace(
            alert,
            transition=transition,
            state=state,
            annunciated=annunciated,
            ts=ts,
            by=by,
            comment=comment,
            message=text,
        )
        return AlertRecord(
            alert=again,
            event_id=event_id(alert=alert.alert_id, transition=transition, cause=cause),
            source=source,
            config=self.rule(alert.asset, alert.sensor or "").config_hash,
            body=_kept(again),
        )

    def before_records(self, alarm: Alarm) -> None:
        """Give an alarm that was saved before alerts were kept the alert that it lacks."""
        rule = self.rule(alarm.asset, alarm.sensor)
        subject = " ".join(part for part in (alarm.asset, alarm.sensor, alarm.kind.value, alarm.rule) if part)
        alarm.said = f"{subject} is active"
        alarm.body = Alert(
            alert_id=alarm.alert_id,
            transition=Transition.RAISED,
            state=alarm.state,
            annunciated=True,
            kind=alarm.kind,
            rule=alarm.rule,
            site=self._settings.site.name,
            asset=alarm.asset,
            sensor=alarm.sensor or None,
            unit=rule.unit if alarm.sensor else None,
            severity=alarm.severity,
            priority=priority_of(alarm.severity),
            onset_ts=alarm.onset_ts,
            ts=alarm.raised_ts,
            value=None,
            expected=ExpectedRange(),
            score=None,
            rank=None,
            contributions=(),
            evidence={},
            window=None,
            message=alarm.said,
        ).body()


def state_record(alarm: Alarm, holding: Holding = NOTHING) -> AlarmRecord:
    """What stands of an alarm: byte for byte the body of an `AlarmState`, or a tombstone if it is normal."""
    if not alarm.stands:
        return AlarmRecord(alarm.key, None)
    span = alarm.maintained
    suppressed = holding.suppressed or (span and Act(MAINTENANCE, span.comment, span.start, span.end))
    body = {
        "schema": 1,
        "alert": orjson.Fragment(alarm.body),
        "said": alarm.said,
        "raised_ts": alarm.raised_ts,
        "acknowledged": plain(alarm.acknowledged),
        "shelved": plain(holding.shelved),
        "suppressed": plain(suppressed),
        "out_of_service": plain(holding.out_of_service),
        "chattering": alarm.chatters,
    }
    return AlarmRecord(alarm.key, orjson.dumps(body))


MAINTENANCE = "maintenance"
"""In place of a person: the calendar in the settings."""


def _kept(alert: Alert) -> bytes:
    """The alert's body in as many bytes as it has: those that orjson returns lie in a buffer of 8 KiB."""
    return bytes(memoryview(alert.body()))


_SEVERITY_DEFAULT = 500
"""Of a kind that no rule gives a severity (any more)."""


def severity_of(finding: Finding, rule: ResolvedRule) -> int:
    """What the settings say of a finding's kind and rule (1-1000)."""
    if finding.kind is Kind.LIMIT and rule.limit is not None:
        return rule.limit.severity_of(finding.rule)
    part = getattr(rule, finding.kind, None)
    return part.severity if part is not None else _SEVERITY_DEFAULT


def _span(finding: Finding) -> WindowSpan | None:
    window = finding.window
    return WindowSpan(start=window.start, end=window.end, count=window.count) if window else None


def _shares(finding: Finding) -> tuple[Share, ...]:
    """The finding's contributions; a finding about one sensor is all that sensor's."""
    if finding.contributions or finding.sensor is None:
        return finding.contributions
    return (Share(finding.sensor, 1.0),)


def _exact(value: Value) -> Value:
    """What a person set, or a sensor said, is repeated as it is."""
    return value


def _significant(value: Value) -> Value:
    """What a model computed: six significant digits are enough for people, and short on the wire."""
    return float(f"{value:.6g}") if isinstance(value, float) else value  # type: ignore[return-value]
