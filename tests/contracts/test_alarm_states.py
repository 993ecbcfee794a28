"""The alarm-state topic: keys that hold any name apart, and bodies that are what the models say."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.alarm_states import (
    HEARTBEAT_S,
    AlarmState,
    Heartbeat,
    Hold,
    HoldState,
    alarm_key,
    heartbeat_key,
    hold_key,
    parse_key,
)
from contracts.alerts import Alert, ExpectedRange, Priority, State, Transition, alert_id
from contracts.commands import Scope
from contracts.findings import Kind
from contracts.names import name_fault

NASTY = ["press-0012", "_heartbeat", "a/b", "/", "*", "%", "%2A", "..", " ", "hold", "Öfen/北-1", "T °C 🔥", "é"]
"""Names that could be taken for a part of a key, or that a key could lose."""

TS = 1_700_000_000_000


def test_keys_are_as_the_documentation_shows_them():
    """Other programs make these keys too."""
    assert alarm_key(asset="press-0012", sensor="temp", kind="limit", rule="hh") == "press-0012/temp/limit/hh"
    assert alarm_key(asset="press-0012", sensor=None, kind="stale", rule="silent") == "press-0012//stale/silent"
    assert alarm_key(asset="hall/1 Öl", sensor="a*b", kind="limit", rule="h") == "hall%2F1%20%C3%96l/a%2Ab/limit/h"
    assert hold_key("press-0012", Scope("temp")) == "press-0012/temp/*/*/hold"
    assert hold_key("press-0012", Scope("")) == "press-0012//*/*/hold"
    assert hold_key("press-0012", Scope()) == "press-0012/*/*/*/hold"
    assert hold_key("press-0012", Scope("*", "limit", "hh")) == "press-0012/%2A/limit/hh/hold"
    assert heartbeat_key("plant-1", "host-7") == "_heartbeat/plant-1/host-7"


@pytest.mark.parametrize("name", NASTY)
def test_no_name_is_mistaken_for_another_sort_of_key(name):
    """An asset called `_heartbeat` is an asset; a slash in a name divides nothing."""
    alarm = alarm_key(asset=name, sensor=name, kind="limit", rule="hh")
    hold = hold_key(name, Scope(name, "limit", "hh"))
    beat = heartbeat_key(name, name)

    assert parse_key(alarm) == ("alarm", name)
    assert parse_key(hold) == ("hold", name)
    assert parse_key(beat) == ("heartbeat", name)
    assert all(key.isascii() for key in (alarm, hold, beat))


_NAMES = st.sampled_from(NASTY) | st.text(min_size=1, max_size=12).filter(lambda name: not name_fault(name))
_PARTS = st.tuples(_NAMES, st.none() | _NAMES, st.sampled_from(["limit", "rate"]), st.sampled_from(["hh", "rise"]))
_SCOPES = st.builds(
    Scope,
    st.none() | st.just("") | _NAMES,
    st.none() | st.sampled_from(["limit", "rate"]),
    st.none() | st.sampled_from(["hh", "*"]),
)


@given(one=_PARTS, other=_PARTS)
def test_two_alarms_never_share_a_key(one, other):
    """Compaction keeps one record of a key: a shared one would lose an alarm."""
    keys = [alarm_key(asset=part[0], sensor=part[1], kind=part[2], rule=part[3]) for part in (one, other)]

    assert (keys[0] == keys[1]) is (one == other)
    assert [parse_key(key) for key in keys] == [("alarm", one[0]), ("alarm", other[0])]


@given(one=st.tuples(_NAMES, _SCOPES), other=st.tuples(_NAMES, _SCOPES))
def test_two_holds_never_share_a_key(one, other):
    """A shelf of the sensor `*` isn't a shelf of all sensors."""
    keys = [hold_key(*part) for part in (one, other)]

    assert (keys[0] == keys[1]) is (one == other)
    assert parse_key(keys[0]) == ("hold", one[0])


@pytest.mark.parametrize("key", ["", "press-0012", "a/b", "a/b/c", "heartbeat/a/b", "a/b/c/d/held", "a/b/c/d/hold/x"])
def test_a_key_of_somebody_else_is_no_key_of_ours(key):
    """What others write on the topic is left alone."""
    assert parse_key(key) is None


