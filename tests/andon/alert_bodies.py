"""Alerts made by hand, for tests of what is read out of them."""

from __future__ import annotations

from contracts.alerts import Alert, ExpectedRange, State, Transition, alert_id, priority_of
from contracts.findings import Kind

__all__ = ["NOON", "alert"]

NOON = 1_700_049_600_000
"""12:00 UTC, where a period of ten minutes begins."""

_STATES = {
    Transition.RAISED: State.ACTIVE_UNACKED,
    Transition.ACKNOWLEDGED: State.ACTIVE_ACKED,
    Transition.CLEARED: State.NORMAL,
    Transition.REMOVED: State.NORMAL,
    Transition.SHELVED: State.ACTIVE_UNACKED,
}


def alert(
    ts: int,
    transition: str = "raised",
    *,
    onset_ts: int | None = None,
    asset: str = "press-1",
    sensor: str | None = "temp",
    kind: Kind = Kind.LIMIT,
    rule: str = "hh",
    severity: int = 900,
    annunciated: bool = True,
    state: State | None = None,
    site: str = "plant-1",
) -> Alert:
    """One transition; a raise is its own onset."""
    onset_ts = ts if onset_ts is None else onset_ts
    return Alert(
        alert_id=alert_id(asset=asset, sensor=sensor, kind=kind, rule=rule, onset_ts=onset_ts),
        transition=Transition(transition),
        state=state or _STATES[Transition(transition)],
        annunciated=annunciated,
        kind=kind,
        rule=rule,
        site=site,
        asset=asset,
        sensor=sensor,
        unit=None,
        severity=severity,
        priority=priority_of(severity),
        onset_ts=onset_ts,
        ts=ts,
        value=None,
        expected=ExpectedRange(),
        score=None,
        rank=None,
        contributions=(),
        evidence={},
        window=None,
        message=f"{asset} is too hot",
    )
