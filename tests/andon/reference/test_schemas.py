"""The published JSON Schemas take what andon writes and what it carries out, and nothing else."""

from __future__ import annotations

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.lifecycle import Alarms
from andon.reference.schemas import alarm_state_schema, alert_schema, command_schema
from contracts.alarm_states import AlarmState, Heartbeat, Hold, HoldState
from contracts.alerts import Alert, ExpectedRange, Priority, State, Transition
from contracts.codec import Refusal
from contracts.commands import TAKES, Origin, Verb, decode_command
from contracts.findings import Finding, Kind
from contracts.limits import COMMENT_CHARACTERS_MAX, TS_MS_MAX
from contracts.settings import Limit, Rule, Settings

ID = "6f0c" * 8
TS = 1_700_000_000_000
SCHEMAS = {"alert": alert_schema(), "alarm-state": alarm_state_schema(), "command": command_schema()}


def _decoded(document):
    value = orjson.dumps(document)
    return decode_command(Origin(topic="c", partition=0, offset=0, ts_ms=TS, key=None, value=value))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_has_a_name(name):
    """Generators of code take it."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])

    assert SCHEMAS[name]["$id"] == f"urn:andon:{name}:1"


# ── What stands ──────────────────────────────────────────────────────────────────────────────────────────────────────

HOLD = Hold(by="maria", comment="valve", since_ts=TS, until_ts=TS + 1)
ALERT = Alert(
    alert_id=ID,
    transition=Transition.SHELVED,
    state=State.ACTIVE_UNACKED,
    annunciated=False,
    kind=Kind.LIMIT,
    rule="hh",
    site="plant-1",
    asset="press-1",
    sensor="temp",
    unit="degC",
    severity=900,
    priority=Priority.CRITICAL,
    onset_ts=TS,
    ts=TS,
    value=97.1,
    expected=ExpectedRange(high=95.0),
    score=None,
    rank=None,
    contributions=(),
    evidence={"limit": 95.0},
    window=None,
    by="maria",
    message="press-1 temp 97.1 degC above HH 95 degC; shelved by maria",
)
STANDING = {
    "alarm": AlarmState(alert=ALERT, said="press-1 temp 97.1 degC above HH 95 degC", raised_ts=TS, shelved=HOLD),
    "hold": HoldState(asset="press-1", sensor="temp", shelved=HOLD),
    "heartbeat": Heartbeat(site="plant-1", process="host-7", ts=TS),
}


@pytest.mark.parametrize("name", STANDING)
def test_all_that_stands_holds_to_the_schema(name):
    """Whoever writes a console may rely on it; a body is of one sort, never of two."""
    jsonschema.validate(orjson.loads(STANDING[name].body()), SCHEMAS["alarm-state"])


def test_what_the_alarms_write_holds_to_the_schema():
    """The schema is of what is written, not of what was meant."""
    alarms = Alarms(Settings(rules=(Rule(limit=Limit(hh=95)),)))
    alarms.decide(
        Finding(
            asset="press-1",
            sensor="temp",
            kind=Kind.LIMIT,
            rule="hh",
            active=True,
            onset_ts=TS,
            ts=TS,
            value=97.1,
            evidence={"limit": 95.0},
        )
    )
    shelve = {"command": "shelve", "asset": "press-1", "sensor": "temp", "until": TS + 1000, "by": "maria"}
    alarms.obey(_decoded(shelve))

    table = alarms.table()

    assert table.keys() == {"press-1/temp/*/*/hold", "press-1/temp/limit/hh"}
    for body in table.values():
        jsonschema.validate(orjson.loads(body), SCHEMAS["alarm-state"])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("alarm", {"alert": None}),
        ("alarm", {"shelved": {"by": "maria"}}),
        ("hold", {"shelved": "maria"}),
        ("hold", {"extra": 1}),
        ("heartbeat", {"state": "asleep"}),
        ("heartbeat", {"ts": None}),
    ],
)
def test_what_does_not_stand_so_does_not_hold_to_the_schema(name, change):
    """A schema that takes everything promises nothing."""
    body = orjson.loads(STANDING[name].body()) | change

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, SCHEMAS["alarm-state"])


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


_CONTROLS = "\x00\x09\x0a\x1f\x7f\x85\x9f"
_ODD = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**64 - 1)
    | st.sampled_from([1.5, [], {}, "", " ", "a" * 257, "a" * (COMMENT_CHARACTERS_MAX + 1), TS_MS_MAX, TS_MS_MAX + 1])
    | st.text(f"ab/*{_CONTROLS}", max_size=4)
)
_GOOD = {
    "asset": st.just("press-0012"),
    "by": st.just("maria"),
    "comment": st.sampled_from(["", "line\nbreak", "弁を　確認"]),
    "alert_id": st.sampled_from([ID, None]),
    "sensor": st.sampled_from(["temp", "", None]),
    "kind": st.sampled_from(["limit", "rate", None]),
    "rule": st.sampled_from(["hh", "rise", None]),
    "until": st.just(TS),
    "verdict": st.sampled_from(["false_alarm", "reset"]),
}


@st.composite
def _documents(draw):
    """Mostly commands that are nearly right: the keys of their word, one of them or another one perhaps odd."""
    verb = draw(st.sampled_from(Verb))
    keys = ["asset", "by", *TAKES[verb]]
    document = {"command": verb.value} | {key: draw(_GOOD[key]) for key in keys if draw(st.integers(0, 9))}
    if draw(st.booleans()):
        document[draw(st.sampled_from([*_GOOD, "command", "x"]))] = draw(_ODD)
    return document


@given(document=_documents())
def test_the_schema_of_commands_takes_what_is_carried_out_and_nothing_else(document):
    """Who checks a command before it is sent isn't surprised by a dead letter."""
    validator = jsonschema.Draft202012Validator(SCHEMAS["command"])

    assert validator.is_valid(document) is not isinstance(_decoded(document), Refusal)
