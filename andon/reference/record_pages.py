"""The reference pages of what travels through Kafka: alerts, what stands, commands, and the topics that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_type_hints

import orjson
from pydantic.fields import FieldInfo

from andon.reference.markdown import sentence, table
from andon.topics import plans
from contracts.alarm_states import (
    HEARTBEAT_S,
    AlarmState,
    Heartbeat,
    Hold,
    HoldState,
    alarm_key,
    heartbeat_key,
    hold_key,
)
from contracts.alerts import Alert, Priority, State, Transition
from contracts.commands import TAKES, Scope, Verb, needs
from contracts.findings import RULES, Kind
from contracts.key_types import is_model, types_of
from contracts.limits import COMMENT_CHARACTERS_MAX, HOLDS_PER_ASSET_MAX, NAME_BYTES_MAX
from contracts.settings import Kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["EXAMPLES", "alarm_state_page", "alerts_page", "commands_page", "topics_page"]


def _lines(text: str) -> Iterator[str]:
    yield from text.splitlines()
    yield ""


def _fields(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    rows = (
        (f"`{field.alias or name}`", _type(field), field.description or _MEANINGS.get(name, ""))
        for name, field in fields.items()
    )
    yield from table(("field", "type", "meaning"), rows)


def _fields_of_alert() -> dict[str, FieldInfo]:
    kinds = get_type_hints(Alert, include_extras=True)
    return {name: FieldInfo.from_annotation(kind) for name, kind in kinds.items()}


def _type(field: FieldInfo) -> str:
    kind = types_of(field.annotation)[0]
    words = {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "boolean",
        "tuple": "list",
        "dict": "object",
    }
    name = getattr(kind, "__name__", str(kind))
    word = words.get(name, "object" if is_model(kind) else "one of a list")
    nullable = type(None) in getattr(field.annotation, "__args__", ())
    return f"{word} or null" if nullable else word


_MEANINGS = {
    "transition": "what happened, see below",
    "state": "the alarm's state after it, see below",
    "kind": "what sort of condition, see below",
    "rule": "which rule of its kind",
    "site": "name of the plant",
    "asset": "name of the machine",
    "unit": "of the sensor, from the settings",
    "priority": "the band of the severity",
    "expected": "the range that was expected, `low` and `high`; null is open",
    "contributions": "sensors and their shares, which sum to 1, the largest first",
    "evidence": "what the finding rests on, by name: the limit, its delays, the silence …",
    "window": "`start`, `end` and `count` of the window that was judged",
    "comment": "why, in that person's words",
    "shelved": "held back by a person until a time",
    "suppressed": "held back by design",
    "out_of_service": "held back while its source is out of service",
    "process": "name of the process",
    "version": "of the program",
}


# ── Alerts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_ALERTS = """\
Each record on the topic `kafka.alerts` is one transition of one alarm: something became true, a person did something
about it, or it is over. The key is the asset, the value is JSON ([schema](alert-schema.json)). The body of a transition
that readings caused is a function of the readings and the resolved rule alone.
"""
_HELD = """\
While an alarm is shelved, suppressed or out of service, its transitions are written with `annunciated` false. When the
last of these ends and the condition is still true, that transition is itself annunciated.
"""
_TRANSITIONS = {
    Transition.RAISED: "the condition became true; or again, before anybody had acknowledged that it was over",
    Transition.CLEARED: "the condition is over",
    Transition.ACKNOWLEDGED: "a person has seen it",
    Transition.SHELVED: "a person holds it back until a time, which `message` tells",
    Transition.UNSHELVED: "the shelf has ended: by a person, or with `by` null by its time",
    Transition.SUPPRESSED: 'held back by design: by a person, or with `by` "maintenance" by the settings',
    Transition.UNSUPPRESSED: "no longer so",
    Transition.OUT_OF_SERVICE: "held back because its source is out of service",
    Transition.IN_SERVICE: "no longer so",
    Transition.RECONCILED: "after a start: what the alarm-state topic says and what is true differed, and agree now",
    Transition.REMOVED: "the settings no longer watch it",
}
_STATES = {
    State.NORMAL: "the condition isn't true, and nobody need look at it",
    State.ACTIVE_UNACKED: "the condition is true, and nobody has acknowledged it",
    State.ACTIVE_ACKED: "the condition is true, and somebody has",
    State.RETURNED_UNACKED: "the condition is over, and nobody has acknowledged it; only with `ack_required`",
}
_KINDS = {
    Kind.LIMIT: ("a value is beyond a fixed limit", "`limit`"),
    Kind.RATE: ("a value changes faster than allowed", "`rate`"),
    Kind.FLATLINE: ("a value doesn't move although readings keep coming", "`flatline`"),
    Kind.STALE: ("a sensor, or with `sensor` null a whole asset, no longer speaks", "`stale`"),
    Kind.ANOMALY: ("a series, or an asset as a whole, behaves unlike its past", "`anomaly`"),
    Kind.DRIFT: ("a level has moved and stayed", "`drift`"),
    Kind.CAPACITY: ("a bound of the service was met, and something is refused", "`[service]`"),
    Kind.FLOOD: (
        "more than 10 alarms were raised within 10 minutes, and not yet fewer than 5; `asset` is the site",
        "—",
    ),
    Kind.INVENTORY: (
        "a device that a gateway reads is new, is away, or is another than before; `asset` is the device",
        "`kafka.inventory`",
    ),
}
_HEADERS = (
    ("`ce_specversion`", "1.0: the record is a CloudEvent in binary mode"),
    ("`ce_id`", "names the transition. After a crash the same transition may come twice, with the same id and body"),
    ("`ce_source`", "`/andon/<site>`"),
    ("`ce_type`", "`andon.alert.<transition>`"),
    ("`ce_time`", "when it was written, by the wall clock"),
    ("`ce_subject`", "`asset/sensor`; the asset alone where `sensor` is null"),
    ("`andon_source`", "`topic/partition/offset` of the reading or the command that caused it; empty where none did"),
    ("`andon_config`", "hash of the rule as it was resolved"),
    ("`andon_version`", "of the program"),
)


def alerts_page() -> Iterator[str]:
    """The alert topic: fields, words and headers."""
    yield from _lines(_ALERTS)
    yield from _fields(_fields_of_alert())
    yield f"Priorities: {', '.join(f'`{priority}`' for priority in Priority)}. From `severity`: critical above 800,"
    yield "high above 600, medium above 400, low else."
    yield ""
    yield "## Transitions"
    yield ""
    yield from table(("transition", "meaning"), ((f"`{name}`", _TRANSITIONS[name]) for name in Transition))
    yield from _lines(_HELD)
    yield "## States"
    yield ""
    yield from table(("state", "meaning"), ((f"`{name}`", _STATES[name]) for name in State))
    yield "## Kinds and rules"
    yield ""
    kinds = ((f"`{kind}`", ", ".join(f"`{rule}`" for rule in RULES[kind]), *_KINDS[kind]) for kind in Kind)
    yield from table(("kind", "rules", "it is true when", "set by"), kinds)
    yield "## Headers"
    yield ""
    yield from table(("header", "meaning"), _HEADERS)


# ── What stands ──────────────────────────────────────────────────────────────────────────────────────────────────────

_STANDS = """\
The topic `kafka.alarms` is compacted: who reads it from its beginning has, for each key, what stands now. A tombstone,
a record without a value, says that it stands no more. Values are JSON ([schema](alarm-state-schema.json)). The parts of
a key are percent-encoded and joined by `/`, so that no name can be mistaken for another; a bare `*` stands for all.
"""
_BEATS = f"""\
Each process writes a heartbeat at once when it runs and then every {HEARTBEAT_S} s: a quiet plant can be told from a
dead watcher. Who sees none for three times `every_s` should say so. A process that ends in good order says `stopped`.
"""


def alarm_state_page() -> Iterator[str]:
    """The alarm-state topic: its three sorts of keys, and their values."""
    yield from _lines(_STANDS)
    keys = (
        (alarm_key(asset="press-0012", sensor="temp", kind="limit", rule="hh"), "an alarm that isn't normal"),
        (alarm_key(asset="press-0012", sensor=None, kind="stale", rule="silent"), "an alarm of the asset as a whole"),
        (alarm_key(asset="hall 1/press", sensor="temp", kind="limit", rule="hh"), "an alarm of `hall 1/press`"),
        (hold_key("press-0012", Scope("temp")), "what people hold back: all alarms of a sensor"),
        (hold_key("press-0012", Scope()), "all alarms of an asset"),
        (hold_key("press-0012", Scope("", "stale")), "the silence of an asset as a whole"),
        (heartbeat_key("plant-1", "host-7"), "a process that watches"),
    )
    yield from table(("key", "what stands"), ((f"`{key}`", meaning) for key, meaning in keys))
    for title, model in (
        ("An alarm", AlarmState),
        ("What people hold back", HoldState),
        ("Who holds it back, and why", Hold),
        ("A heartbeat", Heartbeat),
    ):
        yield f"## {title}"
        yield ""
        yield from _lines(_BEATS if model is Heartbeat else sentence(model))
        yield from _fields(model.model_fields)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_COMMANDS = """\
