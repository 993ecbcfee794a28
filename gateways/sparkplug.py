"""Sparkplug B: a host application at an MQTT broker (Sparkplug specification 3.0).

An edge node says in its birth what it has, under which alias, and then tells only changes. What is kept here of it:

    birth      names, aliases, data types; values of all metrics
    data       values by alias, or by name
    sequence   0 to 255, over all messages of a node. After a gap a rebirth is asked for, and until it comes the values
               that are told are of uncertain quality
    death      NDEATH of the node, by its last will, or DDEATH of a device: the last values, of bad quality. A death
               that isn't of the present birth (bdSeq) is of an old session, and ignored

The one message that is ever published to a node is the request for a rebirth; and `STATE`, where `host_id` is set.
"""

from __future__ import annotations

from math import nan
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from google.protobuf.message import DecodeError

from contracts.gateways import Sparkplug
from gateways.address import settings_at
from gateways.happenings import Happenings
from gateways.mqtt_client import LISTEN_S, QUIET_S, MqttClient
from gateways.naming import NameFaultError, fill
from gateways.seam import BAD, GOOD, UNCERTAIN, Description, Discovered, FoundPoint, Frame
from gateways.sparkplug_payload import GETTERS, INTEGERS_UNSIGNED, REBIRTH, TYPES, Payload, integer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from paho.mqtt.client import MQTTMessage

    from gateways.seam import Value

__all__ = ["Host", "SparkplugSource", "discover"]

NAMESPACE = "spBv1.0"
NODES_MAX = 10_000
METRICS_PER_NODE_MAX = 100_000
REBIRTH_EVERY_S = 10.0
"""Of one node: it may be busy with the last one."""
BIRTH_S = 30.0
"""After the birth of a node, for those of its devices. What isn't born by then is lost."""
LAG_S = 5.0
"""Between a change and its message, and its arrival."""
UNIT = "engUnit"
"""The property with a metric's unit."""
QUALITY = "Quality"
"""The property with a metric's quality."""
NULL, HAS_QUALITY = b"\x38\x01", QUALITY.encode()
"""Bytes of a payload in which a metric is null, or has that property."""
QUALITY_GOOD, QUALITY_BAD, QUALITY_STALE = 192, 0, 500
"""Of the property `Quality`."""


class _Point(NamedTuple):
    """One numeric metric."""

    asset: str
    sensor: str
    getter: str
    """Field of the payload with its value."""
    datatype: int
    unit: str


class _Node:
    """One edge node since its birth."""

    def __init__(self) -> None:
        self.born = False
        self.sound = True
        """No message is missing."""
        self.seq = 0
        self.birth_number: int | None = None
        """`bdSeq` of its birth."""
        self.aliases: dict[int, _Point | None] = {}
        self.names: dict[tuple[str, str], _Point | None] = {}
        """(device or "", metric); None: it isn't numeric."""
        self.asked_s = float("-inf")
        self.missed: dict[tuple[str, str], _Point] = {}
        """What the birth before had, and this one doesn't yet: births of devices follow that of their node."""
        self.missed_until_s = 0.0

    def points(self, device: str | None = None) -> Iterator[_Point]:
        """Of the whole node, or of one device."""
        return (
            point for (of, _), point in self.names.items() if point is not None and (device is None or of == device)
        )


class _Message(NamedTuple):
    """What an edge node says."""

    group: str
    name: str
    """Of the node."""
    device: str
    """Empty: the node itself."""
    payload: Any
    plain: bool
    """No metric is null or tells its quality: neither is anywhere in the bytes."""


