"""After a start: what the alarm-state topic knows and the saved state doesn't."""

from __future__ import annotations

import pytest

from contracts.alarm_states import AlarmRecord, Hold, HoldState, Recorded, alarm_key, hold_key
from contracts.alerts import State
from contracts.commands import Scope, Verb
from contracts.findings import Kind
from contracts.readings import Reject, Tick
from detectors import recall
from detectors.samples import Samples
from tests.alarm_states import alarm_state
from tests.detectors.plant import T0, block_of, command_of, rows_of, settings_of

PAIR = (("press", "temp"), ("press", "flow"))
AFTER_30 = settings_of({"stale": {"after_s": 30}}, clock="wall")


def recorded(*records):
    """What the topic said."""
    return Recorded(tuple(records), now_ms=T0)


def stale(sensor, *, onset_s, last_s, asset="press", state=State.ACTIVE_UNACKED, **evidence):
    """A record of a silence: times in seconds after T0."""
    onset_ts, last_ts = T0 + onset_s * 1000, T0 + last_s * 1000
    body = alarm_state(
        asset=asset,
        sensor=sensor,
        kind=Kind.STALE,
        rule="silent",
        onset_ts=onset_ts,
        state=state,
        evidence={"after_ms": onset_ts - last_ts, "last_ts": last_ts} | evidence,
    ).body()
    return AlarmRecord(alarm_key(asset=asset, sensor=sensor, kind=Kind.STALE, rule="silent"), body)


def out(asset, sensor=None, **scope):
    """A record of something out of service."""
    state = HoldState(asset=asset, sensor=sensor, **scope, out_of_service=Hold(by="maria", since_ts=T0))
    return AlarmRecord(hold_key(asset, state.scope), state.body())


def spoken(*readings, settings=AFTER_30):
    """A key group that has heard these readings, (series, seconds)."""
    samples = Samples(settings)
    samples.read(block_of(rows_of([(series, s, 4.5) for series, s in readings]), PAIR))
    return samples


def told(findings):
    """(sensor, active, onset, ts) of each, times in seconds after T0."""
    return [(f.sensor, f.active, (f.onset_ts - T0) / 1000, (f.ts - T0) / 1000) for f in findings]


# ── Silences ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silence_that_was_told_before_the_crash_is_told_again():
    """Nobody sees an alarm come and go because a process died; it is the same alarm, to the letter."""
    steady = spoken((0, 0), (1, 0), (1, 10))
    (before,) = steady.read(block_of(rows_of([(1, 20, 1.0), (1, 40, 1.0)]), arrived_s=35)).findings + steady.tick(
        Tick(0, T0 + 40_000)
    )
    again = spoken((0, 0), (1, 0), (1, 10), (1, 20), (1, 40))

    (after,) = again.recall(recorded(stale("temp", onset_s=30, last_s=0)))

    assert after == before
    assert told([after]) == [("temp", True, 30, 30)]


def test_a_silence_that_is_told_again_ends_as_it_would_have():
    """With the same onset, and the evidence of how long it was allowed to be silent."""
    samples = spoken((0, 0), (1, 0), (1, 40))
    samples.recall(recorded(stale("temp", onset_s=30, last_s=0)))

    (cleared,) = samples.read(block_of(rows_of([(0, 50, 2.0)]), arrived_s=50)).findings

    assert told([cleared]) == [("temp", False, 30, 50)]
    assert cleared.evidence == {"after_ms": 30_000, "last_ts": T0}


def test_a_sensor_that_has_spoken_since_is_not_silent():
    """The alarm that was recorded is closed by the comparison, not raised once more."""
    samples = spoken((0, 0), (1, 0), (0, 31))

    assert samples.recall(recorded(stale("temp", onset_s=30, last_s=0))) == []


def test_the_silence_of_a_whole_asset_is_told_again_until_one_of_its_sensors_speaks():
    """One dead gateway, one alarm, also over a restart."""
    record = stale(None, onset_s=35, last_s=5)

    findings = spoken((0, 0), (1, 5)).recall(recorded(record))

    assert told(findings) == [(None, True, 35, 35)]
    assert findings[0].value is None
    assert spoken((0, 0), (1, 5), (0, 36)).recall(recorded(record)) == []
    assert spoken((0, 0), (1, 6)).recall(recorded(record)) == []


