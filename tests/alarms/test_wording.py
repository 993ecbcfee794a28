"""An operator reads one line and knows what is wrong, where, how far and for how long."""

from __future__ import annotations

import re
from typing import Any

import pytest

from alarms.wording import act, duration, held_back, maintenance, message, moment, quantity, reconciled
from contracts.alerts import Transition
from contracts.findings import Expected, Finding, Kind, Share
from detectors.combination import FAMILIES

RAISED: list[tuple[dict[str, Any], str]] = [
    (
        {"kind": Kind.LIMIT, "rule": "ll", "value": 3.2, "evidence": {"limit": 4.0}, "ts": 0},
        "pump-1 flow 3.2 l/s below LL 4 l/s",
    ),
    (
        {"kind": Kind.LIMIT, "rule": "h", "value": 9.5, "evidence": {"limit": 9.0}, "ts": 90_000},
        "pump-1 flow 9.5 l/s above H 9 l/s for 90 s",
    ),
    (
        {"kind": Kind.RATE, "rule": "rise", "value": 9.5, "evidence": {"rate_per_s": 3.25, "rate_max_per_s": 2.0}},
        "pump-1 flow rises by 3.25 l/s/s, faster than 2 l/s/s, to 9.5 l/s",
    ),
    (
        {"kind": Kind.FLATLINE, "rule": "flat", "value": 9.5, "evidence": {"after_ms": 600_000}, "ts": 600_000},
        "pump-1 flow stuck at 9.5 l/s for 10 min",
    ),
    (
        {"kind": Kind.STALE, "rule": "silent", "value": 9.5, "evidence": {"after_ms": 30_000}},
        "pump-1 flow silent for 30 s; last value 9.5 l/s",
    ),
    (
        {"kind": Kind.STALE, "rule": "silent", "sensor": None, "evidence": {"after_ms": 30_000}},
        "pump-1 silent: no sensor spoke for 30 s",
    ),
    (
        {"kind": Kind.ANOMALY, "rule": "sensor", "value": 9.5, "expected": Expected(4.0, 6.0)},
        "pump-1 flow behaves unusually: 9.5 l/s; its level is usually 4 to 6 l/s",
    ),
    (
        {
            "kind": Kind.ANOMALY,
            "rule": "sensor",
            "value": 5.5,
            "expected": Expected(4.0, 6.0),
            "evidence": {"found_by": "season"},
        },
        "pump-1 flow is unusual for this hour of the day: 5.5 l/s; its level is usually 4 to 6 l/s",
    ),
    (
        {"kind": Kind.ANOMALY, "rule": "sensor", "value": 5.5, "evidence": {"found_by": "river.anomaly.LODA"}},
        "pump-1 flow behaves unusually: 5.5 l/s",
    ),
    (
        {
            "kind": Kind.ANOMALY,
            "rule": "asset",
            "sensor": None,
            "contributions": (Share("flow", 0.7), Share("temp", 0.3)),
        },
        "pump-1 behaves unusually, most of all flow, temp",
    ),
    (
        {"kind": Kind.DRIFT, "rule": "level", "value": 9.5, "evidence": {"from": 5.0, "to": 9.4}},
        "pump-1 flow has moved from 5 to 9.4 l/s and stayed",
    ),
    (
        {"kind": Kind.CAPACITY, "rule": "sensors", "sensor": None, "evidence": {"sensors_max": 10}},
        "pump-1 has more than 10 sensors: new ones are refused",
    ),
    (
        {"kind": Kind.CAPACITY, "rule": "series", "sensor": None, "evidence": {"series_max": 10}},
        "pump-1 belongs to a key group of more than 10 series: new ones are refused",
    ),
    ({"kind": Kind.FLOOD, "rule": "site", "sensor": None}, "pump-1 has more alarms than a person can follow"),
    (
        {
            "kind": Kind.INVENTORY,
            "rule": "changed",
            "sensor": None,
            "evidence": {
                "gateway": "line-1",
                "protocol": "opcua",
                "what": "firmware",
                "firmware_from": "2.4",
                "firmware_to": "2.5",
            },
        },
        "pump-1 has changed: firmware 2.4 → 2.5",
    ),
]

CLEARED: list[tuple[dict[str, Any], str]] = [
    (
        {"kind": Kind.LIMIT, "rule": "h", "value": 8.0, "evidence": {"limit": 9.0}},
        "8 l/s back below H 9 l/s after 4 min",
    ),
    ({"kind": Kind.RATE, "rule": "fall", "evidence": {"rate_max_per_s": 2.0}}, "falls no faster than 2 l/s/s again"),
    ({"kind": Kind.FLATLINE, "rule": "flat", "value": 8.0}, "moves again, 8 l/s, after 4 min"),
    ({"kind": Kind.STALE, "rule": "silent", "evidence": {"after_ms": 60_000}}, "speaks again after 5 min of silence"),
    ({"kind": Kind.ANOMALY, "rule": "sensor"}, "behaves normally again after 4 min"),
    ({"kind": Kind.DRIFT, "rule": "level"}, "has a new normal after 4 min"),
    (
        {"kind": Kind.INVENTORY, "rule": "vanished", "evidence": {"gateway": "line-1", "protocol": "opcua"}},
        "is back: gateway line-1 reads it again by opcua, after 4 min",
    ),
]


def finding(**given: Any) -> Finding:
    """A finding about pump-1's flow."""
    return Finding(**{"asset": "pump-1", "sensor": "flow", "active": True, "onset_ts": 0, "ts": 240_000, **given})


