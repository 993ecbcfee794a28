"""One alarm for each (asset, sensor, kind, rule): transitions only, and the same ones after a restart."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import orjson
import pytest

from alarms.lifecycle import Alarms
from contracts.alerts import AlertRecord, State, Transition, alert_id, event_id, read_alert
from contracts.errors import StateError
from contracts.findings import Expected, Finding, Kind
from contracts.settings import Limit, Rule, Settings

from .given import HOUR, alerts
from .test_lifecycle_time import maintained

SETTINGS = Settings(rules=(Rule(asset="press-*", sensor="temp", unit="degC", limit=Limit(hh=95, h=85, deadband=1.5)),))
NOON = 1_700_000_000_000
GOLDEN = Path(__file__).parent.parent / "golden"


def limit(*, rule: str = "hh", active: bool = True, onset_ts: int = NOON, ts: int = NOON + 5000) -> Finding:
    """A finding of press-0012's temperature limit."""
    high = {"hh": 95.0, "h": 85.0}[rule]
    return Finding(
        asset="press-0012",
        sensor="temp",
        kind=Kind.LIMIT,
        rule=rule,
        active=active,
        onset_ts=onset_ts,
        ts=ts,
        value=97.1,
        expected=Expected(None, high),
        evidence={"limit": high, "deadband": 1.5, "on_delay_ms": 5000},
        source="readings/3/42",
    )


def decided(alarms: Alarms, finding: Finding) -> AlertRecord:
    """The transition that the finding must make."""
    record = alarms.decide(finding)[0]
    assert isinstance(record, AlertRecord)
    return record


def test_a_raised_alert_says_what_the_contract_says() -> None:
    """The body on the wire holds every documented key, in order, with the documented ids."""
    record = decided(Alarms(SETTINGS), limit())

    body = orjson.loads(record.alert.body())
    identity = alert_id(asset="press-0012", sensor="temp", kind="limit", rule="hh", onset_ts=NOON)
    assert body == {
        "schema": 1,
        "alert_id": identity,
        "transition": "raised",
        "state": "active_unacked",
        "annunciated": True,
        "kind": "limit",
        "rule": "hh",
        "site": "plant-1",
        "asset": "press-0012",
        "sensor": "temp",
        "unit": "degC",
        "severity": 900,
        "priority": "critical",
        "onset_ts": NOON,
        "ts": NOON + 5000,
        "value": 97.1,
        "expected": {"low": None, "high": 95.0},
        "score": None,
        "rank": None,
        "contributions": [{"sensor": "temp", "share": 1.0}],
        "evidence": {"limit": 95.0, "deadband": 1.5, "on_delay_ms": 5000},
        "window": None,
        "by": None,
        "comment": None,
        "message": "press-0012 temp 97.1 degC above HH 95 degC for 5 s",
    }
    assert list(body)[:3] == ["schema", "alert_id", "transition"]
    assert record.event_id == event_id(alert=identity, transition="raised", cause=str(NOON + 5000))
    assert record.source == "readings/3/42"
    assert record.config == SETTINGS.rule("press-0012", "temp").config_hash


def test_the_documented_ids_are_blake2b_of_their_parts() -> None:
    """Another program can compute the same ids from the documentation alone."""
    parts = b"press-0012\x1ftemp\x1flimit\x1fhh\x1f1700000000000"
    identity = blake2b(parts, digest_size=16).hexdigest()

    assert alert_id(asset="press-0012", sensor="temp", kind="limit", rule="hh", onset_ts=NOON) == identity
    assert event_id(alert=identity, transition="raised", cause="7") == (
        blake2b(f"{identity}\x1fraised\x1f7".encode(), digest_size=16).hexdigest()
    )


def test_a_condition_that_is_known_already_makes_no_transition() -> None:
    """The same finding twice, or an end without a beginning, annoys nobody."""
    alarms = Alarms(SETTINGS)

    assert alarms.decide(limit(active=False)) == []
    assert alarms.decide(limit()) != []
    assert alarms.decide(limit(onset_ts=NOON + 1)) == []


def test_clearing_names_the_episode_that_it_ends() -> None:
    """An operator can match a clear to its raise by alert_id."""
    alarms = Alarms(SETTINGS)
    raised = decided(alarms, limit())

    cleared = decided(alarms, limit(active=False, ts=NOON + 60_000))

    assert cleared.alert.transition is Transition.CLEARED
    assert cleared.alert.state is State.NORMAL
    assert cleared.alert.alert_id == raised.alert.alert_id
    assert cleared.event_id != raised.event_id
    assert alarms.table() == {}


