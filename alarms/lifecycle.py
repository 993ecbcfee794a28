"""The life of an alarm: findings in, transitions out.

One alarm for each (asset, sensor, kind, rule). A finding that says what is known already makes no transition, so a
restart or a repeated reading emits nothing.

    normal ──(finding becomes true)──► raised: active_unacked ──(finding becomes false)──► cleared: normal

Acknowledging, shelving and suppression will hang on the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from alarms.wording import message
from contracts.alerts import (
    Alert,
    AlertRecord,
    Contribution,
    ExpectedRange,
    State,
    Transition,
    WindowSpan,
    alert_id,
    event_id,
    priority_of,
)
from contracts.errors import StateError
from contracts.findings import Kind, Share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.findings import Finding
    from contracts.settings import ResolvedRule, Settings

__all__ = ["Alarms"]

VERSION = 1

Value = TypeVar("Value")

Key = tuple[str, str, str, str]
"""(asset, sensor or "", kind, rule)."""

_COVERED_BY = {"h": "hh", "l": "ll"}
"""While the outer limit is active, the inner one's transitions are recorded and not annunciated."""


@dataclass(slots=True)
class _Active:
    onset_ts: int
    severity: int


class Alarms:
    """The alarms of one key group.

    Cost: about 25 µs a transition; findings are rare, readings never come here.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._active: dict[Key, _Active] = {}
        self._rules: dict[tuple[str, str], ResolvedRule] = {}

    @classmethod
    def restore(cls, settings: Settings, snapshot: dict[str, Any]) -> Self:
        """The alarms as `snapshot` left them.

        Raises: StateError if the snapshot is of a version that isn't known here.
        """
        if snapshot.get("version") != VERSION:
            raise StateError(
                f"alarms: the saved state has version {snapshot.get('version')!r}, this andon knows {VERSION}."
            )
        alarms = cls(settings)
        for asset, sensor, kind, rule, onset_ts, severity in snapshot["active"]:
            alarms._active[asset, sensor, kind, rule] = _Active(onset_ts, severity)
        return alarms

    def snapshot(self) -> dict[str, Any]:
        """Plain data, independent of what happens later."""
        return {
            "version": VERSION,
            "active": [(*key, alarm.onset_ts, alarm.severity) for key, alarm in self._active.items()],
        }

    @property
    def empty(self) -> bool:
        """No alarm is active: there is no state to keep."""
        return not self._active

    def active(self) -> Iterable[tuple[Key, int]]:
        """(key, severity) of every active alarm."""
        return [(key, alarm.severity) for key, alarm in self._active.items()]

    def decide(self, finding: Finding) -> AlertRecord | None:
        """The transition that a finding makes, if it makes one."""
        key: Key = (finding.asset, finding.sensor or "", finding.kind, finding.rule)
        alarm = self._active.get(key)
        if finding.active == (alarm is not None):
            return None
        rule = self._rule(finding.asset, finding.sensor or "")
        if finding.active:
            alarm = self._active[key] = _Active(finding.onset_ts, _severity(finding, rule))
        else:
            alarm = self._active.pop(key)
        return self._record(finding, alarm, rule)

    def _record(self, finding: Finding, alarm: _Active, rule: ResolvedRule) -> AlertRecord:
        transition = Transition.RAISED if finding.active else Transition.CLEARED
        identity = alert_id(
            asset=finding.asset,
            sensor=finding.sensor,
            kind=finding.kind,
            rule=finding.rule,
            onset_ts=alarm.onset_ts,
        )
        covering = _COVERED_BY.get(finding.rule)
        covered = covering is not None and (finding.asset, finding.sensor or "", finding.kind, covering) in self._active
        shown = _significant if finding.kind in (Kind.ANOMALY, Kind.DRIFT) else _exact
        alert = Alert(
            alert_id=identity,
            transition=transition,
            state=State.ACTIVE_UNACKED if finding.active else State.NORMAL,
            annunciated=not covered,
            kind=finding.kind,
            rule=finding.rule,
            site=self._settings.site.name,
            asset=finding.asset,
            sensor=finding.sensor,
            unit=rule.unit if finding.sensor else None,
            severity=alarm.severity,
            priority=priority_of(alarm.severity),
            onset_ts=alarm.onset_ts,
            ts=finding.ts,
            value=finding.value,
            expected=ExpectedRange(low=shown(finding.expected.low), high=shown(finding.expected.high)),
            score=_significant(finding.score),
            rank=_significant(finding.rank),
            contributions=tuple(Contribution(sensor=part.sensor, share=part.share) for part in _shares(finding)),
            evidence={name: shown(value) for name, value in finding.evidence.items()},
            window=_span(finding),
            message=message(finding, rule.unit),
        )
        return AlertRecord(
            alert=alert,
            event_id=event_id(alert=identity, transition=transition, cause=str(finding.ts)),
            source=finding.source,
            config=rule.config_hash,
        )

    def _rule(self, asset: str, sensor: str) -> ResolvedRule:
        rule = self._rules.get((asset, sensor))
        if rule is None:
            rule = self._rules[asset, sensor] = self._settings.rule(asset, sensor)
        return rule


_SEVERITY_DEFAULT = 500
"""Of a kind that no rule gives a severity (any more)."""


def _severity(finding: Finding, rule: ResolvedRule) -> int:
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