class Host:
    """What is known of all edge nodes. Pure: messages in, frames and requests for rebirth out."""

    def __init__(self, settings: Sparkplug, happenings: Happenings) -> None:
        self.requests: list[str] = []
        """Topics of the nodes that should be asked for a rebirth."""
        self._settings = settings
        self._happenings = happenings
        self._nodes: dict[tuple[str, str], _Node] = {}

    def take(self, topic: str, body: bytes) -> list[Frame]:
        """What one message says."""
        levels = topic.split("/")
        if len(levels) not in {4, 5} or levels[0] != NAMESPACE or levels[2] not in _SORTS:
            return []  # STATE of hosts, commands of others, what belongs to nobody
        _, group, sort, name, *rest = levels
        device = rest[0] if rest else ""
        if (sort[0] == "D") != bool(device):
            return []
        node = self._nodes.get((group, name))
        if node is None:
            if len(self._nodes) >= NODES_MAX:
                self._refuse("capacity", f"more than {NODES_MAX} edge nodes")
                return []
            node = self._nodes[group, name] = _Node()
        try:
            payload = Payload.FromString(body)
        except DecodeError as error:
            self._refuse("bad_payload", f"{topic}: {error}")
            return []
        gone: list[Frame] = []
        if node.missed and monotonic() >= node.missed_until_s:
            gone, node.missed = list(_lost(node.missed.values())), {}
        message = _Message(group, name, device, payload, NULL not in body and HAS_QUALITY not in body)
        return [*gone, *getattr(self, f"_take_{sort.lower()}")(node, message)]

    def points(self) -> Iterator[tuple[str, _Point]]:
        """All numeric metrics that were born, each with `group/node`."""
        for (group, name), node in self._nodes.items():
            for point in node.points():
                yield f"{group}/{name}", point

    # ── The sorts of messages ───────────────────────────────────────────────────────────────────────────────────────

    def _take_nbirth(self, node: _Node, message: _Message) -> list[Frame]:
        group, name, payload = message.group, message.name, message.payload
        before = node.names if node.born else {}
        fresh = self._nodes[group, name] = _Node()  # all that was known is of the birth before
        fresh.born, fresh.seq, fresh.asked_s = True, payload.seq & 255, node.asked_s
        for metric in payload.metrics:
            if metric.name == "bdSeq":
                fresh.birth_number = metric.long_value or metric.int_value
        born = self._birth(fresh, message)
        fresh.missed = {key: point for key, point in before.items() if point is not None and key not in fresh.names}
        fresh.missed_until_s = monotonic() + BIRTH_S
        return born

    def _take_dbirth(self, node: _Node, message: _Message) -> list[Frame]:
        if not self._follows(node, message):
            return []
        born = self._birth(node, message)
        node.missed = {key: point for key, point in node.missed.items() if key not in node.names}
        return born

    def _take_ndata(self, node: _Node, message: _Message) -> list[Frame]:
        return self._data(node, message) if self._follows(node, message) else []

    _take_ddata = _take_ndata

    def _take_ndeath(self, node: _Node, message: _Message) -> list[Frame]:
        metrics = message.payload.metrics
        numbers = [metric.long_value or metric.int_value for metric in metrics if metric.name == "bdSeq"]
        if not node.born or (numbers and node.birth_number is not None and numbers[0] != node.birth_number):
            return []
        node.born = False
        return list(_lost((*node.points(), *node.missed.values())))

    def _take_ddeath(self, node: _Node, message: _Message) -> list[Frame]:
        return list(_lost(node.points(message.device))) if self._follows(node, message) else []

    # ── Their parts ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _follows(self, node: _Node, message: _Message) -> bool:
        """Whether a node was born before it said this; a gap in the sequence is noted, and a rebirth asked for."""
        if not node.born:
            self._ask(node, message)
            return False
        expected, node.seq = (node.seq + 1) & 255, message.payload.seq & 255
        if node.seq != expected:
            self._happenings.gap(self._settings.name, why="a sequence number of an edge node is missing")
            node.sound = False
        if not node.sound:
            self._ask(node, message)
        return True

    def _ask(self, node: _Node, message: _Message) -> None:
        if monotonic() - node.asked_s >= REBIRTH_EVERY_S:
            node.asked_s = monotonic()
            self.requests.append(f"{NAMESPACE}/{message.group}/NCMD/{message.name}")

    def _birth(self, node: _Node, message: _Message) -> list[Frame]:
        group, name, device, payload, _ = message
        unit = device or name
        path = f"{group}.{name}.{device}" if device else f"{group}.{name}"
        known = {"group": group, "node": name, "unit": unit, "path": path, "device": self._settings.name}
        for metric in payload.metrics:
            if len(node.names) >= METRICS_PER_NODE_MAX:
                self._refuse("capacity", f"{path} has more than {METRICS_PER_NODE_MAX} metrics")
                break
            point = self._point(metric, known)
            node.names[device, metric.name] = point
            if metric.HasField("alias"):
                node.aliases[metric.alias] = point
        return self._data(node, message)

    def _point(self, metric: Any, known: dict[str, str]) -> _Point | None:
        if metric.datatype not in GETTERS or metric.name == "bdSeq" or metric.name.startswith("Node Control/"):
            return None
        names = known | {"metric": metric.name}
        try:
            asset, sensor = fill(self._settings.asset, names), fill(self._settings.sensor, names)
        except NameFaultError as fault:
            self._refuse("bad_name", str(fault))
            return None
        return _Point(asset, sensor, GETTERS[metric.datatype], metric.datatype, _unit(metric.properties))

    def _data(self, node: _Node, message: _Message) -> list[Frame]:
        """Values, those of one asset, time and quality together, in the order of their times."""
        found: dict[tuple[str, int, int], dict[str, Value]] = {}
        device, payload, plain = message.device, message.payload, message.plain
        sent_ms = payload.timestamp
        quality = sound = GOOD if node.sound else UNCERTAIN
        find, names = node.aliases.get, node.names
        strange = 0
        asset, ts = "", -1
        frame: dict[str, Value] = {}
        for metric in payload.metrics:
            alias = metric.alias
            point = find(alias, _STRANGER)
            if point is _STRANGER or not alias:  # 0 may be an alias, or none
                point = names.get((device, metric.name), _STRANGER) if metric.name else point
                if point is _STRANGER:
                    strange += 1
                    continue
            if point is None:
                continue
            of, sensor, getter, datatype, _ = point
            at = metric.timestamp or sent_ms
            if not plain:
                before = quality
                quality = sound if not metric.HasField("properties") else max(sound, _quality(metric.properties))
                if quality != before:
                    ts = -1
            if at != ts or of != asset:
                asset, ts = of, at
                frame = found.setdefault((asset, ts, quality), {})
            if not plain and metric.is_null:
                frame[sensor] = nan
            elif datatype < INTEGERS_UNSIGNED:
                frame[sensor] = integer(datatype, int(getattr(metric, getter)))
            else:
                frame[sensor] = getattr(metric, getter)
        if strange:
            self._refuse("unknown", "a metric that wasn't in the birth", count=strange)
            node.sound = False
        frames = sorted(found.items(), key=lambda each: each[0][1])
        return [Frame(asset, ts, quality, values) for (asset, ts, quality), values in frames]

    def _refuse(self, reason: str, detail: str, *, count: int = 1) -> None:
        self._happenings.refused(self._settings.name, reason, count=count, detail=detail)


