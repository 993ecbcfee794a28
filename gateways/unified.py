"""Alarms in the plant's unified namespace: one retained MQTT message for each asset, under its ISA-95 path.

Whoever subscribes, a SCADA or a dashboard, has what stands at once, and every change after it. An asset whose alarms
are over keeps a message that says so. Pure, but for `Publisher`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import orjson

from gateways.mqtt_client import MqttClient
from gateways.naming import topic_filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from contracts.alarm_states import AlarmState
    from contracts.gateways import Unified

__all__ = ["Publisher", "body_of", "topic_of"]

_WILD = str.maketrans({"+": "_", "#": "_", "\0": "_"})
"""No topic that is published to may have these."""


def topic_of(settings: Unified, *, site: str, asset: str) -> str:
    """Where the state of an asset's alarms is kept."""
    path = next((path for pattern, path in settings.paths.items() if fnmatchcase(asset, pattern)), "{site}/{asset}")
    known = {"site": site, "asset": asset, "levels": asset.replace(".", "/")}
    known = {name: value.translate(_WILD) for name, value in known.items()}
    return settings.topic.format(path=path.format(**known), **{name: known[name] for name in ("site", "asset")})


def body_of(*, site: str, asset: str, states: Iterable[AlarmState], now_ms: int) -> bytes:
    """What stands of an asset, the most severe first.

    Args:
        now_ms: wall clock, ms since the epoch.
    """
    alarms = [_told(state) for state in states]
    alarms.sort(key=lambda alarm: (-alarm["severity"], alarm["since_ts"]))
    active = [alarm for alarm in alarms if alarm["state"].startswith("active")]
    return orjson.dumps(
        {
            "schema": 1,
            "site": site,
            "asset": asset,
            "ts": now_ms,
            "active": len(active),
            "unacknowledged": sum(alarm["state"].endswith("unacked") for alarm in alarms),
            "priority": active[0]["priority"] if active else None,
            "alarms": alarms,
        }
    )


def _told(state: AlarmState) -> dict[str, Any]:
    alert = state.alert
    return {
        "alert_id": alert.alert_id,
        "sensor": alert.sensor,
        "kind": alert.kind,
        "rule": alert.rule,
        "state": alert.state,
        "priority": alert.priority,
        "severity": alert.severity,
        "since_ts": state.raised_ts,
        "held": not (state.shelved is None and state.suppressed is None and state.out_of_service is None),
        "message": state.said,
    }


class Publisher:
    """Keeps the messages of one broker as the alarms are. Of one event loop."""

    def __init__(self, settings: Unified, *, site: str) -> None:
        self._settings = settings
        self._site = site
        self._client = MqttClient(settings, keep_session=False)
        self._told: dict[str, bytes] = {}
        """What was published since the connection was made, without its time."""

    async def connect(self) -> None:
        """Open the session, and ask for what was left there before.

        Raises: AwayError, NonsenseError.
        """
        await self._client.connect()
        paths = [*self._settings.paths.values(), "{site}/{asset}"]
        left = {topic_filter(self._settings.topic.replace("{path}", path)) for path in paths if "{levels}" not in path}
        await self._client.subscribe([(topic, 1) for topic in sorted(left)])

    async def heed(self, standing: Mapping[str, Any], now_ms: int) -> int:
        """Whose message from before says something else, and has no alarm any more, is told to be normal.

        Args:
            standing: assets that have alarms.

        Returns: how many there were. Raises: AwayError once the connection is lost.
        """
        count = 0
        messages = await self._client.take()
        self._client.confirm(messages)
        for message in messages:
            try:
                told = orjson.loads(message.payload)
                asset, site, alarms = told["asset"], told["site"], told["alarms"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue
            if message.retain and site == self._site and alarms and asset not in standing:
                count += 1
                self.tell(asset, (), now_ms)
        return count

    def tell(self, asset: str, states: Iterable[AlarmState], now_ms: int) -> None:
        """What stands of an asset now; said again only when it is another than before."""
        states = list(states)
        said = body_of(site=self._site, asset=asset, states=states, now_ms=0)
        if self._told.get(asset) != said:
            self._told[asset] = said
            body = body_of(site=self._site, asset=asset, states=states, now_ms=now_ms)
            self._client.publish(topic_of(self._settings, site=self._site, asset=asset), body, retain=True)

    async def close(self) -> None:
        """End the session; what was said stays."""
        await self._client.close()
