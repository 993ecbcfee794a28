"""What stands now: the alarm-state topic as a table of alarms, of what people hold back, and of who is watching.

A compacted topic says each thing under its key, the newest record counts, and a tombstone takes it back. Whoever shows
or changes alarms builds this table first.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click
from pydantic import ValidationError

from andon.printing import clock_of, lasting
from contracts.alarm_states import AlarmState, Heartbeat, HoldState, parse_key

if TYPE_CHECKING:
    import threading

    from pydantic import BaseModel

    from contracts.settings import Settings

__all__ = ["NotStanding", "Table", "Watching", "is_held", "now_ms", "read_table"]

MISSED_BEATS = 3
"""A heartbeat may be late, and clocks differ a little. After so many it isn't late."""

ID_DIGITS_MIN = 6
"""Of the start of an alert id: with fewer, another alarm's might begin alike tomorrow."""


class Watching(NamedTuple):
    """Whether a process of andon watches the plant."""

    state: Literal["running", "silent", "stopped", "never"]
    since_ts: int | None
    """The newest heartbeat, ms since the epoch; None: there never was one."""
    fault: str
    """A line for people; empty while it is running."""


class NotStanding(click.ClickException):
    """No alarm that stands has such an id."""


class Table:
    """The newest record of each key. Bounded by what stands.

    A record that can't be read is counted in `unreadable`, and what stood under its key before goes on standing: an
    alarm that vanishes from a screen is worse than an old one.
    """

    def __init__(self) -> None:
        self.alarms: dict[str, AlarmState] = {}
        self.holds: dict[str, HoldState] = {}
        self.heartbeats: dict[str, Heartbeat] = {}
        self.unreadable = 0
        self._sorts: dict[str, tuple[dict[str, Any], type[BaseModel]]] = {
            "alarm": (self.alarms, AlarmState),
            "hold": (self.holds, HoldState),
            "heartbeat": (self.heartbeats, Heartbeat),
        }

    def take(self, key: bytes | None, value: bytes | None) -> str | None:
        """One record of the topic; the key that it changed, or None where nothing changed."""
        try:
            name = (key or b"").decode()
            sort, _ = parse_key(name) or ("", "")
            rows, model = self._sorts[sort]
            if value is None:
                return name if rows.pop(name, None) is not None else None
            rows[name] = model.model_validate_json(value)
        except (UnicodeDecodeError, KeyError, ValidationError):
            self.unreadable += 1
            return None
        return name

    def find(self, alert_id: str) -> AlarmState:
        """The alarm whose alert id begins so.

        Raises: click.BadParameter if it is no start of an id; NotStanding; click.ClickException if several begin so.
        """
        start = alert_id.lower()
        if not re.fullmatch(rf"[0-9a-f]{{{ID_DIGITS_MIN},32}}", start):
            raise click.BadParameter(f"{alert_id!r} is no alert id: give its {ID_DIGITS_MIN} to 32 first hex digits.")
        found = [state for state in self.alarms.values() if state.alert.alert_id.startswith(start)]
        if not found:
            raise NotStanding(f"no alarm with the id {start} stands now. `andon alarms --all` lists all.")
        if len(found) > 1:
            ids = ", ".join(sorted(state.alert.alert_id for state in found[:5]))
            raise click.ClickException(f"{len(found)} alarms have ids that begin with {start}: {ids}. Give more of it.")
        return found[0]

    def watching(self, now_ms: int) -> Watching:
        """Whether a process has given a sign of life lately. One is enough: a cluster lives and dies together."""
        if not self.heartbeats:
            return Watching("never", None, "no heartbeat yet: nothing shows that `andon run` watches the plant")
        newest = max(self.heartbeats.values(), key=lambda beat: beat.ts)
        running = [beat for beat in self.heartbeats.values() if beat.state == "running"]
        if any(now_ms - beat.ts <= MISSED_BEATS * beat.every_s * 1000 for beat in running):
            return Watching("running", newest.ts, "")
        silence = lasting(max(0, now_ms - newest.ts) // 1000)
        if newest.state == "stopped":
            fault = f"`andon run` was stopped at {clock_of(newest.ts)} UTC, {silence} ago: alarms are as they were then"
            return Watching("stopped", newest.ts, fault)
        return Watching("silent", newest.ts, f"no heartbeat for {silence}: alarms may be out of date")


def is_held(state: AlarmState) -> bool:
    """Whether nobody is called for an alarm, because people or maintenance hold it back."""
    return not (state.shelved is None and state.suppressed is None and state.out_of_service is None)


def read_table(settings: Settings, stop: threading.Event) -> Table:
    """Read the alarm-state topic once, up to what is there now; what has come so far if `stop` is set meanwhile.

    Raises: SourceError if no broker answers, the topic is missing, or it can't be read to its end in time.
    """
    from dataflows.tail import Tail  # noqa: PLC0415 - `andon ack --help` needn't wait for the Kafka client

    table = Table()
    newest: dict[bytes | None, bytes | None] = {}  # of a key that has changed often, only the last is looked into
    wait_s = settings.service.broker_wait_s
    with Tail(settings.kafka, settings.kafka.alarms, begin="beginning", wait_s=wait_s, stop=stop) as tail:
        newest.update((message.key(), message.value()) for message in tail.what_is_there())
    for key, value in newest.items():
        table.take(key, value)
    return table


def now_ms() -> int:
    """The wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000