_SORTS = frozenset({"NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH"})
_STRANGER: Any = object()


def _lost(points: Iterable[_Point]) -> Iterator[Frame]:
    """No value any more, for each of these."""
    assets: dict[str, dict[str, Value]] = {}
    for point in points:
        assets.setdefault(point.asset, {})[point.sensor] = nan
    return (Frame(asset, 0, BAD, values) for asset, values in assets.items())


def _quality(properties: Any) -> int:
    value = _property(properties, QUALITY)
    if value is None:
        return GOOD
    told = value.int_value or value.long_value
    return GOOD if told == QUALITY_GOOD else BAD if told in {QUALITY_BAD, QUALITY_STALE} else UNCERTAIN


def _unit(properties: Any) -> str:
    """As Ignition and others say it."""
    value = _property(properties, UNIT)
    return "" if value is None else str(value.string_value)


def _property(properties: Any, name: str) -> Any:
    """The first value under a name; None: there is none."""
    return next((told for key, told in zip(properties.keys, properties.values, strict=False) if key == name), None)


class SparkplugSource:
    """One broker with edge nodes."""

    tells_changes = True
    acknowledges = True
    lag_s = LAG_S

    def __init__(self, settings: Sparkplug, happenings: Happenings) -> None:
        self.deadbands: dict[tuple[str, str], float] = {}
        self._settings = settings
        self._happenings = happenings
        self._client: MqttClient | None = None
        self.host = Host(settings, happenings)

    async def connect(self) -> None:
        """Open a session, subscribe, and say that the host is there.

        Raises: AwayError, NonsenseError.
        """
        settings = self._settings
        client = self._client = MqttClient(settings, keep_session=False)  # the births that come anew say all
        self.host = Host(settings, self._happenings)
        state = f"{NAMESPACE}/STATE/{settings.host_id}"
        now_ms = time_ns() // 1_000_000
        if settings.host_id is not None:
            client.last_will(state, orjson.dumps({"online": False, "timestamp": now_ms}))
        await client.connect()
        await client.subscribe([(f"{NAMESPACE}/{group}/#", 1) for group in settings.groups])
        if settings.host_id is not None:
            client.publish(state, orjson.dumps({"online": True, "timestamp": now_ms}), retain=True)

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """What nodes and devices say; confirmed when the next is asked for.

        Raises: AwayError.
        """
        client = self._client
        assert client is not None
        while True:
            messages = await client.take()
            yield self._frames(messages)
            client.confirm(messages)
            for topic in self.host.requests:
                client.publish(topic, _rebirth())
            self.host.requests.clear()

    async def describe(self) -> Description:
        """A broker says nothing of itself."""
        return Description()

    async def close(self) -> None:
        """End the session."""
        client, self._client = self._client, None
        if client is not None:
            if self._settings.host_id is not None:
                now_ms = time_ns() // 1_000_000
                body = orjson.dumps({"online": False, "timestamp": now_ms})
                client.publish(f"{NAMESPACE}/STATE/{self._settings.host_id}", body, retain=True)
            await client.close()

    def _frames(self, messages: Iterable[MQTTMessage]) -> list[Frame]:
        return [frame for message in messages for frame in self.host.take(message.topic, bytes(message.payload))]


