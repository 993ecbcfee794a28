"""Data never stop andon: no bytes raise anything, and every reading is accounted for. Cases that once did are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from andon.reference.record_pages import EXAMPLES
from contracts.codec import Refusal, decode_message
from contracts.findings import Kind
from contracts.settings import AssetSettings, Limit, Rule, Service, Settings
from dataflows.happenings import Happenings
from tests.alarm_states import alarm_state, heartbeat
from tests.fakes import Message, Said, run_flow
from tests.nasty import MESSAGES
from tests.poison import NOW_MS, TARGETS

KEPT = Path(__file__).resolve().parent / "poison"
CASES = sorted(path for path in KEPT.glob("*/*") if path.parent.name in TARGETS)

_COMMANDS = [
    json.dumps({"command": verb, "asset": "press-1", "by": "maria", **more}).encode() for verb, more in EXAMPLES.items()
]
_HOLD = {
    "schema": 1,
    "asset": "press-1",
    "sensor": "temp",
    "kind": None,
    "rule": None,
    "shelved": {"by": "m", "since_ts": 1, "until_ts": NOW_MS + 100_000},
    "suppressed": None,
    "out_of_service": None,
}
_RECORDS = [
    b"press-1/temp/limit/hh\0" + alarm_state().body(),
    b"press-1//stale/silent\0" + alarm_state(sensor=None, kind=Kind.STALE, rule="silent").body(),
    b"press-1/temp/*/*/hold\0" + json.dumps(_HOLD).encode(),
    b"_heartbeat/plant-1/host-7\0" + heartbeat().body(),
]
_SETTINGS = [
    b'[kafka]\nreadings = ["a"]\nclient = { "a.b" = 1 }\n[[rules]]\nsensor = "temp"\nlimit = { h = 85, hh = 95 }\n',
    b'[[maintenance]]\ndays = ["sun"]\nat = "02:00"\ntime_zone = "Europe/Berlin"\n[[assets]]\nwindow_s = 0\n',
    b'[commands]\naccept = "signed"\nkeys_file = "k"\n[service]\nmetrics_port = false\n',
]
_RIGHT = {
    "readings": [nasty.value for nasty in MESSAGES if nasty.value is not None and len(nasty.value) < 600],
    "commands": _COMMANDS,
    "alarm_records": _RECORDS,
    "settings": _SETTINGS,
    "environment": [b"SERVICE__LANES=3\nKAFKA__CLIENT__SASL_PASSWORD_FILE=/x\nKAFKA__READINGS=a,b"],
    "signatures": [b"1:maria:1700000000000:" + b"0" * 32 + b":" + b"0" * 64 + b"\0{}", b"maria " + b"5e" * 32 + b" *"],
}
_ODD = [
    *(b"", b"\0", b"null", b"[]", b"{}", b"1e999", b"\xff\xfe", b'"\\ud800"', b"-0", b"9" * 400),
    *(b"[" * 2_000, b'{"a":' * 900),
]
_PIECES = [
    *(b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"-1", b"1e400", b"\\ud800"),
    *(b"\0", b"*", b"=", b"\n", b"%", b"/"),
]


@st.composite
def _mutated(draw, target):
    """What is right, with some bytes changed, cut, doubled, or put in from elsewhere."""
    data = bytearray(draw(st.sampled_from(_RIGHT[target] + _ODD)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 12)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data[at:end] = draw(st.binary(max_size=4))
        elif kind == 1:
            data[at:end] = draw(st.sampled_from(_PIECES))
        elif kind == 2:
            data[at:at] = data[at:end]
        else:
            data[at:end] = draw(st.sampled_from(_RIGHT[target]))[:40]
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_break_a_law(target):
    """Whatever comes is dealt with: taken, or refused with words."""

    @settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
    @given(st.one_of(_mutated(target), st.binary(max_size=300)))
    def holds(data):
        TARGETS[target](data)

    holds()


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_right_and_what_is_odd_keeps_the_law(target):
    """The beginnings of the search, by themselves."""
    for data in _RIGHT[target] + _ODD:
        TARGETS[target](data)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_case_that_was_found_once_keeps_the_law_for_ever(case):
    """Each has its own file, named after what it was."""
    TARGETS[case.parent.name](case.read_bytes())


def test_every_target_has_a_folder_of_cases():
    """So that nobody wonders where a new one goes."""
    assert {path.name for path in KEPT.iterdir() if path.is_dir()} == set(TARGETS)
    assert len(CASES) >= len(TARGETS)


_RULES = (Rule(limit=Limit(hh=95), stale=False),)
_FLOW = Settings(
    service=Service(lanes=2, key_groups=2, clock="event"), rules=_RULES, assets=(AssetSettings(window_s=1),)
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    poison=st.lists(_mutated("readings"), max_size=40),
    orders=st.lists(st.one_of(_mutated("commands"), _mutated("readings")), max_size=5),
    seed=st.randoms(use_true_random=False),
)
def test_every_row_is_accounted_for_whatever_comes_between(poison, orders, seed):
    """In = accepted + late + duplicate + out of order + rejected; and the good readings are judged all the same."""
    good = [
        Message(b"witness", b'{"asset":"witness","sensor":"temp","ts":%d,"value":%d}' % (NOW_MS + 1000 * at, 90 + at))
        for at in range(12)
    ]
    places = sorted(seed.sample(range(len(good) + len(poison)), len(good)))
    bad = iter([Message(b"press-1", value) for value in poison])
    mine = iter(good)
    messages = [next(mine) if at in places else next(bad) for at in range(len(good) + len(poison))]
    commands = [Said(after=len(messages), what=order, ts_ms=NOW_MS) for order in orders]
    happenings = Happenings()

    result = run_flow(_FLOW, messages, batch=7, commands=commands, happenings=happenings)

    rows = 0
    for one in messages:
        decoded = decode_message(one.value, -1)
        rows += 1 if isinstance(decoded, Refusal) else len(decoded.values) + len(decoded.refusals)
    refused = happenings.registry.get_sample_value("andon_rejects_total", {"reason": "bad_command"})
    account = happenings.account()
    assert account["readings"] + account["rejects"] == rows + refused
    assert sum(account["results"].values()) == account["readings"]
    assert [one.alert.value for one in result.alerts if one.alert.asset == "witness"] == [96.0]
