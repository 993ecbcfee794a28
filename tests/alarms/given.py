"""A press with limits, what detection and people say of it, and how what is told is read."""

from __future__ import annotations

from itertools import count
from typing import Any

import orjson

from alarms.lifecycle import Alarms, Told
from contracts.alarm_states import AlarmRecord, AlarmState, HoldState, parse_key
from contracts.alerts import Alert, AlertRecord
from contracts.commands import Command, Origin, decode_command
from contracts.findings import Expected, Finding, Kind
from contracts.readings import Reject
from contracts.settings import Limit, Rule, Service, Settings

NOON = 1_700_000_000_000
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

RULES = (
    Rule(asset="press-*", sensor="temp", unit="degC", limit=Limit(hh=95, h=85, deadband=1.5)),
    Rule(asset="press-*", sensor="flow", unit="l/s", limit=Limit(hh=95, h=85), ack_required=True),
)
SETTINGS = Settings(rules=RULES)
BY_EVENTS = Settings(rules=RULES, service=Service(clock="event"))

KEY = "press-1/temp/limit/hh"
_OFFSETS = count()


def limit(
    *,
    active: bool = True,
    ts: int = NOON,
    onset_ts: int | None = None,
    sensor: str = "temp",
    rule: str = "hh",
    asset: str = "press-1",
) -> Finding:
    """A finding of a limit; the condition began when it was decided, unless said otherwise."""
    high = {"hh": 95.0, "h": 85.0}[rule]
    return Finding(
        asset=asset,
        sensor=sensor,
        kind=Kind.LIMIT,
        rule=rule,
        active=active,
        onset_ts=ts if onset_ts is None else onset_ts,
        ts=ts,
        value=97.1 if active else 80.5,
        expected=Expected(None, high),
        evidence={"limit": high, "deadband": 1.5, "on_delay_ms": 5000},
        source="readings/3/42",
    )


def command(verb: str, *, ts: int = NOON, by: str = "maria", asset: str = "press-1", **given: Any) -> Command:
    """A command as it comes from the topic, each at an offset of its own."""
    value = orjson.dumps({"command": verb, "asset": asset, "by": by, **given})
    decoded = decode_command(
        Origin(topic="andon.commands", partition=0, offset=next(_OFFSETS), ts_ms=ts, key=asset.encode(), value=value)
    )
    assert isinstance(decoded, Command), decoded
    return decoded


def alerts(told: list[Told]) -> list[Alert]:
    """The transitions."""
    return [one.alert for one in told if isinstance(one, AlertRecord)]


def said(told: list[Told]) -> list[tuple[str, str, bool]]:
    """(transition, state, annunciated) of each."""
    return [(alert.transition.value, alert.state.value, alert.annunciated) for alert in alerts(told)]


def refusal(told: list[Told]) -> str:
    """Why a command was refused, and that nothing else was said."""
    (reject,) = told
    assert isinstance(reject, Reject)
    assert reject.reason == "bad_command"
    return reject.detail


def states(told: list[Told]) -> dict[str, AlarmState | HoldState | None]:
    """What the alarm-state topic holds after these records, read by the published models."""
    found: dict[str, AlarmState | HoldState | None] = {}
    for one in told:
        if isinstance(one, AlarmRecord):
            parsed = parse_key(one.key)
            assert parsed is not None
            model = AlarmState if parsed[0] == "alarm" else HoldState
            found[one.key] = None if one.body is None else model.model_validate_json(one.body)
    return found


def raised(settings: Settings = SETTINGS, **given: Any) -> tuple[Alarms, str]:
    """A press that is too hot, and the id of its alarm."""
    alarms = Alarms(settings)
    (alert,) = alerts(alarms.decide(limit(**given)))
    return alarms, alert.alert_id
