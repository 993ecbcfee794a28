"""What waits to be decided, and the turns in which it is."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest

from contracts.alarm_states import Recorded
from contracts.commands import Command, Origin, Scope, Verb, Verdict
from contracts.findings import Expected, Finding, Kind, Share, Window
from contracts.readings import Tick
from dataflows.waiting import EVERY_S, GAP_S, TURN_S, WAITING_MAX, Turns, Waiting, Waits, next_turn

NOON = 1_700_000_000_000
ORIGIN = Origin(topic="commands", partition=0, offset=7, ts_ms=NOON, key=b"press-1", value=b"{}")
FINDINGS = [
    Finding(
        asset="press-1",
        sensor="temp",
        kind=Kind.ANOMALY,
        rule="sensor",
        active=True,
        onset_ts=NOON,
        ts=NOON + 1,
        value=97.0,
        expected=Expected(20.0, 30.0),
        score=7.5,
        rank=2.0,
        contributions=(Share("temp", 1.0),),
        evidence={"limit": 85.0, "by": "spread", "n": 3, "none": None},
        window=Window(NOON, NOON + 60_000, 60),
        source="readings/0/7",
    ),
    Finding(asset="press-1", sensor=None, kind=Kind.STALE, rule="silent", active=False, onset_ts=NOON, ts=NOON),
]
COMMANDS = [
    Command(verb=Verb.SHELVE, asset="press-1", by="maria", origin=ORIGIN, scope=Scope("temp", "limit"), until_ms=NOON),
    Command(
        verb=Verb.FEEDBACK,
        asset="press-1",
        by="maria",
        origin=ORIGIN,
        alert_id="f" * 32,
        verdict=Verdict.RESET,
        comment="checking the valve",
    ),
]


class Clock:
    """Turned by a test."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


def test_what_waits_outlives_a_restart_in_its_order() -> None:
    """Readings that were taken aren't read again: what they led to must not be lost with the process."""
    given: list[Waits] = [FINDINGS[0], COMMANDS[0], FINDINGS[1], COMMANDS[1]]
    before = Waiting(Turns(limited=True))
    for item in given:
        before.put(item)
    turns = Turns(limited=True)

    after = Waiting(turns, deepcopy(before.rows()))

    assert turns.waiting == 2
    assert [after.take() for _ in range(len(after))] == given
    assert turns.waiting == 0


def test_what_is_told_again_after_a_start_is_not_saved() -> None:
    """The time comes by itself, and the alarm-state topic is read anew."""
    waiting = Waiting(Turns(limited=True))

    waiting.put(Tick(0, NOON))
    waiting.put(Recorded((), NOON))

    assert len(waiting) == 2
    assert waiting.rows() == []


def test_a_turn_is_shared_by_all_key_groups_and_over_in_time() -> None:
    """A hundred of them together don't keep the readings waiting."""
    clock = Clock()
    turns = Turns(limited=True, clock_s=clock)
    turns.enter("group-1")
    assert not turns.over
    clock.now_s += TURN_S
    turns.leave()

    turns.enter("group-2")

    assert turns.over


@pytest.mark.parametrize(("call", "pause_s"), [("group-1", 0.0), ("group-2", 2 * GAP_S)])
def test_a_new_turn_begins_when_the_rest_of_the_flow_had_its_own(call: str, pause_s: float) -> None:
    """A key group that is called again, or a pause, says so."""
    clock = Clock()
    turns = Turns(limited=True, clock_s=clock)
    turns.enter("group-1")
    clock.now_s += TURN_S
    turns.leave()
    clock.now_s += pause_s

    turns.enter(call)

    assert not turns.over


def test_a_turn_does_not_end_by_the_event_clock() -> None:
    """What a replay tells doesn't hang on how fast the machine is."""
    clock = Clock()
    turns = Turns(limited=False, clock_s=clock)
    turns.enter("group-1")
    clock.now_s += 3600

    assert not turns.over


def test_a_turn_does_not_end_while_more_waits_than_may() -> None:
    """Memory is bounded: then readings wait on their topic."""
    clock = Clock()
    turns = Turns(limited=True, clock_s=clock)
    turns.enter("group-1")
    clock.now_s += TURN_S
    turns.waiting = WAITING_MAX
    assert turns.over

    turns.waiting += 1

    assert not turns.over


@pytest.mark.parametrize("into_s", [0.0, 0.3 * EVERY_S, 0.99 * EVERY_S])
def test_all_key_groups_wait_for_the_same_moment(into_s: float) -> None:
    """Between two turns the rest of the flow is alone, whenever in a turn a key group was called."""
    begin = datetime(2026, 11, 22, 14, tzinfo=UTC)

    next_begin = next_turn(begin + timedelta(seconds=into_s))

    assert (next_begin - begin).total_seconds() == pytest.approx(EVERY_S, abs=1e-5)
