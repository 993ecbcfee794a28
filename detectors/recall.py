"""Recall: what the alarm-state topic knows after a start, and the saved state doesn't.

A process that dies loses what it did since its last snapshot. Readings and commands come again, and so do the findings
that rest on them; what a clock found doesn't. So a silence that was told just before is compared with what is known
now, once the lanes have caught up: while its sensor, or its asset, hasn't spoken since, it lasts (stale.py).

Misses: records that this andon can't read; they say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contracts.alarm_states import AlarmState, HoldState, parse_key
from contracts.alerts import State
from contracts.findings import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.alarm_states import Recorded

__all__ = ["Silence", "out_of_service", "silences"]

_ACTIVE = (State.ACTIVE_UNACKED, State.ACTIVE_ACKED)


class Silence(NamedTuple):
    """A stale alarm that is recorded as active."""

    asset: str
    sensor: str | None
    """None: the asset as a whole."""
    onset_ts: int
    after_ms: int
    last_ts: int
    """Event time of the last sign of life (ms), as the alarm told it."""


def silences(recorded: Recorded) -> Iterator[Silence]:
    """The stale alarms that are recorded as active."""
    for record in recorded.records:
        named = parse_key(record.key)
        if record.body is None or named is None or named[0] != "alarm" or f"/{Kind.STALE}/" not in record.key:
            continue
        try:
            alert = AlarmState.model_validate_json(record.body).alert
        except ValueError:
            continue
        after_ms, last_ts = alert.evidence.get("after_ms"), alert.evidence.get("last_ts")
        stands = alert.kind is Kind.STALE and alert.state in _ACTIVE
        if stands and isinstance(after_ms, int) and isinstance(last_ts, int):
            yield Silence(alert.asset, alert.sensor, alert.onset_ts, after_ms, last_ts)


def out_of_service(recorded: Recorded) -> Iterator[tuple[str, str | None]]:
    """(asset, sensor) of what people have taken out of service; a sensor of None: the asset as a whole."""
    for record in recorded.records:
        named = parse_key(record.key)
        if record.body is None or named is None or named[0] != "hold":
            continue
        try:
            hold = HoldState.model_validate_json(record.body)
        except ValueError:
            continue
        if hold.out_of_service is not None and hold.sensor != "" and hold.kind is None and hold.rule is None:
            yield hold.asset, hold.sensor
