"""MQTT: topics of the plant's own making, by templates of topics and paths into payloads.

A message is one reading, or one for each number in it. Its time is its own, where the settings say where that is, else
its arrival; what came together of one asset and time is told together. What can't be read is counted by its reason,
told once, and confirmed: the broker would only send it again.
"""

from __future__ import annotations

import re
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from contracts.codec import Refusal
from contracts.gateways import Mqtt, MqttTopic
from contracts.moments import ms_of
from contracts.readings import Reason
from contracts.umh import decode_umh, numbers_in
from gateways.address import settings_at
from gateways.mqtt_client import LISTEN_S, QUIET_S, MqttClient
from gateways.naming import NameFaultError, fill, topic_filter, topic_pattern
from gateways.seam import GOOD, Description, Discovered, FoundPoint, Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from paho.mqtt.client import MQTTMessage

    from gateways.happenings import Happenings
    from gateways.seam import Value

__all__ = ["MqttSource", "PayloadFaultError", "discover", "read_payload"]

TOPICS_KNOWN_MAX = 100_000
"""How they are taken apart is remembered for so many; beyond, it is found out again."""
MS_FROM = 10**11
"""A time above is in milliseconds, below in seconds: as seconds it would be the year 5138."""
POINTS_SHOWN_MAX = 1_000
NO_TIMESTAMP = -1
_UNITS = ("unit", "units", "uom", "engUnit")
"""Members in which senders say the unit."""
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_NUMBERS = (float, int, bool)


class PayloadFaultError(ValueError):
    """A message can't be read: the message says why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class _Form(NamedTuple):
    """One entry of `topics`, prepared."""

    settings: MqttTopic
    pattern: re.Pattern[str]
    value: tuple[str | int, ...]
    ts: tuple[str | int, ...]


class _Known(NamedTuple):
    """What a topic was taken apart to."""

    form: _Form
    names: dict[str, str]
    asset: str
    sensor: str
    """Empty: there is one for each member."""


class MqttSource:
    """One broker."""

    tells_changes = False
    lag_s = 0.0

    def __init__(self, settings: Mqtt, happenings: Happenings) -> None:
        self.acknowledges = settings.qos > 0
        self.deadbands: dict[tuple[str, str], float] = {}
        self._settings = settings
        self._happenings = happenings
        self._client: MqttClient | None = None
        self._known: dict[str, _Known | None] = {}
        self._sensors: dict[tuple[str, str], str] = {}
        """By topic and member."""
        self._forms = [
            _Form(each, topic_pattern(each.topic), _path(each.value), _path(each.ts or "")) for each in settings.topics
        ]

    async def connect(self) -> None:
        """Open the session and subscribe.

        Raises: AwayError, NonsenseError.
        """
        settings = self._settings
        self._client = MqttClient(settings, keep_session=settings.qos > 0)
        await self._client.connect()
        await self._client.subscribe([(topic_filter(each.topic), settings.qos) for each in settings.topics])

    async def readings(self) -> AsyncIterator[list[Frame]]:
        """What comes; confirmed when the next is asked for.

        Raises: AwayError.
        """
        client = self._client
        assert client is not None
        lost = 0
        while True:
            messages = await client.take()
            yield self._frames(messages)
            client.confirm(messages)
            if client.lost > lost:
                lost = client.lost
                self._happenings.gap(self._settings.name, why="more came at QoS 0 than could be taken")

    async def describe(self) -> Description:
        """A broker says nothing of itself."""
        return Description()

    async def close(self) -> None:
        """End the session."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _frames(self, messages: Iterable[MQTTMessage]) -> list[Frame]:
        """What they say, in its order. An asset's message joins the one before if times agree and no sensor repeats."""
        frames: list[Frame] = []
        latest: dict[str, Frame] = {}
        for message in messages:
            try:
                asset, ts, values = self._take(message.topic, bytes(message.payload))
            except PayloadFaultError as fault:
                self._happenings.refused(self._settings.name, fault.reason, detail=str(fault))
                continue
            except NameFaultError as fault:
                self._happenings.refused(self._settings.name, "bad_name", detail=str(fault))
                continue
            before = latest.get(asset)
            if before is not None and before.ts_ms == ts and before.values.keys().isdisjoint(values):
                before.values.update(values)
            elif values:
                latest[asset] = frame = Frame(asset, ts, GOOD, values)
                frames.append(frame)
        return frames

    def _take(self, topic: str, payload: bytes) -> tuple[str, int, dict[str, Value]]:
        """Asset, time and values of one message.

        Raises: PayloadFaultError, NameFaultError.
        """
        known = self._known[topic] if topic in self._known else self._learn(topic)
        if known is None:
            raise PayloadFaultError("unknown", f"{topic}: the topic isn't of the form that the settings have")
        if known.form.settings.format == "umh":
            return umh_values(topic, payload)
        document, ts = read_payload(payload, known.form.ts)
        return known.asset, ts, self._values(topic, known, document)

    def _learn(self, topic: str) -> _Known | None:
        """How a topic is taken apart, by the first form that it has."""
        found = None
        for form in self._forms:
            if form.settings.format == "umh" and topic.startswith("umh/v1/"):
                found = _Known(form, {}, "", "")
                break
            if form.settings.format == "json" and (match := form.pattern.fullmatch(topic)):
                names = {"device": self._settings.name, **match.groupdict()}
                sensor = "" if form.settings.value == "*" else fill(form.settings.sensor, names)
                found = _Known(form, names, fill(form.settings.asset, names), sensor)
                break
        if len(self._known) < TOPICS_KNOWN_MAX:
            self._known[topic] = found
        return found

    def _values(self, topic: str, known: _Known, document: Any) -> dict[str, Value]:
        settings = known.form.settings
        if known.sensor:
            value = _within(document, known.form.value)
            if type(value) not in _NUMBERS:
                raise PayloadFaultError("bad_value", f"{settings.value or 'the payload'} is no number")
            return {known.sensor: value}
        if not isinstance(document, dict):
            raise PayloadFaultError("bad_payload", "the payload is no object with numbers")
        return {
            self._sensors.get((topic, member)) or self._name(topic, known, member): value
            for member, value in numbers_in(document)
            if member != settings.ts
        }

    def _name(self, topic: str, known: _Known, member: str) -> str:
        """The sensor of a member."""
        name = fill(known.form.settings.sensor, known.names | {"member": member})
        if len(self._sensors) < TOPICS_KNOWN_MAX:
            self._sensors[topic, member] = name
        return name


