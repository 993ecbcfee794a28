"""What people ask for: one message of the commands topic in, a `Command` or its refusal out. Pure, and never raises.

    {"command":"acknowledge","asset":"press-0012","alert_id":"6f0c…","by":"maria","comment":"checking the valve"}
    {"command":"shelve","asset":"press-0012","sensor":"temp","kind":"limit","until":1700003600000,"by":"maria"}

`asset` and `by` are always given. What a command is about is one alarm (`alert_id`), or all alarms of its asset that
`sensor`, `kind` and `rule` leave. A key that a command doesn't take is a refusal, not a detail: a misspelt `sensor`
would shelve the whole asset. So is a rule that its kind doesn't have: such a shelf would hold nothing, and nobody would
know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contracts.codec import Refusal, describe, json_object
from contracts.findings import RULES, Kind
from contracts.limits import COMMENT_CHARACTERS_MAX, TS_MS_MAX
from contracts.names import has_control_characters, name_fault
from contracts.readings import Reason, Reject

__all__ = ["TAKES", "Command", "Origin", "Scope", "Verb", "Verdict", "decode_command", "needs"]


class Verb(StrEnum):
    """What a command asks for. A closed list."""

    ACKNOWLEDGE = "acknowledge"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    FEEDBACK = "feedback"


class Verdict(StrEnum):
    """What a person says of an anomaly alarm."""

    FALSE_ALARM = "false_alarm"  # raises the series' own threshold
    TRUE_ALARM = "true_alarm"  # keeps what happened out of learning
    RESET = "reset"  # takes back what false alarms have raised


@dataclass(frozen=True, slots=True)
class Scope:
    """Which alarms of an asset are meant: those that agree in everything that isn't None."""

    sensor: str | None = None
    """"": what is about the asset as a whole."""
    kind: str | None = None
    rule: str | None = None

    def covers(self, *, sensor: str, kind: str, rule: str) -> bool:
        """Whether an alarm is meant; `sensor` is "" for an alarm of the asset as a whole."""
        return (
            (self.sensor is None or self.sensor == sensor)
            and (self.kind is None or self.kind == kind)
            and (self.rule is None or self.rule == rule)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The record that a command came in: where an answer, or a refusal, points to."""

    topic: str
    partition: int
    offset: int
    ts_ms: int
    """Kafka's timestamp (ms since the epoch): when the command was given."""
    key: bytes | None
    value: bytes | None

    @property
    def cause(self) -> str:
        """What the identity of a commanded transition is made of."""
        return f"commands/{self.partition}/{self.offset}"

    @property
    def source(self) -> str:
        """`topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def refused(self, refusal: Refusal) -> Reject:
        """The dead letter of this record."""
        return Reject(
            reason=refusal.reason,
            detail=refusal.detail,
            key=self.key,
            value=self.value,
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a person asks for, well formed: whether it can be done is known where the alarms are."""

    verb: Verb
    asset: str
    by: str
    origin: Origin
    alert_id: str | None = None
    """One episode of one alarm; then `scope` is empty."""
    scope: Scope = Scope()
    until_ms: int | None = None
    """Of a shelf, and only of it: its end, ms since the epoch."""
    verdict: Verdict | None = None
    """Of feedback, and only of it."""
    comment: str | None = None

    def refused(self, why: str) -> Reject:
        """The dead letter of a command that can't be done."""
        return self.origin.refused(Refusal(Reason.BAD_COMMAND, why))


_SCOPE = ("sensor", "kind", "rule")
_ALWAYS = ("command", "asset", "by", "comment")
TAKES: dict[Verb, tuple[str, ...]] = {
    Verb.ACKNOWLEDGE: ("alert_id",),
    Verb.SHELVE: ("alert_id", *_SCOPE, "until"),
    Verb.UNSHELVE: ("alert_id", *_SCOPE),
    Verb.SUPPRESS: ("alert_id", *_SCOPE),
    Verb.UNSUPPRESS: ("alert_id", *_SCOPE),
    Verb.OUT_OF_SERVICE: ("sensor",),
    Verb.IN_SERVICE: ("sensor",),
    Verb.FEEDBACK: ("alert_id", "verdict"),
}
"""The keys of each command beside `command`, `asset`, `by` and `comment`, which all of them take."""
_NEEDS: dict[Verb, tuple[str, ...]] = {
    Verb.ACKNOWLEDGE: ("alert_id",),
    Verb.SHELVE: ("until",),
    Verb.FEEDBACK: ("alert_id", "verdict"),
}
_ALERT_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def decode_command(origin: Origin) -> Command | Refusal:
    """Decode one message of commands."""
    document = json_object(origin.value)
    if isinstance(document, Refusal):
        return Refusal(Reason.BAD_COMMAND, document.detail)
    fault = _fault(document)
    if fault:
        return Refusal(Reason.BAD_COMMAND, fault)
    return Command(
        verb=Verb(document["command"]),
        asset=document["asset"],
        by=document["by"],
        origin=origin,
        alert_id=document.get("alert_id"),
        scope=Scope(*(document.get(key) for key in _SCOPE)),
        until_ms=document.get("until"),
        verdict=Verdict(document["verdict"]) if "verdict" in document else None,
        comment=document.get("comment"),
    )


def _fault(document: dict[str, Any]) -> str:
    """Why a document is no command; empty if it is one."""
    word = document.get("command")
    if not isinstance(word, str) or word not in set(Verb):
        return f"command is none of {', '.join(Verb)}"
    verb = Verb(word)
    takes = (*_ALWAYS, *TAKES[verb])
    for key in document:
        if key not in takes:
            return f"{verb} takes no key {key[:40]!r}: it takes {', '.join(takes)}"
    for key in needs(verb):
        if document.get(key) is None:
            return f"{verb} needs {key}"
    for key, value in document.items():
        if value is not None and (fault := _FAULTS[key](value)):
            return f"{key} {fault}"
    if document.get("alert_id") is not None and any(document.get(key) is not None for key in _SCOPE):
        return "alert_id names one alarm: sensor, kind and rule can't be given beside it"
    return _fault_of_rule(document.get("kind"), document.get("rule"))


def needs(verb: Verb) -> tuple[str, ...]:
    """The keys that a command can't be without, beside `command`."""
    return ("asset", "by", *_NEEDS.get(verb, ()))


def _fault_of_rule(kind: str | None, rule: str | None) -> str:
    if rule is None:
        return ""
    if kind is None:
        return "rule needs kind"
    rules = RULES[Kind(kind)]
    return "" if rule in rules else f"rule is none of {kind}'s: {', '.join(rules)}"


def _name(value: object) -> str:
    return name_fault(value) if isinstance(value, str) else f"is {describe(value)}, not text"


def _sensor(value: object) -> str:
    return "" if value == "" else _name(value)


def _comment(value: object) -> str:
    if not isinstance(value, str):
        return f"is {describe(value)}, not text"
    if len(value) > COMMENT_CHARACTERS_MAX:
        return f"has {len(value)} characters, at most {COMMENT_CHARACTERS_MAX} are kept"
    return "has control characters" if has_control_characters(value.replace("\n", "")) else ""


def _id(value: object) -> str:
    return "" if isinstance(value, str) and _ALERT_ID.fullmatch(value) else "isn't 32 hex digits"


def _until(value: object) -> str:
    if type(value) is not int:
        return f"is {describe(value)}, not whole milliseconds since 1970"
    return "" if 0 < value <= TS_MS_MAX else "is outside of the years 1970 to 9999"


def _one_of(words: type[StrEnum]) -> Any:
    return lambda value: "" if isinstance(value, str) and value in set(words) else f"is none of {', '.join(words)}"


_FAULTS: dict[str, Any] = {
    "command": lambda _value: "",
    "asset": _name,
    "by": _name,
    "comment": _comment,
    "alert_id": _id,
    "sensor": _sensor,
    "kind": _one_of(Kind),
    "rule": _name,
    "until": _until,
    "verdict": _one_of(Verdict),
}
