"""Alarms as spans of time: from the alert that raised one to the alert that ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contracts.alerts import Transition
from contracts.findings import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.alerts import Alert

__all__ = ["AlarmSpan", "alarm_spans", "span_order"]


class AlarmSpan(NamedTuple):
    """One episode of one alarm."""

    raised_ts: int
    """ms since the epoch, as all times here."""
    cleared_ts: int | None
    """None: it stood at the end."""
    onset_ts: int
    asset: str
    sensor: str | None
    kind: str
    rule: str
    priority: str
    annunciated: bool
    """False: recorded, and not for the operator's attention."""
    message: str


_ENDS = frozenset({Transition.CLEARED, Transition.RECONCILED, Transition.REMOVED})

OF_THE_PLANT = frozenset({Kind.FLOOD, Kind.CAPACITY})
"""They tell of other alarms, and of andon itself."""


def alarm_spans(alerts: Iterable[Alert]) -> list[AlarmSpan]:
    """All alarms about assets, in the order in which they were raised.

    Args:
        alerts: in order of time; floods and bounds of the service among them are passed over.
    """
    spans: dict[str, AlarmSpan] = {}
    for alert in alerts:
        if alert.kind in OF_THE_PLANT:
            continue
        if alert.transition is Transition.RAISED:
            spans[alert.alert_id] = AlarmSpan(
                raised_ts=alert.ts,
                cleared_ts=None,
                onset_ts=alert.onset_ts,
                asset=alert.asset,
                sensor=alert.sensor,
                kind=str(alert.kind),
                rule=alert.rule,
                priority=str(alert.priority),
                annunciated=alert.annunciated,
                message=alert.message,
            )
        elif alert.transition in _ENDS and alert.alert_id in spans:
            spans[alert.alert_id] = spans[alert.alert_id]._replace(cleared_ts=alert.ts)
    return sorted(spans.values(), key=span_order)


def span_order(span: AlarmSpan) -> tuple[int, str, str, str, str, int]:
    """The order in which they were raised; of one moment, by their names."""
    return (span.raised_ts, span.asset, span.sensor or "", span.kind, span.rule, span.onset_ts)
