"""Messages of a United Manufacturing Hub (UMH): what the messages of its unified namespace say as readings.

One message is about one tag. Its Kafka key is the tag's topic, its value the tag's value and time:

    umh.v1.<location …>.<_contract>[.<folder …>].<name>      {"timestamp_ms":1700000000000,"value":21.5}

The location is the asset, folders and name are the sensor. Under the contract `_historian`, older versions send several
numbers beside `timestamp_ms`, each with its name. All else in such a namespace, texts and records of orders, is no
reading and no fault either.

Sources: UMH's documentation, Topic Convention and Payload Formats.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from contracts.codec import Message, Refusal, event_time, json_object
from contracts.names import name_fault
from contracts.readings import Quality, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["decode_umh", "numbers_in"]

VERSION = ("umh", "v1")
SEVERAL = "_historian"
"""The contract under which a message may have several numbers."""
TOPICS_KEPT_MAX = 65_536
"""Topics that are taken apart once; more are taken apart again and again."""
LEVELS_MAX = 16
"""Of objects within objects; what is deeper isn't looked at."""
_TIMED_VALUE = {"timestamp_ms", "value"}
_NUMBERS = (float, int, bool)


class _Place(NamedTuple):
    """What a topic says."""

    asset: str
    contract: str
    tag: str
    """Folders and name, with dots; empty: the message's members are the names."""
    name: str


def decode_umh(topic: bytes | None, value: bytes | None, kafka_ts_ms: int) -> Message | Refusal | None:
    """Decode one message; None: it says something that is no reading.

    Args:
        topic: the record's key.
        value: the record's value; None is a tombstone.
        kafka_ts_ms: the record's timestamp (ms since the epoch); negative where there is none.
    """
    if topic is None:
        return Refusal(Reason.MISSING_ASSET, "the message has no key, which in UMH is its topic")
    place = _place(topic)
    if isinstance(place, Refusal):
        return place
    if value is None:
        return None
    document = json_object(value)
    if isinstance(document, Refusal):
        return document
    at = document.get("timestamp_ms")
    if at is None:
        return None
    ts = event_time(int(at) if type(at) is float and at.is_integer() else at, kafka_ts_ms)
    if isinstance(ts, Refusal):
        return ts
    values = tuple(_values(place, document))
    if not values:
        return None
    return Message(asset=place.asset, ts=ts, ts_missing=False, quality=Quality.GOOD, values=values, refusals=())


def numbers_in(
    document: dict[str, Any], above: str = "", *, levels: int = LEVELS_MAX
) -> Iterator[tuple[str, float | int | bool]]:
    """Every number in an object of JSON, also of objects within, under the names that lead to it."""
    for name, value in document.items():
        if type(value) in _NUMBERS:
            yield above + name, value
        elif isinstance(value, dict) and levels > 1:
            yield from numbers_in(value, f"{above}{name}.", levels=levels - 1)


@lru_cache(maxsize=TOPICS_KEPT_MAX)
def _place(topic: bytes) -> _Place | Refusal:
    levels = topic.decode("utf-8", "replace").split(".")
    at = next((number for number, level in enumerate(levels) if level.startswith("_")), 0)
    if tuple(levels[:2]) != VERSION or at < 3 or "" in levels:
        return Refusal(Reason.BAD_NAME, "the key is no topic of UMH: umh.v1.<location>.<_contract>.<name>")
    asset = ".".join(levels[2:at])
    if fault := name_fault(asset):
        return Refusal(Reason.BAD_NAME, f"asset {fault}")
    return _Place(asset, levels[at], ".".join(levels[at + 1 :]), levels[-1])


def _values(place: _Place, document: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """(sensor, value) of what is a number; names that can't be are left out with what has them."""
    if document.keys() == _TIMED_VALUE:
        value = document["value"]
        found = [(place.tag, value)] if type(value) in _NUMBERS else []
    elif place.contract == SEVERAL:
        found = [(_sensor(place, name), value) for name, value in numbers_in(document) if name != "timestamp_ms"]
    else:
        found = []
    for sensor, value in found:
        if isfinite(value) and not name_fault(sensor):
            yield sensor, float(value)


def _sensor(place: _Place, member: str) -> str:
    if not place.tag:
        return member
    return place.tag if member in {"value", place.name} else f"{place.tag}.{member}"
