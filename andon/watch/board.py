"""What `andon watch` shows, in order: alarms that need somebody first, what is held back apart, floods above all.

Pure: made of the table anew whenever that has changed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.alarm_states import alarm_key
from contracts.alerts import Priority, State
from contracts.findings import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from andon.table import Table
    from contracts.alarm_states import AlarmState, Hold, HoldState
    from contracts.alerts import Alert

__all__ = ["Board", "Row", "board_of", "holds_on"]

_COVERED_BY = {"h": "hh", "l": "ll"}
_ACTIVE = (State.ACTIVE_UNACKED, State.ACTIVE_ACKED)
_URGENCY = {priority: place for place, priority in enumerate(Priority)}


@dataclass(frozen=True, slots=True)
class Row:
    """One line that can be selected: an alarm, or something that is held back while no alarm of it stands."""

    key: str
    alarm: AlarmState | None
    hold: HoldState | None = None
    covered_by: str = ""
    """The outer limit that is active too: this alarm says nothing new."""

    @property
    def held(self) -> bool:
        """People, or maintenance, hold it back."""
        return self.alarm is None or bool(holds_on(self.alarm))

    @property
    def calls(self) -> bool:
        """It waits for somebody: not acknowledged, not held back, and not a lesser form of another alarm."""
        waits = self.alarm is not None and self.alarm.alert.state in (State.ACTIVE_UNACKED, State.RETURNED_UNACKED)
        return waits and not self.held and not self.covered_by


@dataclass(frozen=True, slots=True)
class Board:
    """All rows, the counts above them, and what is wrong with the whole."""

    standing: tuple[Row, ...] = ()
    """By priority, then the newest first."""
    held: tuple[Row, ...] = ()
    """Alarms that are held back in the same order, then what is held back without an alarm."""
    floods: tuple[AlarmState, ...] = ()
    counts: Counter[Priority] = field(default_factory=Counter)
    """Of `standing`."""
    calling: Counter[Priority] = field(default_factory=Counter)
    shelves: tuple[HoldState, ...] = ()
    unreadable: int = 0
    by_key: Mapping[str, AlarmState] = field(default_factory=dict)

    def alarm_of(self, alert: Alert) -> AlarmState | None:
        """What stands of an alarm, if it is still the same episode of it."""
        key = alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule)
        now = self.by_key.get(key)
        return now if now is not None and now.alert.alert_id == alert.alert_id else None

    def rows(self, *, with_held: bool) -> tuple[Row, ...]:
        """What can be selected, from top to bottom."""
        return self.standing + self.held if with_held else self.standing


def board_of(table: Table) -> Board:
    """Sort what stands. Cost: half a second for 50,000 alarms."""
    active = {
        (alert.asset, alert.sensor, alert.rule)
        for alert in (state.alert for state in table.alarms.values())
        if alert.kind is Kind.LIMIT and alert.state in _ACTIVE
    }
    standing: list[Row] = []
    held: list[Row] = []
    floods: list[AlarmState] = []
    for key, state in table.alarms.items():
        alert = state.alert
        if alert.kind is Kind.FLOOD:
            floods.append(state)
        elif holds_on(state):
            held.append(Row(key, state))
        else:
            outer = _COVERED_BY.get(alert.rule, "") if alert.kind is Kind.LIMIT else ""
            covered = (alert.asset, alert.sensor, outer) in active
            standing.append(Row(key, state, covered_by=outer if covered else ""))
    standing.sort(key=_order)
    held.sort(key=_order)
    held += _without_alarm(table.holds, held)
    return Board(
        standing=tuple(standing),
        held=tuple(held),
        floods=tuple(floods),
        counts=_counted(standing),
        calling=_counted([row for row in standing if row.calls]),
        shelves=tuple(hold for hold in table.holds.values() if hold.shelved is not None),
        unreadable=table.unreadable,
        by_key=dict(table.alarms),
    )


def holds_on(state: AlarmState | HoldState) -> list[tuple[str, Hold]]:
    """What holds it back, in words, and who said so."""
    kinds = (("shelved", state.shelved), ("suppressed", state.suppressed), ("out of service", state.out_of_service))
    return [(words, hold) for words, hold in kinds if hold is not None]


def _order(row: Row) -> tuple[int, int, str]:
    assert row.alarm is not None
    return _URGENCY[row.alarm.alert.priority], -row.alarm.raised_ts, row.key


def _without_alarm(holds: dict[str, HoldState], held: list[Row]) -> list[Row]:
    """What is held back and has no row yet that shows it."""
    by_asset: dict[str, list[Alert]] = defaultdict(list)
    for row in held:
        if row.alarm is not None:
            by_asset[row.alarm.alert.asset].append(row.alarm.alert)
    return [
        Row(key, None, hold)
        for key, hold in sorted(holds.items())
        if not any(
            hold.scope.covers(sensor=alert.sensor or "", kind=alert.kind, rule=alert.rule)
            for alert in by_asset[hold.asset]
        )
    ]


def _counted(rows: list[Row]) -> Counter[Priority]:
    return Counter(row.alarm.alert.priority for row in rows if row.alarm is not None)
