"""The alarm-state topic: what stands now, one record for each alarm that isn't normal.

A compacted topic. Whoever reads it from its beginning has, for each key, what stands; a tombstone says that it stands
no more. Three sorts of keys, their parts percent-encoded and joined by `/`:

    press-0012/temp/limit/hh        an alarm                                          `AlarmState`
    press-0012//stale/silent        an alarm of the asset as a whole                  `AlarmState`
    press-0012/temp/*/*/hold        what people hold back: all alarms of a sensor     `HoldState`
    _heartbeat/plant-1/host-7       a process that works, once every 30 s             `Heartbeat`
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field

from contracts.alerts import Alert
from contracts.commands import Scope

__all__ = [
    "HEARTBEAT_S",
    "AlarmRecord",
    "AlarmState",
    "Heartbeat",
    "Hold",
    "HoldState",
    "Recorded",
    "alarm_key",
    "heartbeat_key",
    "hold_key",
    "parse_key",
]

HEARTBEAT_S = 30
"""Seconds between two heartbeats of a process. Who sees none for three of these says so."""

_ANY = "*"  # quote() encodes a star, so no name can be mistaken for it
_HEARTBEAT = "_heartbeat"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def body(self) -> bytes:
        """The record's value: UTF-8 JSON, keys in the order of this model."""
        return self.model_dump_json(by_alias=True).encode()


class Hold(_Model):
    """Why alarms aren't annunciated, and who said so."""

    by: Annotated[str, Field(description='who: a person, or "maintenance" for the calendar in the settings')]
    comment: str | None = None
    since_ts: Annotated[int, Field(description="ms since the epoch")]
    until_ts: Annotated[int | None, Field(description="when it ends by itself, ms since the epoch; null: never")] = None


class AlarmState(_Model):
    """What stands of one alarm: the value of a record on the alarm-state topic."""

    schema_: Annotated[int, Field(alias="schema", description="version of this format")] = 1
    alert: Annotated[Alert, Field(description="its newest transition, as it is on the alert topic")]
    said: Annotated[str, Field(description="one line: the condition itself, without what people did about it")]
    raised_ts: Annotated[int, Field(description="event time at which it was raised, ms since the epoch")]
    acknowledged: Annotated[Hold | None, Field(description="by whom; null: it isn't")] = None
    shelved: Annotated[Hold | None, Field(description="held back by a person until a time")] = None
    suppressed: Annotated[Hold | None, Field(description="held back by design, or by maintenance")] = None
    out_of_service: Annotated[Hold | None, Field(description="held back while its source is out of service")] = None
    chattering: Annotated[bool, Field(description="raised again and again: its clearing is held back")] = False


class HoldState(_Model):
    """What people hold back, whether an alarm stands now or not: the value of a record whose key ends in `/hold`."""

    schema_: Annotated[int, Field(alias="schema", description="version of this format")] = 1
    asset: str
    sensor: Annotated[str | None, Field(description='null: all; "": what is about the asset as a whole')] = None
    kind: Annotated[str | None, Field(description="null: all")] = None
    rule: Annotated[str | None, Field(description="null: all")] = None
    shelved: Hold | None = None
    suppressed: Hold | None = None
    out_of_service: Hold | None = None

    @property
    def scope(self) -> Scope:
        """Which alarms of the asset are meant."""
        return Scope(self.sensor, self.kind, self.rule)


class Heartbeat(_Model):
    """A process that watches: a quiet plant can be told from a dead watcher."""

    schema_: Annotated[int, Field(alias="schema", description="version of this format")] = 1
    site: str
    process: str
    ts: Annotated[int, Field(description="wall clock, ms since the epoch")]
    every_s: Annotated[int, Field(description="seconds until the next one is due")] = HEARTBEAT_S
    state: Annotated[Literal["running", "stopped"], Field(description="stopped: it ended in good order")] = "running"
    lag_rows: Annotated[int, Field(description="messages that it hasn't read yet")] = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """One record for the alarm-state topic."""

    key: str
    body: bytes | None
    """None: a tombstone, it stands no more."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the alarm-state topic said of a key group when the process started: it is compared, and mended."""

    records: tuple[AlarmRecord, ...]
    """Of alarms and of holds; no tombstones, no heartbeats."""
    now_ms: int
    """Wall clock at the comparison."""


def alarm_key(*, asset: str, sensor: str | None, kind: str, rule: str) -> str:
    """The key of one alarm; a sensor of None is the asset as a whole."""
    return f"{_quoted(asset)}/{_quoted(sensor or '')}/{kind}/{_quoted(rule)}"


@lru_cache(4096)  # the names of a plant come again and again
def _quoted(name: str) -> str:
    return quote(name, safe="")


def hold_key(asset: str, scope: Scope) -> str:
    """The key of what people hold back of an asset; `*` stands for all."""
    parts = [_ANY if part is None else _quoted(part) for part in (scope.sensor, scope.kind, scope.rule)]
    return "/".join((_quoted(asset), *parts, "hold"))


def heartbeat_key(site: str, process: str) -> str:
    """The key of a process' heartbeat."""
    return "/".join((_HEARTBEAT, _quoted(site), _quoted(process)))


def parse_key(key: str) -> tuple[Literal["alarm", "hold", "heartbeat"], str] | None:
    """What sort of record a key is of, and the name of its asset, or of its process; None: it is no key of ours."""
    parts = [part if part == _ANY else unquote(part) for part in key.split("/")]
    match parts:
        case [asset, _, _, _]:
            return ("alarm", asset)
        case [asset, _, _, _, "hold"]:
            return ("hold", asset)
        case ["_heartbeat", _, process]:
            return ("heartbeat", process)
        case _:
            return None
