"""One line that an operator understands: what is wrong, where, how far, for how long; then what was done about it.

press-0012 temp 97.1 degC above HH 95 degC for 5 s; acknowledged by maria: checking the valve
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from contracts.alerts import Transition
from contracts.findings import Kind
from contracts.limits import TS_MS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.findings import Finding

__all__ = ["act", "duration", "held_back", "maintenance", "message", "moment", "quantity", "reconciled"]


def message(finding: Finding, unit: str | None) -> str:
    """The alert's line: `press-0012 temp 97.1 degC above HH 95 degC for 5 s`."""
    subject = f"{finding.asset} {finding.sensor}" if finding.sensor else finding.asset
    return f"{subject} {_WORDING[finding.kind](finding, unit)}"


def quantity(value: float | str | None, unit: str | None) -> str:
    """A value with its unit, to four significant digits or to the whole unit."""
    if not isinstance(value, int | float):
        return "?"
    figure = f"{value:.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{figure} {unit}" if unit else figure


def duration(span_ms: float) -> str:
    """A span of time in its largest sensible unit: `5 s`, `12 min`, `3.5 h`, `2 d`."""
    for size_ms, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if span_ms >= 2 * size_ms or (span_ms >= size_ms and span_ms % size_ms == 0):
            return f"{span_ms / size_ms:.3g} {unit}"
    return f"{span_ms / 1000:.3g} s"


def moment(ts: int) -> str:
    """A time (ms since the epoch) as people write it: `2026-11-22 14:00 UTC`."""
    if not 0 <= ts <= TS_MS_MAX:
        return f"{ts} ms"
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ts)
    return when.strftime("%Y-%m-%d %H:%M UTC" if ts % 60_000 == 0 else "%Y-%m-%d %H:%M:%S UTC")


def act(
    transition: Transition, *, by: str | None, comment: str | None, active: bool, until_ts: int | None = None
) -> str:
    """What a person did to an alarm, or what became of it without one: `shelved until 2026-11-22 14:00 UTC by maria`.

    Args:
        by: who; None: nobody, its time had come.
        active: the condition lasts. Who ends a hold must hear of it.
        until_ts: of a shelf (ms).
    """
    done = _ACTS[transition] if by else _ACTS_OF_NOBODY[transition]
    until = "" if until_ts is None else f" until {moment(until_ts)}"
    who = f" by {by}" if by else ""
    lasts = ", still active" if active and transition in _ENDINGS else ""
    why = f": {one_line(comment)}" if comment else ""
    return f"{done}{until}{who}{lasts}{why}"


def maintenance(transition: Transition, *, comment: str | None, active: bool) -> str:
    """What the maintenance calendar did to an alarm: `suppressed: maintenance (annual overhaul)`."""
    work = f"maintenance ({one_line(comment)})" if comment else "maintenance"
    if transition is Transition.SUPPRESSED:
        return f"suppressed: {work}"
    return f"{work} ended" + (", still active" if active else "")


def reconciled(*, stands: bool, by: str | None = None) -> str:
    """What a start found, when it compared what the topic says with what is known; `by`: who had acknowledged it."""
    found = f"acknowledged by {by}" if by else "stands" if stands else "over"
    return f"{found}, as was found after a start"


def held_back(span_ms: int) -> str:
    """Why the end of an alarm is told so late."""
    return f"told {duration(span_ms)} later, as it came again and again"


def one_line(comment: str) -> str:
    """A comment may have several lines, a message may not."""
    return " ".join(comment.split())


_ENDINGS = (Transition.UNSHELVED, Transition.UNSUPPRESSED, Transition.IN_SERVICE)

_ACTS = {
    Transition.ACKNOWLEDGED: "acknowledged",
    Transition.SHELVED: "shelved",
    Transition.UNSHELVED: "unshelved",
    Transition.SUPPRESSED: "suppressed",
    Transition.UNSUPPRESSED: "unsuppressed",
    Transition.OUT_OF_SERVICE: "taken out of service",
    Transition.IN_SERVICE: "put in service again",
}
_ACTS_OF_NOBODY = {
    Transition.UNSHELVED: "shelf ended",
    Transition.REMOVED: "no longer watched",
}


_UNUSUAL = {
    "spread": "fluctuates unusually",
    "season": "is unusual for this hour of the day",
    "shape": "takes an unusual course",
    "spike": "jumps unusually",
}
"""By what found it: a value may be unusual for its hour, or in its course, though its level isn't."""


def _lasted(finding: Finding) -> str:
    return f"after {duration(finding.ts - finding.onset_ts)}"


