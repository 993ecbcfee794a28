"""One alarm for each (asset, sensor, kind, rule): transitions only, and the same ones after a restart."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.lifecycle import Alarms
from contracts.alerts import Alert, AlertRecord, State, Transition, alert_id, event_id
from contracts.errors import StateError
from contracts.findings import Expected, Finding, Kind, Window
from contracts.settings import Limit, Rule, Settings

SETTINGS = Settings(rules=(Rule(asset="press-*", sensor="temp", unit="degC", limit=Limit(hh=95, h=85, deadband=1.5)),))
NOON = 1_700_000_000_000


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


def test_figures_of_models_are_short_and_figures_of_people_are_exact() -> None:
    """A limit set to 1234567.8 is repeated as it was set; a model's score needs six digits."""
    exact = decided(
        Alarms(Settings()),
        Finding(
            asset="a", sensor="s", kind=Kind.LIMIT, rule="h", active=True, onset_ts=1, ts=2, value=1234568.9,
            expected=Expected(None, 1234567.8), evidence={"limit": 1234567.8},
        ),
    )  # fmt: skip
    short = decided(
        Alarms(Settings()),
        Finding(
            asset="a", sensor="s", kind=Kind.ANOMALY, rule="sensor", active=True, onset_ts=1, ts=2, value=1.0,
            expected=Expected(0.1234567891, 2.0), score=3.14159265358, rank=0.5, window=Window(0, 60_000, 60),
        ),
    )  # fmt: skip

    assert exact.alert.expected.high == 1234567.8
    assert short.alert.score == 3.14159
    assert short.alert.expected.low == 0.123457


@given(st.lists(st.tuples(st.sampled_from(["hh", "h"]), st.booleans()), max_size=60), st.integers(0, 60))
def test_no_sequence_of_findings_raises_twice_without_a_clear(steps: list[tuple[str, bool]], cut: int) -> None:
    """Whatever detection says, and whenever the service restarts, raises and clears of an alarm alternate."""
    alarms = Alarms(SETTINGS)
    seen: dict[str, list[Transition]] = {"hh": [], "h": []}

    for number, (rule, active) in enumerate(steps):
        if number == cut:
            alarms = Alarms.restore(SETTINGS, alarms.snapshot())
        told = alarms.decide(limit(rule=rule, active=active, onset_ts=NOON + number, ts=NOON + number))
        seen[rule] += [record.alert.transition for record in told if isinstance(record, AlertRecord)]

    for transitions in seen.values():
        expected = [Transition.RAISED, Transition.CLEARED] * (len(transitions) // 2 + 1)
        assert transitions == expected[: len(transitions)]


def test_an_alert_survives_its_own_schema() -> None:
    """What is written can be read back by the published model."""
    body = decided(Alarms(SETTINGS), limit()).alert.body()

    assert Alert.model_validate_json(body).body() == body


def test_alarms_saved_by_version_1_are_still_known() -> None:
    """An upgrade forgets no alarm: this file is never written anew."""
    golden = orjson.loads((Path(__file__).parent.parent / "golden" / "alarms-1.json").read_bytes())

    alarms = Alarms.restore(SETTINGS, golden)

    assert alarms.decide(limit()) == []
    cleared = decided(alarms, limit(active=False))
    assert (cleared.alert.onset_ts, cleared.alert.severity) == (NOON, 900)
    assert list(alarms.table()) == ["press-0012//stale/silent"]