def test_while_hh_is_active_the_transitions_of_h_are_recorded_and_not_annunciated() -> None:
    """One hot press is one alarm on the operator's screen."""
    alarms = Alarms(SETTINGS)

    assert decided(alarms, limit(rule="hh")).alert.annunciated
    assert not decided(alarms, limit(rule="h")).alert.annunciated
    assert not decided(alarms, limit(rule="h", active=False)).alert.annunciated
    assert decided(alarms, limit(rule="hh", active=False)).alert.annunciated
    assert decided(alarms, limit(rule="h")).alert.annunciated


def test_a_restart_with_active_alarms_emits_nothing_new() -> None:
    """The service may be restarted in the middle of an alarm without anybody noticing."""
    before = Alarms(SETTINGS)
    before.decide(limit())

    after = Alarms.restore(SETTINGS, before.snapshot())

    assert after.decide(limit()) == []
    assert decided(after, limit(active=False)).alert.alert_id == alert_id(
        asset="press-0012", sensor="temp", kind="limit", rule="hh", onset_ts=NOON
    )


def test_a_snapshot_is_not_changed_by_what_happens_later() -> None:
    """State that is being written to disk is a copy."""
    alarms = Alarms(SETTINGS)
    alarms.decide(limit())
    saved = alarms.snapshot()

    alarms.decide(limit(active=False))

    assert saved["alarms"] != alarms.snapshot()["alarms"]
    assert Alarms.restore(SETTINGS, saved).table() != {}


def test_a_snapshot_of_an_unknown_version_is_refused_by_name() -> None:
    """A downgrade says what is wrong instead of guessing."""
    with pytest.raises(StateError, match="version 99"):
        Alarms.restore(SETTINGS, {"version": 99, "active": []})


def test_an_alert_survives_its_own_schema() -> None:
    """What is written can be read back by the published model."""
    body = decided(Alarms(SETTINGS), limit()).alert.body()

    assert read_alert(body).body() == body


def test_alarms_saved_by_version_1_are_still_known() -> None:
    """An upgrade forgets no alarm: this file is never written anew."""
    alarms = Alarms.restore(SETTINGS, orjson.loads((GOLDEN / "alarms-1.json").read_bytes()))

    assert alarms.decide(limit()) == []
    cleared = decided(alarms, limit(active=False))
    assert (cleared.alert.onset_ts, cleared.alert.severity) == (NOON, 900)
    assert list(alarms.table()) == ["press-0012//stale/silent"]


def test_alarms_saved_by_version_2_are_still_known() -> None:
    """Acknowledged, shelved, chattering, in maintenance or returned: this file is never written anew."""
    saved = orjson.loads((GOLDEN / "alarms-2.json").read_bytes())
    settings = maintained(from_ms=HOUR, to_ms=2 * HOUR)

    alarms = Alarms.restore(settings, saved)
    table = {key: orjson.loads(body) for key, body in alarms.table().items()}
    told = [line for hours in (1, 2, 3) for line in alerts(alarms.tick(NOON + hours * HOUR))]

    assert {key: body["alert"]["state"] for key, body in table.items() if "alert" in body} == {
        "press-1/temp/limit/hh": "active_unacked",
        "press-1/flow/limit/hh": "active_acked",
        "press-2/flow/limit/hh": "returned_unacked",
        "press-3/temp/limit/hh": "active_unacked",
    }
    assert table["press-1/temp/limit/hh"]["chattering"] is True
    assert table["press-1/flow/limit/hh"]["shelved"]["until_ts"] == NOON + 3 * HOUR
    assert table["press-1/flow/limit/hh"]["acknowledged"]["comment"] == "on my way"
    assert table["press-3/temp/limit/hh"]["suppressed"]["comment"] == "overhaul"
    assert table["press-5/temp/*/*/hold"]["out_of_service"]["by"] == "jo"
    assert table["press-5/*/*/*/hold"]["suppressed"]["by"] == "maria"
    assert [(alert.asset, alert.sensor, alert.transition.value, alert.annunciated) for alert in told] == [
        ("press-1", "temp", "cleared", True),
        ("press-2", "flow", "suppressed", False),
        ("press-1", "flow", "suppressed", False),
        ("press-3", "temp", "unsuppressed", True),
        ("press-1", "flow", "unsuppressed", False),
        ("press-2", "flow", "unsuppressed", False),
        ("press-1", "flow", "unshelved", True),
    ]
