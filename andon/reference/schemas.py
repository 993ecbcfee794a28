"""JSON Schemas of what andon writes to Kafka and reads from people, made from the models."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from contracts.alarm_states import AlarmState, Heartbeat, HoldState
from contracts.alerts import ALERT
from contracts.commands import TAKES, Verb, Verdict, needs
from contracts.findings import RULES, Kind
from contracts.limits import COMMENT_CHARACTERS_MAX, NAME_BYTES_MAX, TS_MS_MAX

__all__ = ["alarm_state_schema", "alert_schema", "command_schema"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"


def alert_schema() -> dict[str, Any]:
    """Of a record on the alert topic."""
    return _headed("alert", ALERT.json_schema(by_alias=True, mode="serialization"))


def alarm_state_schema() -> dict[str, Any]:
    """Of a record on the alarm-state topic that is no tombstone: one of three."""
    models = (AlarmState, HoldState, Heartbeat)
    found, schema = models_json_schema([(model, "serialization") for model in models], by_alias=True)
    return _headed("alarm-state", {"oneOf": [found[model, "serialization"] for model in models], **schema})


def command_schema() -> dict[str, Any]:
    """Of a record on the topic of commands. Whether a command can be carried out is known where the alarms are."""
    return _headed("command", {"oneOf": [_command(verb) for verb in Verb]})


def _headed(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": _DRAFT, "$id": f"urn:andon:{name}:1", **schema}


def _command(verb: Verb) -> dict[str, Any]:
    keys = ("asset", "by", "comment", *TAKES[verb])
    properties = {key: _KEYS[key] if key in needs(verb) else _or_null(_KEYS[key]) for key in keys}
    return {
        "title": verb.value,
        "type": "object",
        "properties": {"command": {"const": verb.value}, **properties},
        "required": ["command", *needs(verb)],
        "additionalProperties": False,
        **_together(keys),
    }


def _together(keys: tuple[str, ...]) -> dict[str, Any]:
    """What keys say of each other: an alert's id or a scope, and rules of the kind that is given."""
    if "kind" not in keys:
        return {}
    no_id = _all_null("alert_id")
    no_scope = _all_null("sensor", "kind", "rule")
    rules = [
        {"properties": {"kind": {"const": kind.value}, "rule": {"enum": [*RULES[kind], None]}}, "required": ["kind"]}
        for kind in Kind
    ]
    return {"allOf": [{"anyOf": [no_id, no_scope]}, {"anyOf": [_all_null("rule"), *rules]}]}


def _all_null(*keys: str) -> dict[str, Any]:
    return {"properties": {key: {"type": "null"} for key in keys}}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_NAME = {"type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX, "pattern": _NO_CONTROLS}
_KEYS: dict[str, dict[str, Any]] = {
    "asset": _NAME,
    "by": _NAME,
    "comment": {
        "type": "string",
        "maxLength": COMMENT_CHARACTERS_MAX,
        "pattern": "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*$",
    },
    "alert_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "sensor": {"type": "string", "maxLength": NAME_BYTES_MAX, "pattern": _NO_CONTROLS},
    "kind": {"enum": [kind.value for kind in Kind]},
    "rule": {"type": "string"},
    "until": {"type": "integer", "minimum": 1, "maximum": TS_MS_MAX},
    "verdict": {"enum": [verdict.value for verdict in Verdict]},
}