def read_payload(payload: bytes, ts: tuple[str | int, ...]) -> tuple[Any, int]:
    """The JSON of a payload, and its time in ms since 1970; 0: it has none.

    Raises: PayloadFaultError.
    """
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise PayloadFaultError("bad_payload", f"the payload is no JSON: {error}") from error
    return document, _time(_within(document, ts)) if ts else 0


def umh_values(topic: str, payload: bytes) -> tuple[str, int, dict[str, Value]]:
    """Asset, time and values of a message of UMH's `umh/v1/…`, as `contracts.umh` reads it.

    Raises: PayloadFaultError.
    """
    decoded = decode_umh(topic.replace("/", ".").encode(), payload, NO_TIMESTAMP)
    if decoded is None:
        raise PayloadFaultError("bad_value", f"{topic}: no number with a time in it")
    if isinstance(decoded, Refusal):
        reason = "bad_name" if decoded.reason == Reason.BAD_NAME else "bad_payload"
        raise PayloadFaultError(reason, f"{topic}: {decoded.detail}")
    return decoded.asset, decoded.ts, dict(decoded.values)


async def discover(address: str) -> Discovered:
    """The topics with numbers that speak while it listens.

    Args:
        address: `host` or `host:port`, of a broker that asks for no password.

    Raises: AwayError, NonsenseError.
    """
    topics = (MqttTopic(topic="#", sensor="x"),)
    settings = settings_at(address, Mqtt, "host or host:port", qos=0, topics=topics)
    points: dict[str, FoundPoint] = {}
    client = MqttClient(settings.model_copy(update={"client_id": ""}), keep_session=False)
    try:
        await client.connect()
        await client.subscribe([("#", 0)])
        began = news = monotonic()
        while monotonic() < min(began + LISTEN_S, news + QUIET_S) and len(points) < POINTS_SHOWN_MAX:
            for message in await client.take():
                if message.topic not in points and (found := _found(message)) is not None:
                    points[message.topic] = found
                    news = monotonic()
    finally:
        await client.close()
    return Discovered(
        Description(), [points[topic] for topic in sorted(points)], {"host": settings.host, "port": settings.port}
    )


def _found(message: MQTTMessage) -> FoundPoint | None:
    """Settings for one topic, as far as one message shows them."""
    topic = message.topic
    levels = topic.split("/")
    try:
        document = orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        return None
    named = {"asset": levels[-2] if len(levels) > 1 else topic, "sensor": levels[-1]}
    if type(document) in _NUMBERS:
        return FoundPoint({"topic": topic, **named}, value=str(document), isa95="/".join(levels[:-2]))
    members = dict(numbers_in(document)) if isinstance(document, dict) else {}
    if not members:
        return None
    named = {"asset": levels[-1], "sensor": "{member}"}
    shown = ", ".join(f"{name} {value}" for name, value in members.items())
    unit = next((text for name in _UNITS if isinstance(text := document.get(name), str)), "")
    return FoundPoint({"topic": topic, **named, "value": "*"}, unit=unit, value=shown, isa95="/".join(levels[:-1]))


def _path(text: str) -> tuple[str | int, ...]:
    """`data.list[0].v` in steps."""
    return () if text in {"", "*"} else tuple(name or int(number) for name, number in _STEP.findall(text))


def _within(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            raise PayloadFaultError("bad_payload", f"the payload has no {step}") from None
    return document


def _time(given: Any) -> int:
    if type(given) in {int, float} and given > 0:
        return int(given if given >= MS_FROM else given * 1000)
    if isinstance(given, str):
        try:
            at = datetime.fromisoformat(given)
        except ValueError:
            raise PayloadFaultError("bad_payload", "the time is text that isn't RFC 3339") from None
        return ms_of(at)
    raise PayloadFaultError("bad_payload", "the time is neither a number nor text")
