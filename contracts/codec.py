"""One message in, what it says out: the reference decoder of readings. Pure, and never raises.

A reading message is a JSON object for one reading (`asset`, `sensor`, `value`) or for many sensors of one asset
(`asset`, `values`). It is judged in a fixed order, and the first fault is the one that is told:

    size, JSON, object · asset · sensor and value, or values · name of the asset · ts · quality
    then each value by itself: name of the sensor · value

A fault before that last line costs the whole message; a fault of one value costs only that value. A message with
`value` is a single reading: `values` beside it is ignored, as all other keys are. A key that comes twice counts as it
came last. `ts` and `quality` may be null, as if they were absent.

`dataflows.decode` does the same for whole batches, many times faster; what this module says is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import orjson

from contracts.limits import AHEAD_MS_MAX, MESSAGE_BYTES_MAX, MESSAGE_VALUES_MAX, TS_MS_MAX
from contracts.moments import ms_of
from contracts.names import name_fault
from contracts.readings import Quality, Reason

__all__ = ["QUALITY_WORDS", "Message", "Refusal", "decode_message", "describe", "event_time", "json_object"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message, or one value of it, is refused: what a `Reject` says, before it is known which message it was."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one message says, good and bad apart."""

    asset: str
    ts: int
    """Event time, ms since the epoch."""
    ts_missing: bool
    """The message had no time of its own: `ts` is the Kafka timestamp."""
    quality: Quality
    values: tuple[tuple[str, float], ...]
    """(sensor, value) in the order of the message; finite."""
    refusals: tuple[Refusal, ...]
    """One for each value that was refused, in the order of the message."""


QUALITY_WORDS = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}
_QUALITY_OF_TOP_BITS = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def decode_message(value: bytes | None, kafka_ts_ms: int) -> Message | Refusal:
    """Decode one message of readings.

    Args:
        value: the record's value; None is a tombstone.
        kafka_ts_ms: the record's timestamp (ms since the epoch); negative where there is none, as in a file.
    """
    document = json_object(value)
    if isinstance(document, Refusal):
        return document
    asset = document.get("asset")
    if asset is None:
        return Refusal(Reason.MISSING_ASSET, "the message has no asset")
    values = _values(document)
    if isinstance(values, Refusal):
        return values
    if fault := _fault_of_name(asset):
        return Refusal(Reason.BAD_NAME, f"asset {fault}")
    ts = event_time(document.get("ts"), kafka_ts_ms)
    if isinstance(ts, Refusal):
        return ts
    quality = _quality(document.get("quality"))
    if isinstance(quality, Refusal):
        return quality

    good: list[tuple[str, float]] = []
    refusals: list[Refusal] = []
    for sensor, number in values:
        if fault := _fault_of_name(sensor):
            refusals.append(Refusal(Reason.BAD_NAME, f"sensor {fault}"))
        elif type(number) not in _NUMBERS or not isfinite(number):
            detail = f"sensor {sensor}: value is {describe(number)}, not a number or a boolean"
            refusals.append(Refusal(Reason.BAD_VALUE, detail))
        else:
            good.append((sensor, float(number)))
    return Message(
        asset=asset,
        ts=ts,
        ts_missing=document.get("ts") is None,
        quality=quality,
        values=tuple(good),
        refusals=tuple(refusals),
    )


_NUMBERS = (float, int, bool)


def json_object(value: bytes | None) -> dict[str, Any] | Refusal:
    """The JSON object that a record's value is; None is a tombstone."""
    if value is None:
        return Refusal(Reason.NOT_JSON, "the message has no value")
    if len(value) > MESSAGE_BYTES_MAX:
        return Refusal(Reason.TOO_LARGE, f"{len(value)} bytes, at most {MESSAGE_BYTES_MAX} are read")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Refusal(Reason.NOT_JSON, str(error))
    if not isinstance(document, dict):
        return Refusal(Reason.NOT_OBJECT, f"the message is {describe(document)}, not an object")
    return document


