"""Commands from the topic: what each one takes, and every way in which one is refused."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import Refusal
from contracts.commands import TAKES, Command, Origin, Scope, Verb, Verdict, decode_command, needs
from contracts.findings import RULES, Kind
from contracts.limits import COMMENT_CHARACTERS_MAX, MESSAGE_BYTES_MAX, TS_MS_MAX
from contracts.readings import Reason

ID = "6f0c" * 8
UNTIL = 1_700_003_600_000
USUAL = {"asset": "press-0012", "by": "maria"}


def _origin(value):
    return Origin(
        topic="andon.commands", partition=2, offset=7, ts_ms=1_700_000_000_000, key=b"press-0012", value=value
    )


def _decoded(document):
    return decode_command(_origin(orjson.dumps(document)))


def _refused(document):
    refusal = _decoded(document)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.reason is Reason.BAD_COMMAND
    return refusal.detail


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"command": "acknowledge", "alert_id": ID}, {"verb": Verb.ACKNOWLEDGE, "alert_id": ID}),
        ({"command": "shelve", "until": UNTIL}, {"verb": Verb.SHELVE, "until_ms": UNTIL}),
        ({"command": "shelve", "until": UNTIL, "alert_id": ID}, {"until_ms": UNTIL, "alert_id": ID}),
        (
            {"command": "shelve", "until": UNTIL, "sensor": "temp", "kind": "limit", "rule": "hh"},
            {"scope": Scope("temp", "limit", "hh")},
        ),
        ({"command": "shelve", "until": TS_MS_MAX, "sensor": ""}, {"scope": Scope(sensor=""), "until_ms": TS_MS_MAX}),
        ({"command": "unshelve", "kind": "stale"}, {"verb": Verb.UNSHELVE, "scope": Scope(kind="stale")}),
        ({"command": "suppress", "sensor": "temp"}, {"verb": Verb.SUPPRESS, "scope": Scope(sensor="temp")}),
        ({"command": "unsuppress"}, {"verb": Verb.UNSUPPRESS, "scope": Scope()}),
        ({"command": "out_of_service", "sensor": "temp"}, {"verb": Verb.OUT_OF_SERVICE, "scope": Scope("temp")}),
        ({"command": "in_service"}, {"verb": Verb.IN_SERVICE, "scope": Scope()}),
        (
            {"command": "feedback", "alert_id": ID, "verdict": "false_alarm"},
            {"verb": Verb.FEEDBACK, "verdict": Verdict.FALSE_ALARM},
        ),
        ({"command": "feedback", "alert_id": ID, "verdict": "true_alarm"}, {"verdict": Verdict.TRUE_ALARM}),
        ({"command": "feedback", "alert_id": ID, "verdict": "reset"}, {"verdict": Verdict.RESET}),
    ],
)
def test_a_command_is_what_it_says(document, expected):
    """What a person typed is what will be done."""
    command = _decoded(USUAL | document)

    assert isinstance(command, Command), command
    assert (command.asset, command.by, command.comment) == ("press-0012", "maria", None)
    assert {name: getattr(command, name) for name in expected} == expected


def test_every_command_can_be_given():
    """No word of the list leads nowhere."""
    values = {"alert_id": ID, "until": UNTIL, "verdict": "reset", **USUAL}

    commands = [_decoded({"command": verb} | {key: values[key] for key in needs(verb)}) for verb in Verb]

    assert [command.verb for command in commands] == list(Verb)


def test_null_is_as_good_as_nothing():
    """Programs that write every key may leave some of them null."""
    command = _decoded({"command": "shelve", "until": UNTIL, "alert_id": None, "sensor": None, "comment": None} | USUAL)

    assert (command.scope, command.alert_id, command.comment) == (Scope(), None, None)


def test_a_command_knows_the_record_that_it_came_in():
    """An answer, or a refusal, points to what it answers."""
    command = _decoded({"command": "unsuppress"} | USUAL)

    assert (command.origin.cause, command.origin.source) == ("commands/2/7", "andon.commands/2/7")
    reject = command.refused("press-0012 isn't suppressed")
    assert (reject.reason, reject.detail) == (Reason.BAD_COMMAND, "press-0012 isn't suppressed")
    assert (reject.key, reject.value) == (b"press-0012", command.origin.value)
    assert (reject.topic, reject.partition, reject.offset) == ("andon.commands", 2, 7)


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({}, "command is none of acknowledge, shelve, unshelve, "),
        ({"command": None}, "command is none of acknowledge, "),
        ({"command": ["shelve"]}, "command is none of acknowledge, "),
        ({"command": "Shelve", "until": UNTIL}, "command is none of acknowledge, "),
        ({"command": "acknowledge"}, "acknowledge needs alert_id"),
        ({"command": "acknowledge", "alert_id": None}, "acknowledge needs alert_id"),
        ({"command": "acknowledge", "alert_id": ID, "asset": None}, "acknowledge needs asset"),
        ({"command": "acknowledge", "alert_id": ID, "by": None}, "acknowledge needs by"),
        ({"command": "shelve"}, "shelve needs until"),
        ({"command": "shelve", "until": None}, "shelve needs until"),
        ({"command": "feedback", "alert_id": ID}, "feedback needs verdict"),
        ({"command": "feedback", "verdict": "reset"}, "feedback needs alert_id"),
        (
            {"command": "shelve", "until": UNTIL, "sensr": "temp"},
            "shelve takes no key 'sensr': it takes command, asset, by, comment, alert_id, sensor, kind, rule, until",
        ),
        ({"command": "shelve", "until": UNTIL, "Sensor": "temp"}, "shelve takes no key 'Sensor'"),
        ({"command": "unshelve", "until": UNTIL}, "unshelve takes no key 'until'"),
        ({"command": "suppress", "until": UNTIL}, "suppress takes no key 'until'"),
        ({"command": "acknowledge", "alert_id": ID, "sensor": "temp"}, "acknowledge takes no key 'sensor'"),
        ({"command": "out_of_service", "kind": "limit"}, "out_of_service takes no key 'kind'"),
        ({"command": "in_service", "alert_id": ID}, "in_service takes no key 'alert_id'"),
        ({"command": "feedback", "alert_id": ID, "verdict": "reset", "until": 5}, "feedback takes no key 'until'"),
        ({"command": "unshelve", "x" * 500: 1}, f"unshelve takes no key '{'x' * 40}': it takes "),
        ({"command": "unshelve", "asset": ""}, "asset name is empty"),
        ({"command": "unshelve", "asset": 12}, "asset is a whole number, not text"),
        ({"command": "unshelve", "asset": "press\x001"}, "asset name has control characters"),
        ({"command": "unshelve", "asset": "x" * 257}, "asset name is longer than 256 bytes"),
        ({"command": "unshelve", "by": " \n"}, "by name has control characters"),
        ({"command": "unshelve", "by": ["maria"]}, "by is a list, not text"),
        ({"command": "unshelve", "sensor": 1.5}, "sensor is a number with a fraction, not text"),
        ({"command": "unshelve", "sensor": "te\tmp"}, "sensor name has control characters"),
        ({"command": "unshelve", "comment": {}}, "comment is an object, not text"),
        (
            {"command": "unshelve", "comment": "x" * (COMMENT_CHARACTERS_MAX + 1)},
            "comment has 1001 characters, at most 1000 are kept",
        ),
        ({"command": "unshelve", "comment": "\x1b[2J"}, "comment has control characters"),
        ({"command": "unshelve", "kind": "limits"}, "kind is none of limit, rate, flatline, "),
        ({"command": "unshelve", "kind": True}, "kind is none of limit, rate, flatline, "),
        ({"command": "unshelve", "rule": "hh"}, "rule needs kind"),
        ({"command": "unshelve", "kind": "limit", "rule": "HH"}, "rule is none of limit's: hh, h, l, ll"),
        ({"command": "unshelve", "kind": "rate", "rule": "hh"}, "rule is none of rate's: rise, fall"),
        ({"command": "unshelve", "kind": "rate", "rule": 5}, "rule is a whole number, not text"),
        ({"command": "unshelve", "alert_id": ID[:-1]}, "alert_id isn't 32 hex digits"),
        ({"command": "unshelve", "alert_id": ID.upper()}, "alert_id isn't 32 hex digits"),
        ({"command": "unshelve", "alert_id": f"{ID}\n"}, "alert_id isn't 32 hex digits"),
        ({"command": "unshelve", "alert_id": 5}, "alert_id isn't 32 hex digits"),
        *(
            (
                {"command": "suppress", "alert_id": ID, key: value},
                "alert_id names one alarm: sensor, kind and rule can't be given beside it",
            )
            for key, value in (("sensor", ""), ("kind", "limit"))
        ),
        (
            {"command": "shelve", "until": "2026-05-01T06:00:00Z"},
            "until is text, not whole milliseconds since 1970",
        ),
        ({"command": "shelve", "until": 1.7e12}, "until is a number with a fraction, not whole milliseconds"),
        ({"command": "shelve", "until": True}, "until is a boolean, not whole milliseconds since 1970"),
        ({"command": "shelve", "until": 0}, "until is outside of the years 1970 to 9999"),
        ({"command": "shelve", "until": -1}, "until is outside of the years 1970 to 9999"),
        ({"command": "shelve", "until": TS_MS_MAX + 1}, "until is outside of the years 1970 to 9999"),
        ({"command": "feedback", "alert_id": ID, "verdict": "wrong"}, "verdict is none of false_alarm, true_alarm, "),
        ({"command": "feedback", "alert_id": ID, "verdict": 1}, "verdict is none of false_alarm, true_alarm, reset"),
    ],
)
def test_a_command_that_can_not_be_meant_is_refused_with_what_would_be_right(document, detail):
    """Nobody believes that a command was carried out that nobody understood."""
    assert _refused(USUAL | document).startswith(detail)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (None, "the message has no value"),
        (b"", ""),
        (b"{", ""),
        (b"[]", "the message is a list, not an object"),
        (b'"acknowledge"', "the message is text, not an object"),
        (b" " * (MESSAGE_BYTES_MAX + 1), "1048577 bytes, at most 1048576 are read"),
    ],
)
def test_what_is_no_object_is_refused_as_a_command(value, detail):
    """One reason for all that goes wrong with commands: its detail says the rest."""
    refusal = decode_command(_origin(value))

    assert refusal.reason is Reason.BAD_COMMAND
    assert refusal.detail.startswith(detail)
    assert refusal.detail


@pytest.mark.parametrize(
    "comment", ["checking\nthe valve", "弁を　確認", "👩‍🔧 on it", "", "x" * COMMENT_CHARACTERS_MAX]
)
def test_a_comment_is_kept_as_it_was_written(comment):
    """People write in their own script, and press Enter."""
    assert _decoded({"command": "unsuppress", "comment": comment} | USUAL).comment == comment


@pytest.mark.parametrize("kind", Kind)
def test_every_rule_of_every_kind_can_be_named(kind):
    """What raises an alarm can be shelved."""
    for rule in RULES[kind]:
        command = _decoded({"command": "suppress", "kind": kind, "rule": rule} | USUAL)

        assert command.scope.covers(sensor="temp", kind=kind, rule=rule)
        assert not command.scope.covers(sensor="temp", kind=kind, rule="another")


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), True),
        (Scope("temp"), True),
        (Scope("temp", "limit", "hh"), True),
        (Scope(None, "limit"), True),
        (Scope(""), False),
        (Scope("p"), False),
        (Scope("temp", "rate"), False),
        (Scope("temp", "limit", "h"), False),
    ],
)
def test_a_scope_covers_what_agrees_in_all_that_it_names(scope, covered):
    """A shelf of a sensor's limits leaves its silence alone."""
    assert scope.covers(sensor="temp", kind="limit", rule="hh") is covered