@given(key=st.text(max_size=30) | st.text("%/*aF2_", max_size=20))
def test_any_key_is_told_apart_without_an_error(key):
    """A topic is open to everybody who may write to it."""
    found = parse_key(key)

    assert found is None or found[0] in ("alarm", "hold", "heartbeat")


def _alert(**changes):
    identity = alert_id(asset="press-1", sensor="temp", kind="limit", rule="hh", onset_ts=TS)
    given = {
        "alert_id": identity,
        "transition": Transition.RAISED,
        "state": State.ACTIVE_UNACKED,
        "annunciated": True,
        "kind": Kind.LIMIT,
        "rule": "hh",
        "site": "plant-1",
        "asset": "press-1",
        "sensor": "temp",
        "unit": "degC",
        "severity": 900,
        "priority": Priority.CRITICAL,
        "onset_ts": TS,
        "ts": TS,
        "value": 97.1,
        "expected": ExpectedRange(high=95.0),
        "score": None,
        "rank": None,
        "contributions": (),
        "evidence": {"limit": 95.0},
        "window": None,
        "message": "press-1 temp 97.1 degC above HH 95 degC",
    }
    return Alert(**given | changes)


def test_the_state_of_an_alarm_holds_its_newest_alert_as_it_was_sent():
    """Who reads what stands needn't read the alerts."""
    alert = _alert()
    state = AlarmState(
        alert=alert,
        said="press-1 temp 97.1 degC above HH 95 degC",
        raised_ts=TS,
        shelved=Hold(by="maria", comment="valve", since_ts=TS, until_ts=TS + 1),
    )

    body = orjson.loads(state.body())

    assert body["alert"] == orjson.loads(alert.body())
    assert list(body) == [
        *("schema", "alert", "said", "raised_ts", "acknowledged", "shelved", "suppressed", "out_of_service"),
        "chattering",
    ]
    assert (body["schema"], body["shelved"]["until_ts"], body["acknowledged"]) == (1, TS + 1, None)
    assert AlarmState.model_validate_json(state.body()) == state


def test_a_hold_says_which_alarms_it_is_about():
    """`sensor` null is all of them; an empty one is the asset as a whole."""
    every = HoldState(asset="press-1", suppressed=Hold(by="maria", since_ts=TS))
    whole = HoldState(asset="press-1", sensor="", kind="stale", out_of_service=Hold(by="maria", since_ts=TS))

    assert every.scope == Scope()
    assert whole.scope == Scope("", "stale")
    assert orjson.loads(every.body())["suppressed"] == {
        "by": "maria",
        "comment": None,
        "since_ts": TS,
        "until_ts": None,
    }
    assert [HoldState.model_validate_json(state.body()) for state in (every, whole)] == [every, whole]


def test_a_heartbeat_says_when_the_next_one_is_due():
    """Whoever waits for it knows how long."""
    beat = Heartbeat(site="plant-1", process="host-7", ts=TS, version="1.0")

    body = orjson.loads(beat.body())

    assert (body["every_s"], body["state"], body["lag_rows"]) == (HEARTBEAT_S, "running", 0)
    assert Heartbeat.model_validate_json(beat.body()) == beat


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (AlarmState, {"extra": 1}),
        (AlarmState, {"raised_ts": None}),
        (AlarmState, {"alert": {}}),
        (AlarmState, {"shelved": {"by": "maria"}}),
        (HoldState, {"asset": None}),
        (HoldState, {"shelved": True}),
        (Heartbeat, {"state": "asleep"}),
        (Heartbeat, {"ts": "now"}),
    ],
)
def test_a_body_that_is_not_ours_is_told_from_one_that_is(model, change):
    """What stands is never made up from half a record."""
    good = {
        AlarmState: AlarmState(alert=_alert(), said="x", raised_ts=TS),
        HoldState: HoldState(asset="press-1"),
        Heartbeat: Heartbeat(site="plant-1", process="host-7", ts=TS),
    }[model]
    document = orjson.loads(good.body())

    assert model.model_validate(document) == good
    with pytest.raises(ValidationError):
        model.model_validate(document | change)
