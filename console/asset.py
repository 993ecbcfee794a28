"""One asset as its page shows it: sensors with their limits, and every alarm that touched a stretch of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from contracts.alerts import State

if TYPE_CHECKING:
    from console.history import History, Line
    from console.plant import Standing
    from console.trends import Trends
    from contracts.settings import Settings

__all__ = ["asset_document", "assets_document", "spans_of"]

LEAD_MS = 7 * 86_400_000
"""An alarm that is on the screen may have been raised before it."""

_OVER = (State.NORMAL, State.RETURNED_UNACKED)
_TOLD = ("kind", "rule", "sensor", "priority", "onset_ts", "message", "value", "unit", "expected", "contributions")


def assets_document(trends: Trends, history: History, table: Standing, *, site: str) -> list[dict[str, Any]]:
    """All assets that anything is known of, with how many sensors they have. The site, which floods name, is none."""
    sensors: dict[str, int] = {}
    for asset, _ in trends.names():
        sensors[asset] = sensors.get(asset, 0) + 1
    for name in (*history.assets(), *(state.alert.asset for state in list(table.alarms.values()))):
        sensors.setdefault(name, 0)
    return [
        {"asset": asset, "sensors": count}
        for asset, count in sorted(sensors.items())
        if count or asset not in ("", site)
    ]


def asset_document(
    name: str,
    *,
    from_ms: int,
    to_ms: int,
    settings: Settings,
    trends: Trends,
    history: History,
    table: Standing,
) -> dict[str, Any]:
    """Everything of one asset but its readings."""
    lines = history.of_asset(name, from_ms=from_ms - LEAD_MS, to_ms=to_ms)
    sensors = [sensor for asset, sensor in trends.names() if asset == name]
    standing = [state for state in list(table.alarms.values()) if state.alert.asset == name]
    return {
        "asset": name,
        "sensors": [{"sensor": sensor, **_watched(settings, name, sensor)} for sensor in sensors],
        "spans": [span for span in spans_of(lines) if span["to"] is None or span["to"] >= from_ms],
        "standing": [state.model_dump(by_alias=True, mode="json") for state in standing],
        "notes": [note for line in lines if (note := _note(line)) is not None and note["ts"] >= from_ms],
    }


def spans_of(lines: list[Line]) -> list[dict[str, Any]]:
    """Each episode of an alarm: from when to when, and what it was about; `to` is None while it goes on."""
    spans: dict[str, dict[str, Any]] = {}
    for line in lines:
        alert = orjson.loads(line.body)
        span = spans.get(alert["alert_id"])
        if span is None:
            span = {"alert_id": alert["alert_id"], "from": alert["onset_ts"], "to": None}
            spans[alert["alert_id"]] = span
        if alert["transition"] == "raised" or "kind" not in span:
            span |= {name: alert[name] for name in _TOLD} | {"raised_ts": alert["ts"]}
            spans[alert["alert_id"]] = span
        if alert["state"] in _OVER and span["to"] is None:
            span["to"] = alert["ts"]
    return list(spans.values())


def _note(line: Line) -> dict[str, Any] | None:
    """What a person did, as a mark on the trends."""
    alert = orjson.loads(line.body)
    if alert["by"] is None:
        return None
    return {name: alert[name] for name in ("ts", "transition", "by", "comment", "sensor", "kind", "rule", "alert_id")}


def _watched(settings: Settings, asset: str, sensor: str) -> dict[str, Any]:
    rule = settings.rule(asset, sensor)
    limit = rule.limit
    limits = (
        {}
        if limit is None
        else {name: value for name in ("hh", "h", "l", "ll") if (value := getattr(limit, name)) is not None}
    )
    return {"unit": rule.unit, "limits": limits}
