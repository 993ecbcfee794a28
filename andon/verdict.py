"""Which of the known faults were found, after how long, and what was raised without a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.alerts import Transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from andon.plant import Fault
    from contracts.alerts import Alert

__all__ = ["TAIL_MS", "Verdict", "judge"]

TAIL_MS = 2 * 3600 * 1000
"""For so long after its end a fault may be told of: windows close late, and a return to normal is a change too."""

FALSE_ALARMS_MAX = 1
"""In one demo. More would be a nuisance, none can't be promised: the budget is half an alarm a week and machine."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of each fault."""

    faults: tuple[Fault, ...]
    found: tuple[Alert | None, ...]
    """The first alert that told of each fault."""
    false_alarms: tuple[Alert, ...]

    @property
    def good(self) -> bool:
        """Every fault was found, with at most `FALSE_ALARMS_MAX` false alarms."""
        return all(self.found) and len(self.false_alarms) <= FALSE_ALARMS_MAX

    def after_s(self, index: int) -> float | None:
        """Seconds of the plant's time from a fault's start to its alert."""
        alert = self.found[index]
        return None if alert is None else (alert.ts - self.faults[index].start_ms) / 1000

    def document(self) -> dict[str, Any]:
        """As plain data."""
        faults = [
            {
                "kind": fault.kind,
                "asset": fault.asset,
                "sensor": fault.sensor,
                "found": self.found[index] is not None,
                "after_s": self.after_s(index),
            }
            for index, fault in enumerate(self.faults)
        ]
        return {"faults": faults, "false_alarms": len(self.false_alarms)}


def judge(faults: Sequence[Fault], alerts: Iterable[Alert]) -> Verdict:
    """Compare what was raised for the operator's attention with what was done to the plant.

    A fault is found by an alert of its own kind, on its sensor or on its asset as a whole, from its start to `TAIL_MS`
    after its end. An alert of another kind there is a consequence. Everything else is a false alarm.
    """
    raised = [alert for alert in alerts if alert.transition is Transition.RAISED and alert.annunciated]
    found = tuple(
        next((alert for alert in raised if alert.kind is fault.kind and _belongs(alert, fault)), None)
        for fault in faults
    )
    false_alarms = tuple(alert for alert in raised if not any(_belongs(alert, fault) for fault in faults))
    return Verdict(tuple(faults), found, false_alarms)


def _belongs(alert: Alert, fault: Fault) -> bool:
    within = fault.start_ms <= alert.ts <= fault.end_ms + TAIL_MS
    return within and alert.asset == fault.asset and alert.sensor in (fault.sensor, None)
