"""What an Alertmanager should know now: one notice for each alarm that wants attention, and one when nobody watches.

An alarm wants attention while it is active, nobody holds it back (shelved, suppressed, out of service, maintenance),
and it isn't told by the outer limit already. Who acknowledged it is written on the notice, and it goes on firing:
silences and inhibition are Alertmanager's own.

The labels name the alarm and nothing else, so that one alarm is one alert there: site, asset, sensor, kind, rule,
priority, and an `alertname` for each kind. What changes while it lasts goes into the annotations.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from andon.table import is_held
from contracts.alarm_states import HEARTBEAT_S
from contracts.alerts import State
from contracts.findings import Kind
from contracts.limits import TS_MS_MAX

if TYPE_CHECKING:
    from andon.table import Table, Watching
    from contracts.alarm_states import AlarmState, Hold
    from contracts.alerts import Alert

__all__ = [
    "ALERT_NAMES",
    "WATCHER_SILENT",
    "WATCHER_SILENT_S",
    "Labels",
    "Notice",
    "Notices",
    "iso_time",
    "notice_of",
    "watcher_notice",
]

Labels = tuple[tuple[str, str], ...]
"""(name, value) by name: what makes an alert of Alertmanager the same as another."""

WATCHER_SILENT = "AndonWatcherSilent"
WATCHER_SILENT_S = 3 * HEARTBEAT_S
"""Without a heartbeat for so long, somebody is called."""

ALERT_NAMES = frozenset({WATCHER_SILENT, *(f"Andon{kind.capitalize()}" for kind in Kind)})
"""Every `alertname` that we give."""

OUTER = {"h": "hh", "l": "ll"}
INNER = {outer: inner for inner, outer in OUTER.items()}

DESCRIPTION_CHARACTERS_MAX = 2_000
"""Evidence is short; should it ever not be, pagers cut it anyway."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ACTIVE = (State.ACTIVE_UNACKED, State.ACTIVE_ACKED)


class Notice(NamedTuple):
    """One alert of Alertmanager that should fire."""

    labels: Labels
    starts_ms: int
    """Since when, ms since the epoch. By the plant's clock: it may be ahead of ours."""
    annotations: tuple[tuple[str, str], ...]
    link: str = ""
    """Where a click leads; empty: nowhere."""


class Notices:
    """The notices of all that stands, kept as the table changes. Bounded by what stands."""

    def __init__(self, site: str, *, link: str = "", started_ms: int) -> None:
        """Nothing stands yet.

        Args:
            site: whose watchers are missed when they are silent.
            link: a URL that may hold `{site}`, `{asset}`, `{sensor}`, `{kind}`, `{rule}` and `{alert_id}`.
            started_ms: a site that never had a heartbeat is told of WATCHER_SILENT_S later.
        """
        self._site = site
        self._link = link
        self._started_ms = started_ms
        self._notices: dict[str, Notice] = {}
        self._watcher: Notice | None = None

    def update(self, key: str, table: Table) -> bool:
        """Look at a key of the alarm-state topic anew; whether that changed a notice."""
        base, _, rule = key.rpartition("/")
        changed = self._update(key, table)
        if rule in INNER:
            changed |= self._update(f"{base}/{INNER[rule]}", table)
        return changed

    def heed(self, watching: Watching, now_ms: int) -> bool:
        """Look at the heartbeats; whether that changed a notice."""
        before = self._watcher
        self._watcher = watcher_notice(watching, self._site, started_ms=self._started_ms, now_ms=now_ms)
        return self._watcher != before

    def wanted(self) -> dict[Labels, Notice]:
        """What should fire now; the caller may keep it."""
        notices = {notice.labels: notice for notice in self._notices.values()}
        if self._watcher is not None:
            notices[self._watcher.labels] = self._watcher
        return notices

    def _update(self, key: str, table: Table) -> bool:
        before = self._notices.pop(key, None)
        state = table.alarms.get(key)
        if state is None:
            return before is not None
        outer = table.alarms.get(f"{key.rpartition('/')[0]}/{OUTER.get(state.alert.rule, '')}")
        notice = notice_of(state, outer, link=self._link)
        if notice is not None:
            self._notices[key] = notice
        return notice != before


