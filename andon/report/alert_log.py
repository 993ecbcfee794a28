"""Alerts read back for their figures: each transition once, from the alert topic or from lines of JSON."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO

from pydantic import ValidationError

from andon.report.figures import Event, event_of
from contracts.alerts import State, Transition, read_alert
from contracts.errors import SourceError
from contracts.limits import MESSAGE_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.alarm_states import AlarmState

__all__ = ["ALERTS_MAX", "AlertLog", "lines_of"]

ALERTS_MAX = 1_000_000
"""Held in memory for a report, about 0.5 kB each."""


class AlertLog:
    """Alerts in the order in which they were read, without those that were read before.

    After a kill -9 the service repeats alerts, so the same transition may be on the topic twice. It is told by its
    `ce_id`, or where there is none, as in a file, by the bytes of its body.
    """

    def __init__(self, *, alerts_max: int = ALERTS_MAX) -> None:
        self._alerts_max = alerts_max
        self.events: list[Event] = []
        self.repeated = 0
        self.unreadable = 0
        self._seen: set[bytes] = set()
        self._alert_ids: set[str] = set()

    @property
    def read(self) -> int:
        """Everything that was taken."""
        return len(self._seen) + self.repeated + self.unreadable

    def take(self, body: bytes | None, event_id: bytes | None = None) -> None:
        """One alert as it stands on the topic. What can't be read is counted.

        Raises: SourceError if there are more than `alerts_max`.
        """
        try:
            alert = read_alert(body or b"")
        except ValidationError:
            self.unreadable += 1
            return
        identity = blake2b(event_id or body or b"", digest_size=16).digest()
        if identity in self._seen:
            self.repeated += 1
            return
        if len(self._seen) >= self._alerts_max:
            raise SourceError(f"more than {self._alerts_max:,} alerts: report a shorter time with --since.")
        self._seen.add(identity)
        self._keep(event_of(alert))

    def stands(self, state: AlarmState) -> None:
        """An alarm of the alarm-state topic: known here too, if all its alerts are older than what was read."""
        newest = event_of(state.alert)
        if newest.alert_id in self._alert_ids:
            return
        self._keep(newest._replace(transition=Transition.RAISED, state=State.ACTIVE_UNACKED, ts=state.raised_ts))
        if newest.transition is not Transition.RAISED:
            self._keep(newest)

    def _keep(self, event: Event) -> None:
        self._alert_ids.add(event.alert_id)
        self.events.append(event)


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that aren't empty. One that is longer than any alert can be comes cut, and can't be read."""
    while line := file.readline(MESSAGE_BYTES_MAX):
        whole = line.endswith(b"\n")
        while not whole and (rest := file.readline(MESSAGE_BYTES_MAX)):
            whole = rest.endswith(b"\n")
        if line.strip():
            yield line.strip()