def test_an_empty_sensor_is_the_asset_as_a_whole_and_no_other():
    """The silence of a whole press can be shelved without that of its sensors."""
    assert Scope("").covers(sensor="", kind="stale", rule="silent")
    assert not Scope("").covers(sensor="temp", kind="stale", rule="silent")
    assert Scope().covers(sensor="", kind="stale", rule="silent")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20).filter(lambda text: text.isprintable()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
_LIKELY = st.sampled_from([ID, "press-0012", "", "limit", "hh", "temp", "reset", "false_alarm", UNTIL, None, "\x00"])
_DOCUMENTS = st.fixed_dictionaries(
    {"command": st.sampled_from(Verb) | _JSON, "asset": st.just("press-0012") | _JSON, "by": st.just("maria") | _JSON},
    optional=dict.fromkeys(["x", *(key for keys in TAKES.values() for key in keys)], _LIKELY | _JSON),
)


@given(document=_DOCUMENTS)
def test_any_document_is_a_whole_command_or_a_refusal(document):
    """Whatever a program sends, the flow goes on; and what goes on into it is whole."""
    decoded = _decoded(document)

    if isinstance(decoded, Refusal):
        assert 0 < len(decoded.detail) < 400
        assert decoded.detail.isprintable()
    else:
        assert decoded.asset
        assert decoded.by
        assert (decoded.until_ms is not None) is (decoded.verb is Verb.SHELVE)
        assert (decoded.verdict is not None) is (decoded.verb is Verb.FEEDBACK)
        assert decoded.alert_id is None or decoded.scope == Scope()
        assert {key for key in document if document[key] is not None} <= {"command", "asset", "by", "comment"} | set(
            TAKES[decoded.verb]
        )


@given(value=st.binary(max_size=80))
def test_any_bytes_are_refused_and_never_raise(value):
    """Bytes that were never meant for us don't stop the plant's watch."""
    assert isinstance(decode_command(_origin(value)), Refusal)