async def discover(address: str) -> Discovered:
    """The metrics of the edge nodes that speak while it listens; who speaks is asked for a rebirth.

    Args:
        address: `host` or `host:port`, of a broker that asks for no password.

    Raises: AwayError, NonsenseError.
    """
    settings = settings_at(address, Sparkplug, "host or host:port")
    source = SparkplugSource(settings, Happenings())
    found: dict[tuple[str, str], str] = {}
    born: dict[tuple[str, str], tuple[str, _Point]] = {}
    try:
        await source.connect()
        began = news = monotonic()
        async for frames in source.readings():
            before = len(found)
            found |= {(frame.asset, sensor): str(value) for frame in frames for sensor, value in frame.values.items()}
            if len(found) > before:
                news = monotonic()
            if monotonic() >= min(began + LISTEN_S, news + QUIET_S):
                break
        born = {(point.asset, point.sensor): (where, point) for where, point in source.host.points()}
    finally:
        await source.close()
    points = []
    for name in sorted(found.keys() & born.keys()):
        where, point = born[name]
        keys: dict[str, str | int | float] = {"asset": point.asset, "sensor": point.sensor}
        points.append(FoundPoint(keys, type=TYPES[point.datatype], unit=point.unit, value=found[name], isa95=where))
    return Discovered(Description(), points, {"host": settings.host, "port": settings.port})


def _rebirth() -> bytes:
    payload = Payload(timestamp=time_ns() // 1_000_000)
    payload.metrics.add(name=REBIRTH, datatype=11, boolean_value=True)
    body: bytes = payload.SerializeToString()
    return body