Each record on the topic `kafka.commands` asks for one thing. The key is the asset, the value is JSON
([schema](command-schema.json)). The time of a command is the Kafka timestamp of its record.

What became of a command can be looked up: every transition that it causes carries its `topic/partition/offset` in the
header `andon_source` of the [alert](alerts.md), with `by` and `comment`; what it holds back is on the
[alarm-state topic](alarm-state.md); a command that is refused is a [dead letter](reject-reasons.md) of the reason
`bad_command` or `bad_signature`, whose headers name its topic, partition and offset and say what would be right. A
refused command has changed nothing.

Where [only signed commands are let in](../how-to/secure-andon.md#4-let-only-signed-commands-in), the header
`andon_signature` says who has signed it: `version:key:ms:nonce:mac`.
"""
_KEYS = {
    "command": "one of the words below",
    "asset": f"name of the machine, at most {NAME_BYTES_MAX} bytes",
    "by": "who asks for it",
    "comment": f"why; at most {COMMENT_CHARACTERS_MAX:,} characters. It is repeated in the alerts",
    "alert_id": "32 hex digits: one episode of one alarm. Then sensor, kind and rule aren't given",
    "sensor": 'only alarms of this sensor; "": those of the asset as a whole. Left out: all',
    "kind": f"only alarms of this kind: {', '.join(Kind)}",
    "rule": "only alarms of this rule of the kind: [kinds and rules](alerts.md#kinds-and-rules)",
    "until": "when the shelf ends, ms since the epoch",
    "verdict": "false_alarm, true_alarm or reset",
}
_ID = "6f0c1d6b1f0e4b7f9a52c3d84e7a9b10"
EXAMPLES: dict[Verb, dict[str, str | int]] = {
    Verb.ACKNOWLEDGE: {"alert_id": _ID, "comment": "checking the valve"},
    Verb.SHELVE: {"sensor": "temp", "kind": "limit", "until": 1_700_003_600_000, "comment": "sensor is being replaced"},
    Verb.UNSHELVE: {"sensor": "temp", "kind": "limit"},
    Verb.SUPPRESS: {"sensor": "door", "comment": "open by design while the line is cleaned"},
    Verb.UNSUPPRESS: {"sensor": "door"},
    Verb.OUT_OF_SERVICE: {"comment": "dismantled until spring"},
    Verb.IN_SERVICE: {},
    Verb.FEEDBACK: {"alert_id": _ID, "verdict": "false_alarm", "comment": "the weekly cleaning"},
}
"""One of each, without command, asset and by."""


class _Told(NamedTuple):
    """What a command does, and when it is refused beside all that refuses any command."""

    does: str
    refused: str


_VERBS = {
    Verb.ACKNOWLEDGE: _Told(
        "A person has seen the alarm. It stays listed until its condition is over; one that is over already, and "
        "waited for this because of `ack_required`, is normal then.",
        "no such alarm stands; it is acknowledged already",
    ),
    Verb.SHELVE: _Told(
        "Holds alarms back until a time: those that stand, and those that will be raised meanwhile. A shelf always "
        "ends. A second shelf of the same alarms takes the place of the first.",
        "`until` isn't after the command's own time, or is more than `alarms.shelve_max_h` after it; no alarm of that "
        "`alert_id` stands",
    ),
    Verb.UNSHELVE: _Told(
        "Ends a shelf before its time.", "nothing is shelved under exactly this asset, sensor, kind and rule"
    ),
    Verb.SUPPRESS: _Told(
        "Holds alarms back by design, until it is taken back.",
        "they are suppressed already; no alarm of that `alert_id` stands",
    ),
    Verb.UNSUPPRESS: _Told("Takes it back.", "nothing is suppressed under exactly this asset, sensor, kind and rule"),
    Verb.OUT_OF_SERVICE: _Told(
        "The source doesn't do its work: its alarms are held back, and nothing is learned from its readings.",
        "it is out of service already; `sensor` is empty: leave it out for the whole asset",
    ),
    Verb.IN_SERVICE: _Told("It does its work again.", "it isn't out of service under exactly this asset and sensor"),
    Verb.FEEDBACK: _Told(
        "What a person says of an anomaly. `false_alarm`: the series' own threshold is raised, a little more each "
        "time and up to a bound, and comes back by itself over the weeks. `true_alarm`, while it lasts: what happens "
        "is kept out of learning. `reset`: takes back what false alarms have raised.",
        "`alert_id` isn't that of the newest anomaly of one of the asset's series; `true_alarm` comes after the "
        "anomaly is over; there is nothing to `reset`",
    ),
}
_REFUSED = f"""\
Every command is refused, too, when it is no JSON object; when a key is missing, unknown, or of the wrong form; when
`rule` is given without `kind`, or isn't one of its rules; when its asset or sensor has never sent a reading; when the
asset has {HOLDS_PER_ASSET_MAX:,} holds already. A key that a command doesn't take is no detail: a misspelt `sensor`
would hold back the whole asset.
"""


def commands_page() -> Iterator[str]:
    """The topic of commands: every command with its keys, an example, and why it is refused."""
    yield from _lines(_COMMANDS)
    yield from table(("key", "meaning"), ((f"`{key}`", meaning) for key, meaning in _KEYS.items()))
    yield from _lines(_REFUSED)
    for verb in Verb:
        does, refused = _VERBS[verb]
        needed = [f"`{key}`" for key in needs(verb)]
        may = [f"`{key}`" for key in (*TAKES[verb], "comment") if key not in needs(verb)]
        yield f"## `{verb}`"
        yield ""
        yield does
        yield ""
        yield "```json"
        yield orjson.dumps({"command": verb, "asset": "press-0012", **EXAMPLES[verb], "by": "maria"}).decode()
        yield "```"
        yield ""
        yield f"Needs {', '.join(needed)}; may have {', '.join(may)}. Refused when: {refused}."
        yield ""


# ── Topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_TOPICS = """\
`andon topics create` makes those that are missing, with the settings below; `andon check` says what is unwise about
those that are there. All names can be changed in [`[kafka]`](settings.md#kafka). The number of partitions of the topics
with readings is that of `--partitions`; all readings of an asset must come in one partition, which the key sees to.
"""
_CARRIED = {
    "readings": ("asset", "readings; read by andon, written by gateways", "—"),
    "alerts": ("asset", "[alerts](alerts.md): one record for each transition", "[here](alerts.md#headers)"),
    "alarms": (
        "asset/sensor/kind/rule",
        "[what stands](alarm-state.md), and heartbeats; andon reads it, too, after a start",
        "—",
    ),
    "commands": ("asset", "[commands](commands.md); read by andon, written by people and their programs", "—"),
    "dead_letters": ("as it was", "[what was refused](reject-reasons.md), as it came", "[here](reject-reasons.md)"),
}


def topics_page() -> Iterator[str]:
    """All topics: keys, contents, and what Kafka must keep of them."""
    yield from _lines(_TOPICS)
    kafka = Kafka()
    roles = {topic: role for role in _CARRIED for topic in _names(kafka, role)}
    rows = (
        (
            f"`{plan.name}`",
            f"`kafka.{roles[plan.name]}`",
            *_CARRIED[roles[plan.name]],
            ", ".join(f"`{key}={value}`" for key, value in plan.config.items()),
        )
        for plan in plans(kafka, partitions=12)
    )
    yield from table(("topic", "setting", "key", "what it carries", "headers", "made with"), rows)
    yield from _lines(_KEPT)


_KEPT = """\
Compaction of the alarm-state topic is what keeps alarms that have been active for months; `delete.retention.ms` is how
long a tombstone is kept, so how long a reader may be away and still learn that an alarm is over. Readings are kept for
as long as an outage of andon may last. A command that comes while andon is down is carried out when it is up again, so
commands are kept as long.
"""


def _names(kafka: Kafka, role: str) -> tuple[str, ...]:
    names = getattr(kafka, role)
    return names if isinstance(names, tuple) else (names,)