def _values(document: dict[str, Any]) -> list[tuple[Any, Any]] | Refusal:
    """(sensor, value) pairs of either form, neither of them judged yet."""
    if "value" in document:
        sensor = document.get("sensor")
        if sensor is None:
            return Refusal(Reason.MISSING_SENSOR, "the message has a value and no sensor")
        return [(sensor, document["value"])]
    values = document.get("values")
    if values is None:
        if document.get("sensor") is None:
            return Refusal(Reason.MISSING_SENSOR, "the message has neither sensor and value nor values")
        return Refusal(Reason.MISSING_VALUE, "the message has no value")
    if not isinstance(values, dict):
        return Refusal(Reason.BAD_VALUE, f"values is {describe(values)}, not an object of sensor and value")
    if not values:
        return Refusal(Reason.MISSING_VALUE, "values is empty")
    if len(values) > MESSAGE_VALUES_MAX:
        return Refusal(Reason.TOO_MANY_VALUES, f"{len(values)} values, at most {MESSAGE_VALUES_MAX} are read")
    return list(values.items())


def _fault_of_name(name: object) -> str:
    return name_fault(name) if isinstance(name, str) else f"name is {describe(name)}, not text"


def event_time(given: object, kafka_ts_ms: int) -> int | Refusal:
    """Event time in ms from whole milliseconds or from RFC 3339 text, judged against the Kafka timestamp."""
    ts: int | None
    if given is None:
        if kafka_ts_ms < 0:
            return Refusal(Reason.BAD_TS, "the message has no ts, and there is no Kafka timestamp to take instead")
        ts = kafka_ts_ms
    elif isinstance(given, str):
        ts = _ms_of_text(given)
        if ts is None:
            return Refusal(Reason.BAD_TS, "ts is text that isn't RFC 3339 with an offset: 2023-11-14T22:13:20.000Z")
    elif type(given) is int:
        ts = given
    else:
        return Refusal(Reason.BAD_TS, f"ts is {describe(given)}, not whole milliseconds since 1970")
    if not 0 < ts <= TS_MS_MAX:
        return Refusal(Reason.BAD_TS, f"ts is {ts}: outside of the years 1970 to 9999")
    if 0 <= kafka_ts_ms < ts - AHEAD_MS_MAX:
        ahead_s = (ts - kafka_ts_ms) / 1000
        return Refusal(Reason.TS_TOO_FAR_AHEAD, f"ts is {ahead_s:.0f} s ahead of the Kafka timestamp")
    return ts


def _ms_of_text(text: str) -> int | None:
    """Whole milliseconds since the epoch; what is finer is cut off. None: not RFC 3339 with an offset."""
    if len(text) > 40 or not _RFC_3339.fullmatch(text):
        return None
    try:
        return ms_of(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError):  # 30 February, 25 o'clock
        return None


def _quality(given: object) -> Quality | Refusal:
    """From a word in any case, or from the top two bits of an OPC UA status code; good when absent."""
    if given is None:
        return Quality.GOOD
    if isinstance(given, str):
        quality = QUALITY_WORDS.get(given.lower()) if len(given) < 16 else None
        return Refusal(Reason.BAD_QUALITY_CODE, _QUALITY_HELP) if quality is None else quality
    if type(given) is int and 0 <= given < 1 << 32:
        return _QUALITY_OF_TOP_BITS[given >> 30]
    return Refusal(Reason.BAD_QUALITY_CODE, _QUALITY_HELP)


_QUALITY_HELP = "quality is neither good, uncertain or bad nor a status code of 32 bits"


def describe(thing: object) -> str:
    """What sort of JSON value it is: never the value itself, which may be long, deep or secret."""
    if thing is None:
        return "null"
    return _SORTS[type(thing)]


_SORTS = {
    bool: "a boolean",
    dict: "an object",
    float: "a number with a fraction",
    int: "a whole number",
    list: "a list",
    str: "text",
}
