"""Alerts on their way out: one transition of one alarm, as JSON with CloudEvents headers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

import orjson
from pydantic import ConfigDict, Field, TypeAdapter

from contracts.findings import Kind

__all__ = [
    "ALERT",
    "Alert",
    "AlertRecord",
    "Contribution",
    "ExpectedRange",
    "Priority",
    "State",
    "Transition",
    "WindowSpan",
    "alert_id",
    "event_id",
    "priority_of",
    "read_alert",
]


class Transition(StrEnum):
    """What happened to the alarm (ISA-18.2)."""

    RAISED = "raised"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    RECONCILED = "reconciled"
    REMOVED = "removed"


class State(StrEnum):
    """The alarm's state after the transition."""

    NORMAL = "normal"
    ACTIVE_UNACKED = "active_unacked"
    ACTIVE_ACKED = "active_acked"
    RETURNED_UNACKED = "returned_unacked"


class Priority(StrEnum):
    """Bands of OPC UA severity."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def priority_of(severity: int) -> Priority:
    """The band of a severity (1-1000): critical above 800, high above 600, medium above 400, low else."""
    if severity > 800:
        return Priority.CRITICAL
    if severity > 600:
        return Priority.HIGH
    return Priority.MEDIUM if severity > 400 else Priority.LOW


def alert_id(*, asset: str, sensor: str | None, kind: str, rule: str, onset_ts: int) -> str:
    """The name of one episode of an alarm: the same after every restart and on every replay (32 hex digits)."""
    return _digest(asset, sensor or "", kind, rule, str(onset_ts))


def event_id(*, alert: str, transition: str, cause: str) -> str:
    """The name of one transition: a consumer that drops ids which it has seen sees each transition once.

    Args:
        cause: the `ts` of a transition that data caused, in decimal; `commands/<partition>/<offset>` of one that
            was commanded.
    """
    return _digest(alert, transition, cause)


def _digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


_STRANGERS_REFUSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRange:
    """The range that was expected, in the sensor's unit; null is open."""

    __pydantic_config__ = _STRANGERS_REFUSED
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One sensor's part in the alert."""

    __pydantic_config__ = _STRANGERS_REFUSED
    sensor: str
    share: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpan:
    """The window that was judged."""

    __pydantic_config__ = _STRANGERS_REFUSED
    start: Annotated[int, Field(description="ms since the epoch, inclusive")]
    end: Annotated[int, Field(description="ms since the epoch, exclusive; equal to start where window_s = 0")]
    count: Annotated[int, Field(description="readings in it")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One transition of one alarm: the JSON body of a record on the alert topic.

    A function of the readings and the resolved rule alone: the same on every replay, byte for byte.
    """

    __pydantic_config__ = _STRANGERS_REFUSED
    schema: Annotated[int, Field(description="version of this format")] = 1
    alert_id: Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="one episode of one alarm")]
    transition: Transition
    state: State
    annunciated: Annotated[bool, Field(description="false: recorded, and not for the operator's attention")]
    kind: Kind
    rule: str
    site: str
    asset: str
    sensor: Annotated[str | None, Field(description="null: the asset as a whole")]
    unit: str | None
    severity: Annotated[int, Field(ge=1, le=1000, description="OPC UA severity")]
    priority: Priority
    onset_ts: Annotated[int, Field(description="when the condition began, ms since the epoch")]
    ts: Annotated[int, Field(description="event time of the transition, ms since the epoch")]
    value: Annotated[float | None, Field(description="of the reading, or the mean of the window")]
    expected: ExpectedRange
    score: Annotated[float | None, Field(description="L, -log10 of the calibrated tail probability")]
    rank: Annotated[float | None, Field(description="P, the level of surprise relative to the series' own past peaks")]
    contributions: tuple[Contribution, ...]
    evidence: dict[str, float | int | str | list[str] | None]
    window: WindowSpan | None
    by: Annotated[str | None, Field(description="who commanded the transition")] = None
    comment: str | None = None
    message: Annotated[str, Field(description="one line for the operator")]

    def body(self) -> bytes:
        """The record's value: UTF-8 JSON, keys in the order of these fields."""
        return orjson.dumps(self)


ALERT: TypeAdapter[Alert] = TypeAdapter(Alert)
"""Checks and describes alerts that come from elsewhere: our own are made without, fifty thousand of them in seconds."""


def read_alert(body: str | bytes) -> Alert:
    """The alert in a record's value.

    Raises: ValueError if it is none.
    """
    return ALERT.validate_json(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert with what travels beside its body, in the record's headers."""

    alert: Alert
    event_id: str
    """`ce_id`."""
    source: str
    """`topic/partition/offset` of the reading that caused it; empty where none did."""
    config: str
    """Hash of the rule as it was resolved."""
    body: bytes = b""
    """The alert's body; made from it where it isn't given."""

    def __post_init__(self) -> None:
        if not self.body:
            object.__setattr__(self, "body", self.alert.body())