def _limit(finding: Finding, unit: str | None) -> str:
    value = quantity(finding.value, unit)
    high = finding.rule in ("hh", "h")
    limit = f"{finding.rule.upper()} {quantity(finding.evidence['limit'], unit)}"
    if not finding.active:
        return f"{value} back {'below' if high else 'above'} {limit} {_lasted(finding)}"
    held_ms = finding.ts - finding.onset_ts
    return f"{value} {'above' if high else 'below'} {limit}" + (f" for {duration(held_ms)}" if held_ms else "")


def _rate(finding: Finding, unit: str | None) -> str:
    per_s = f"{unit or ''}/s"
    verb = "rises" if finding.rule == "rise" else "falls"
    maximum = quantity(finding.evidence["rate_max_per_s"], per_s)
    if not finding.active:
        return f"{verb} no faster than {maximum} again {_lasted(finding)}"
    rate = quantity(finding.evidence["rate_per_s"], per_s)
    return f"{verb} by {rate}, faster than {maximum}, to {quantity(finding.value, unit)}"


def _flatline(finding: Finding, unit: str | None) -> str:
    if not finding.active:
        return f"moves again, {quantity(finding.value, unit)}, {_lasted(finding)}"
    return f"stuck at {quantity(finding.value, unit)} for {duration(finding.ts - finding.onset_ts)}"


def _stale(finding: Finding, unit: str | None) -> str:
    after_ms = finding.evidence["after_ms"]
    assert isinstance(after_ms, int | float)
    if not finding.active:
        return f"speaks again after {duration(finding.ts - finding.onset_ts + after_ms)} of silence"
    last = f"; last value {quantity(finding.value, unit)}" if finding.sensor and finding.value is not None else ""
    return (
        f"silent for {duration(after_ms)}{last}"
        if finding.sensor
        else f"silent: no sensor spoke for {duration(after_ms)}"
    )


def _anomaly(finding: Finding, unit: str | None) -> str:
    if not finding.active:
        return f"behaves normally again {_lasted(finding)}"
    if finding.sensor is None:
        first = ", ".join(share.sensor for share in finding.contributions[:3])
        return f"behaves unusually, most of all {first}" if first else "behaves unusually"
    low, high = finding.expected
    told = (
        f"{_UNUSUAL.get(str(finding.evidence.get('found_by')), 'behaves unusually')}: {quantity(finding.value, unit)}"
    )
    if low is None or high is None:
        return told
    return f"{told}; its level is usually {quantity(low, None)} to {quantity(high, unit)}"


def _drift(finding: Finding, unit: str | None) -> str:
    before, latest = finding.evidence.get("from"), finding.evidence.get("to")
    if not finding.active:
        return f"has a new normal {_lasted(finding)}"
    if before is None or latest is None:
        return "has moved and stayed"
    return f"has moved from {quantity(before, None)} to {quantity(latest, unit)} and stayed"


def _capacity(finding: Finding, _unit: str | None) -> str:
    if not finding.active:
        return f"refuses no new names any more {_lasted(finding)}"
    if finding.rule == "sensors":
        return f"has more than {finding.evidence['sensors_max']} sensors: new ones are refused"
    return f"belongs to a key group of more than {finding.evidence['series_max']} series: new ones are refused"


def _flood(_finding: Finding, _unit: str | None) -> str:
    return "has more alarms than a person can follow"


def _inventory(finding: Finding, _unit: str | None) -> str:
    told = finding.evidence
    gateway, protocol = told["gateway"], told["protocol"]
    if finding.rule == "vanished":
        if not finding.active:
            return f"is back: gateway {gateway} reads it again by {protocol}, {_lasted(finding)}"
        return f"is {told['state']}: gateway {gateway} can't read it by {protocol} ({told['why']})"
    if not finding.active:
        return "is no news any more"
    if finding.rule == "appeared":
        who = f" ({told['model']})" if told["model"] else ""
        return f"is new: gateway {gateway} reads it by {protocol} at {told['address']}{who}"
    changes = (f"{name} {told[f'{name}_from']} → {told[f'{name}_to']}" for name in str(told["what"]).split(", "))
    return f"has changed: {'; '.join(changes)}"


_WORDING: dict[Kind, Callable[[Finding, str | None], str]] = {
    Kind.LIMIT: _limit,
    Kind.RATE: _rate,
    Kind.FLATLINE: _flatline,
    Kind.STALE: _stale,
    Kind.ANOMALY: _anomaly,
    Kind.DRIFT: _drift,
    Kind.CAPACITY: _capacity,
    Kind.FLOOD: _flood,
    Kind.INVENTORY: _inventory,
}
