"""The alarms of one asset, and what people hold back of it: who is covered by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alarms.holds import NOTHING, Holds
from alarms.records import state_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alarms.alarm import Alarm
    from alarms.deadlines import Subject
    from contracts.alarm_states import AlarmRecord
    from contracts.commands import Scope

__all__ = ["Asset"]

_COVERED_BY = {"h": "hh", "l": "ll"}
"""While the outer limit is active, the inner one's transitions are recorded and not annunciated."""

_COVERS = {outer: inner for inner, outer in _COVERED_BY.items()}


@dataclass(slots=True)
class Asset:
    """One asset. Alarms that are normal are in it as long as they may chatter."""

    name: str
    holds: Holds
    alarms: dict[Subject, Alarm] = field(default_factory=dict)
    waits_ms: int | None = None
    """When its shelves are looked at next. Not saved."""

    @property
    def empty(self) -> bool:
        """Nothing need be remembered of it."""
        return not self.alarms and not self.holds

    def standing(self) -> list[Alarm]:
        """The alarms that aren't normal."""
        return [alarm for alarm in self.alarms.values() if alarm.stands]

    def covered(self, scopes: Iterable[Scope]) -> list[Alarm]:
        """The alarms that aren't normal and that any of these scopes means."""
        return [
            alarm
            for alarm in self.standing()
            if any(scope.covers(sensor=alarm.sensor, kind=alarm.kind, rule=alarm.rule) for scope in scopes)
        ]

    def find(self, alert_id: str | None) -> Alarm | None:
        """The alarm that stands with this episode."""
        return next((alarm for alarm in self.standing() if alarm.alert_id == alert_id), None)

    def with_covered(self, alarm: Alarm) -> list[Alarm]:
        """An alarm, and before it the one that it covers: that one's past must be told before this one changes."""
        inner = self.alarms.get((alarm.sensor, alarm.kind, _COVERS.get(alarm.rule, "")))
        return [alarm] if inner is None else [inner, alarm]

    def is_free(self, alarm: Alarm, ts: int) -> bool:
        """Whether nobody holds an alarm back, and no outer limit covers it at `ts` (ms)."""
        if self.holds.covering(sensor=alarm.sensor, kind=alarm.kind, rule=alarm.rule) != NOTHING:
            return False
        outer = self.alarms.get((alarm.sensor, alarm.kind, _COVERED_BY.get(alarm.rule, "")))
        if outer is None or not outer.active:
            return True
        return outer.held_back is not None and outer.held_back.until_ts <= ts

    def record(self, alarm: Alarm) -> AlarmRecord:
        """What the alarm-state topic must say of an alarm."""
        return state_record(alarm, self.holds.covering(sensor=alarm.sensor, kind=alarm.kind, rule=alarm.rule))

    def records(self) -> Iterator[AlarmRecord]:
        """What the alarm-state topic must say of the asset."""
        for alarm in self.standing():
            yield self.record(alarm)
        for scope in self.holds:
            yield self.holds.record(scope)