def test_a_silence_is_told_once():
    """Recalled twice, or noticed before: it is known."""
    samples = spoken((0, 0), (1, 0))
    record = recorded(stale("temp", onset_s=30, last_s=0), stale(None, onset_s=30, last_s=0))

    assert len(samples.recall(record)) == 2
    assert samples.recall(record) == []
    assert samples.tick(Tick(0, T0 + 10**6)) == []


@pytest.mark.parametrize(
    "record",
    [
        stale("temp", onset_s=30, last_s=0, state=State.RETURNED_UNACKED),
        stale("temp", onset_s=30, last_s=0, asset="pump"),
        stale("power", onset_s=30, last_s=0),
        stale("temp", onset_s=30, last_s=0, last_ts="yesterday"),
        AlarmRecord("press/temp/stale/silent", None),
        AlarmRecord("press/temp/stale/silent", b"not json"),
        AlarmRecord("press/temp/stale/silent", b"{}"),
        AlarmRecord("press/temp/limit/hh", alarm_state(asset="press").body()),
        AlarmRecord("press/temp/stale/silent", alarm_state(asset="press").body()),
        AlarmRecord("nonsense", b"{}"),
    ],
)
def test_what_is_over_unknown_or_unreadable_is_told_by_nobody(record):
    """A topic may hold anything; nothing of it stops the start."""
    samples = spoken((0, 0), (1, 0))
    before = samples.snapshot()["series"].tobytes()

    assert samples.recall(recorded(record)) == []
    assert samples.snapshot()["series"].tobytes() == before


def test_a_silence_that_is_watched_no_more_is_told_no_more():
    """The settings were changed while the process was down."""
    record = recorded(stale("temp", onset_s=30, last_s=0), stale(None, onset_s=30, last_s=0))

    assert spoken((0, 0), (1, 0), settings=settings_of(clock="wall")).recall(record) == []


def test_an_asset_that_lost_its_state_knows_nothing_of_its_silence():
    """On a fresh state directory nothing is known of when it last spoke."""
    assert Samples(AFTER_30).recall(recorded(stale("temp", onset_s=30, last_s=0))) == []


# ── Out of service ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_recorded_as_out_of_service_is_so_again():
    """A lost state directory brings nothing back into service, and it can still be brought back."""
    samples = spoken((0, 0), (1, 0))

    samples.recall(recorded(out("press", "temp"), out("pump")))

    assert samples.out_of_service() == [("press", "temp"), ("pump", None)]
    assert not isinstance(samples.obey(command_of(Verb.IN_SERVICE, "press", "temp")), Reject)
    assert samples.out_of_service() == [("pump", None)]


def test_a_command_since_the_start_counts_for_more_than_the_record():
    """What was recorded is from before."""
    samples = spoken((0, 0), (1, 0))
    samples.obey(command_of(Verb.OUT_OF_SERVICE, "press", "temp"))
    samples.obey(command_of(Verb.IN_SERVICE, "press", "temp"))

    samples.recall(recorded(out("press", "temp"), out("press", "flow")))

    assert samples.out_of_service() == [("press", "flow")]


def test_a_group_that_knows_only_what_is_out_of_service_is_kept():
    """Its asset may speak later."""
    samples = Samples(AFTER_30)

    samples.recall(recorded(out("press")))

    assert not samples.empty
    rows = rows_of([(0, s, 1.0) for s in range(0, 66, 5)])
    assert samples.read(block_of(rows, PAIR)).closed.rows["learn"].tolist() == [0]


def test_other_holds_and_what_cannot_be_read_take_nothing_out_of_service():
    """A shelf is no reason to stop learning."""
    shelf = HoldState(asset="press", shelved=Hold(by="maria", since_ts=T0, until_ts=T0 + 1))
    key = hold_key("press", Scope())

    names = recall.out_of_service(
        recorded(
            AlarmRecord(key, shelf.body()),
            AlarmRecord(key, None),
            AlarmRecord(key, b"nonsense"),
            out("press", ""),
            out("press", kind="limit"),
            stale("temp", onset_s=30, last_s=0),
        )
    )

    assert list(names) == []