def notice_of(state: AlarmState, outer: AlarmState | None = None, *, link: str = "") -> Notice | None:
    """What Alertmanager should know of an alarm; None: nothing, it doesn't want attention.

    Args:
        state: as it is on the alarm-state topic.
        outer: the alarm of the outer limit (hh of h, ll of l), if it stands.
        link: see `Notices`.
    """
    alert = state.alert
    if alert.state not in _ACTIVE or is_held(state):
        return None
    # An inner limit that was told of goes on firing when the outer one follows: a page that says "resolved" while the
    # value climbs would mislead. One that came with or after the outer one waits until that is over.
    inner = alert.kind is Kind.LIMIT and alert.rule in OUTER
    covered = inner and outer is not None and outer.alert.state in _ACTIVE and outer.raised_ts <= state.raised_ts
    if covered or not (inner or alert.annunciated):
        return None
    labels = {
        "alertname": f"Andon{alert.kind.capitalize()}",
        "asset": alert.asset,
        "kind": str(alert.kind),
        "priority": str(alert.priority),
        "rule": alert.rule,
        "site": alert.site,
    }
    if alert.sensor is not None:
        labels["sensor"] = alert.sensor
    annotations = {
        "summary": state.said,
        "description": _description(state)[:DESCRIPTION_CHARACTERS_MAX],
        "alert_id": alert.alert_id,
        "state": _acknowledged(state.acknowledged),
        "value": _quantity(alert.value, alert.unit),
        "expected": _expected(alert),
    }
    given = tuple((name, value) for name, value in annotations.items() if value)
    return Notice(tuple(sorted(labels.items())), alert.onset_ts, given, _link(link, alert))


def watcher_notice(watching: Watching, site: str, *, started_ms: int, now_ms: int) -> Notice | None:
    """What Alertmanager should know of a watcher that gives no sign of life; None while there is one.

    A restart in good order takes less than WATCHER_SILENT_S, and disturbs nobody.
    """
    since_ms = started_ms if watching.since_ts is None else watching.since_ts
    if watching.state == "running" or now_ms - since_ms <= WATCHER_SILENT_S * 1000:
        return None
    at = iso_time(since_ms)
    fault = {
        "silent": f"no heartbeat of `andon run` since {at}",
        "stopped": f"`andon run` was stopped in good order at {at} and hasn't come back",
        "never": "`andon run` has never given a heartbeat",
    }[watching.state]
    annotations = (
        ("summary", f"{site}: nobody watches the plant: {fault}"),
        ("description", "What fires is as it was then, and nothing new will be raised. See to `andon run` and Kafka."),
    )
    labels = (("alertname", WATCHER_SILENT), ("priority", "critical"), ("site", site))
    return Notice(labels, since_ms, annotations)


def iso_time(ts_ms: int) -> str:
    """A time as RFC 3339, to the millisecond: `2026-03-02T08:14:32.000Z`. What no calendar knows is cut."""
    ts_ms = min(max(ts_ms, 0), TS_MS_MAX)
    return f"{(_EPOCH + timedelta(milliseconds=ts_ms)).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _description(state: AlarmState) -> str:
    parts = [f"{name} {_shown(value)}" for name, value in state.alert.evidence.items() if value is not None]
    parts += [f"{part.sensor} {part.share:.0%}" for part in state.alert.contributions if state.alert.sensor is None]
    if state.chattering:
        parts.append("chattering: it comes and goes, its end is held back")
    return "; ".join(parts)


def _acknowledged(hold: Hold | None) -> str:
    if hold is None:
        return "unacknowledged"
    return f"acknowledged by {hold.by} at {iso_time(hold.since_ts)}" + (f": {hold.comment}" if hold.comment else "")


def _expected(alert: Alert) -> str:
    low, high = alert.expected.low, alert.expected.high
    if low is None:
        return "" if high is None else f"at most {_quantity(high, alert.unit)}"
    if high is None:
        return f"at least {_quantity(low, alert.unit)}"
    return f"{_quantity(low, None)} to {_quantity(high, alert.unit)}"


def _quantity(value: float | None, unit: str | None) -> str:
    if value is None:
        return ""
    return f"{_shown(value)} {unit}" if unit else _shown(value)


def _shown(value: float | str | list[str]) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _link(link: str, alert: Alert) -> str:
    for name in ("site", "asset", "sensor", "kind", "rule", "alert_id"):
        link = link.replace(f"{{{name}}}", quote(getattr(alert, name) or "", safe=""))
    return link
