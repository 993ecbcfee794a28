"""Readings on their way in: columnar blocks of good data, rejects for bad data, ticks for time.

A *series* is one sensor of one asset. A *lane* is one source partition of the dataflow; it numbers the series that it
meets (0, 1, 2 …) and says each number's name once, in the first block that uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.groups import group_key, group_of

__all__ = ["READING", "Block", "Clock", "Quality", "Reason", "Reject", "SeriesName", "Tick", "group_key", "group_of"]

Rows = NDArray[Any]
"""A structured array."""

READING = np.dtype(
    [
        ("ts", np.int64),  # event time, ms since the epoch
        ("value", np.float64),  # in the sensor's own unit
        ("offset", np.int64),  # of the Kafka message, or the row of the file
        ("series", np.int32),  # the lane's number for (asset, sensor)
        ("partition", np.uint16),  # index into Block.sources
        ("quality", np.uint8),  # Quality
        ("paused", np.uint8),  # 1: not to be learned from; `samples` finds out, all else leaves it at 0
    ]
)
assert READING.itemsize == 32, "two readings to a cache line"


class Quality(IntEnum):
    """How far the source trusts a value (OPC UA Part 8: the top two bits of a status code)."""

    GOOD = 0
    UNCERTAIN = 1  # checked, never learned from
    BAD = 2  # neither, and no sign of life


class Reason(StrEnum):
    """Why a message, or one value of it, was refused. A closed list: label, test and documentation each."""

    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    MISSING_ASSET = "missing_asset"
    MISSING_SENSOR = "missing_sensor"
    MISSING_VALUE = "missing_value"
    BAD_VALUE = "bad_value"
    BAD_TS = "bad_ts"
    TS_TOO_FAR_AHEAD = "ts_too_far_ahead"
    BAD_QUALITY_CODE = "bad_quality_code"
    BAD_NAME = "bad_name"
    TOO_LARGE = "too_large"
    TOO_MANY_VALUES = "too_many_values"
    CAPACITY = "capacity"
    BAD_COMMAND = "bad_command"
    BAD_SIGNATURE = "bad_signature"


class SeriesName(NamedTuple):
    """What a lane says of a series before it first uses its number."""

    number: int
    asset: str
    sensor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Readings of one key group from one poll of one lane, in their order of arrival."""

    lane: int
    rows: Rows
    """dtype READING, shape (n,), n > 0."""
    names: tuple[SeriesName, ...]
    """Of the series that this lane uses here for the first time since its start."""
    sources: tuple[str, ...]
    """`topic/partition` by the rows' partition index."""
    arrived_ms: int
    """The newest Kafka timestamp in the block (wall clock, ms): silence is measured on arrival."""

    def __reduce__(self) -> tuple[Any, ...]:
        """As it travels to another process: the bytes alone, since numpy describes every field of a record each time.

        A block of 78 rows takes 8 us to write and read again, in place of 27.
        """
        return _block, (self.lane, bytearray(self.rows), self.names, self.sources, self.arrived_ms)


def _block(
    lane: int, rows: bytearray, names: tuple[SeriesName, ...], sources: tuple[str, ...], arrived_ms: int
) -> Block:
    """A block that has arrived; its rows can be written to, as those of any other."""
    return Block(lane=lane, rows=np.frombuffer(rows, READING), names=names, sources=sources, arrived_ms=arrived_ms)


@dataclass(frozen=True, slots=True)
class Reject:
    """A message that was refused, whole or one value of it: bad data is a value and travels to the dead letters."""

    reason: Reason
    detail: str
    key: bytes | None
    value: bytes | None
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A lane that has caught up says what time it is, at most once a second, to every key group."""

    lane: int
    now_ms: int
    after_outage: bool = False
    """The lane was cut off until now: the silence up to here is nobody's fault and isn't judged."""


@dataclass(frozen=True, slots=True)
class Clock:
    """By the event clock: how far the readings of assets have come (asset, ms), instead of ticks."""

    times: tuple[tuple[str, int], ...]