@pytest.mark.parametrize(("given", "line"), RAISED)
def test_a_raised_alarm_reads_as_a_sentence(given: dict[str, Any], line: str) -> None:
    """Every kind of alarm has its own wording."""
    assert message(finding(**given), "l/s") == line


@pytest.mark.parametrize(("given", "line"), CLEARED)
def test_a_cleared_alarm_says_how_long_it_lasted(given: dict[str, Any], line: str) -> None:
    """An operator who comes late learns what was over and after how long."""
    assert line in message(finding(active=False, **given), "l/s")


def test_every_kind_has_a_wording() -> None:
    """A new kind of alarm can't be forgotten here."""
    assert {given["kind"] for given, _ in RAISED} == set(Kind)


@pytest.mark.parametrize(
    ("span_ms", "words"),
    [(500, "0.5 s"), (5000, "5 s"), (60_000, "1 min"), (90_000, "90 s"), (720_000, "12 min"),
     (12_600_000, "3.5 h"), (172_800_000, "2 d")],
)  # fmt: skip
def test_a_duration_is_said_in_its_largest_sensible_unit(span_ms: int, words: str) -> None:
    """Nobody should divide by 60 in the head."""
    assert duration(span_ms) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(97.1, "degC", "97.1 degC"), (0.000123456, None, "0.0001235"), (123456.7, "Pa", "123457 Pa"), (None, "Pa", "?")],
)
def test_a_quantity_is_short(value: float | None, unit: str | None, words: str) -> None:
    """Four digits tell an operator enough."""
    assert quantity(value, unit) == words


HOUR_14 = 1_795_356_000_000


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"transition": Transition.ACKNOWLEDGED, "by": "maria", "comment": "checking the valve"},
            "acknowledged by maria: checking the valve",
        ),
        ({"transition": Transition.ACKNOWLEDGED, "by": "maria"}, "acknowledged by maria"),
        (
            {"transition": Transition.SHELVED, "by": "maria", "until_ts": HOUR_14},
            "shelved until 2026-11-22 14:00 UTC by maria",
        ),
        ({"transition": Transition.UNSHELVED, "by": None}, "shelf ended, still active"),
        ({"transition": Transition.UNSHELVED, "by": None, "active": False}, "shelf ended"),
        ({"transition": Transition.UNSHELVED, "by": "jo"}, "unshelved by jo, still active"),
        ({"transition": Transition.SUPPRESSED, "by": "jo", "comment": "a\n\tb"}, "suppressed by jo: a b"),
        ({"transition": Transition.UNSUPPRESSED, "by": "jo"}, "unsuppressed by jo, still active"),
        ({"transition": Transition.OUT_OF_SERVICE, "by": "jo"}, "taken out of service by jo"),
        ({"transition": Transition.IN_SERVICE, "by": "jo"}, "put in service again by jo, still active"),
        ({"transition": Transition.REMOVED, "by": None, "active": False}, "no longer watched"),
    ],
)
def test_what_was_done_is_said_after_the_condition(given: dict[str, Any], words: str) -> None:
    """Who, what, until when and why, in one line."""
    assert act(**{"comment": None, "active": True, **given}) == words


def test_maintenance_is_said_with_its_comment() -> None:
    """The operator sees which work it is, and what is still wrong when it ends."""
    begun, ended = Transition.SUPPRESSED, Transition.UNSUPPRESSED

    assert maintenance(begun, comment="annual overhaul", active=True) == "suppressed: maintenance (annual overhaul)"
    assert maintenance(begun, comment=None, active=True) == "suppressed: maintenance"
    assert maintenance(ended, comment="x", active=True) == "maintenance (x) ended, still active"
    assert maintenance(ended, comment=None, active=False) == "maintenance ended"


def test_what_a_start_found_is_said_as_such() -> None:
    """Nobody takes it for something that happened now."""
    assert reconciled(stands=False) == "over, as was found after a start"
    assert reconciled(stands=True) == "stands, as was found after a start"
    assert reconciled(stands=True, by="maria") == "acknowledged by maria, as was found after a start"


def test_a_return_that_was_held_back_says_so() -> None:
    """The operator doesn't wonder why the alarm was still there."""
    assert held_back(120_000) == "told 2 min later, as it came again and again"


@pytest.mark.parametrize(
    ("ts", "words"),
    [
        (HOUR_14, "2026-11-22 14:00 UTC"),
        (HOUR_14 + 7_000, "2026-11-22 14:00:07 UTC"),
        (253_402_300_799_999, "9999-12-31 23:59:59 UTC"),
        (253_402_300_800_000, "253402300800000 ms"),
        (-1, "-1 ms"),
    ],
)
def test_a_moment_is_said_in_one_zone_to_the_minute_where_that_is_enough(ts: int, words: str) -> None:
    """A time that no calendar has is repeated as it is."""
    assert moment(ts) == words


@pytest.mark.parametrize("found_by", [*FAMILIES, "spike"])
def test_whatever_found_an_anomaly_it_is_said_to_be_unusual(found_by: str) -> None:
    """The operator reads how it is unusual, not only that it is."""
    unusual = finding(kind=Kind.ANOMALY, rule="sensor", value=5.5, evidence={"found_by": found_by})

    assert re.match(r"pump-1 flow \w.* unusual.*: 5\.5 l/s$", message(unusual, "l/s"))
