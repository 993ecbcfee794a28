"""The promises of docs/explanation/alarms.md hold whatever happens, in any order, with restarts and crashes between."""

# ruff: noqa: D102 - what can happen is named for what happens

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alarms.lifecycle import SKEW_MS, Alarms, Told
from contracts.alarm_states import AlarmRecord, AlarmState, HoldState, Recorded, parse_key
from contracts.alerts import Alert, AlertRecord, State, Transition
from contracts.calendar import Calendar
from contracts.commands import Command
from contracts.readings import Reject
from contracts.settings import AlarmSettings, Maintenance, Service, Settings

from .given import HOUR, MINUTE, NOON, RULES, SECOND, SETTINGS, alerts, command, limit, raised
from .promises import (
    ACTIVE,
    PROMISES,
    Line,
    acknowledged_stays_acknowledged_until_a_new_onset,
    all_transitions_of_an_episode_have_its_id,
    it_is_never_raised_twice_without_a_return,
    nothing_that_is_held_is_annunciated,
    the_last_hold_that_ends_on_an_active_alarm_is_annunciated,
    what_stands_is_told_with_each_transition,
)

NOON_DATE = datetime.fromtimestamp(NOON / 1000, UTC)


def plant(clock: str) -> Settings:
    """Two presses with maintenance now and then."""
    spans = [(20, 25), (60, 90), (24 * 60, 25 * 60)]
    entries = (
        Maintenance(asset="press-1", start=NOON_DATE + timedelta(minutes=a), end=NOON_DATE + timedelta(minutes=b))
        for a, b in spans
    )
    return Settings(
        rules=RULES, maintenance=tuple(entries), alarms=AlarmSettings(shelve_max_h=2), service=Service(clock=clock)
    )


PLANT = plant("wall")
CALENDAR = Calendar(PLANT)
ASSETS = st.sampled_from(["press-1", "press-1", "press-2"])
SENSORS = st.sampled_from(["temp", "flow"])
RULE = st.sampled_from(["hh", "h"])
STEPS = st.sampled_from([1, SECOND, 5 * SECOND, 30 * SECOND, MINUTE, 11 * MINUTE, HOUR])
SCOPES = st.sampled_from(
    [{}, {"sensor": "temp"}, {"sensor": "flow", "kind": "limit"}, {"kind": "limit", "rule": "h"}, {"sensor": ""}]
)
BEGINNINGS = st.sampled_from(["shelve", "suppress", "out_of_service"])
ENDINGS = st.sampled_from(["unshelve", "unsuppress", "in_service"])


class Life(RuleBasedStateMachine):
    """A plant, its alarms, their twin that is never restarted, and a reader of both topics."""

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.alarms, self.twin = Alarms(PLANT), Alarms(PLANT)
        self.saved, self.since = self.alarms.snapshot(), []
        self.compared = False
        self.topic: dict[str, bytes] = {}
        self.histories: dict[str, list[Line]] = {}
        self.seen: set[str] = set()
        self.ids: list[str] = ["0" * 32]

    # ── What happens ────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(asset=ASSETS, sensor=SENSORS, limit_rule=RULE, active=st.booleans(), step=STEPS, twice=st.booleans())
    def find(self, asset, sensor, limit_rule, active, step, twice):
        self.now += step
        finding = limit(asset=asset, sensor=sensor, rule=limit_rule, active=active, ts=self.now)
        self.do(lambda alarms: alarms.decide(finding))
        if twice:
            assert self.do(lambda alarms: alarms.decide(finding), remember=False) == []

    @rule(asset=ASSETS, step=STEPS, seconds=st.integers(1, 8))
    def chatter(self, asset, step, seconds):
        self.now += step
        for active in (True, False) * 4:
            self.now += seconds * SECOND
            finding = limit(asset=asset, active=active, ts=self.now)
            self.do(lambda alarms, finding=finding: alarms.decide(finding))

    @rule(step=STEPS)
    def tick(self, step):
        self.now += step
        self.do(lambda alarms: alarms.tick(self.now), remember=False)
        for body in (body for key, body in self.topic.items() if key.endswith("/hold")):
            shelf = HoldState.model_validate_json(body).shelved
            assert shelf is None or shelf.until_ts > self.now, "a shelf always ends"

    @rule(asset=ASSETS, recent=st.integers(1, 4), step=STEPS)
    def acknowledge(self, asset, recent, step):
        self.now += step
        self.obey(command("acknowledge", asset=asset, alert_id=self.ids[-recent:][0], ts=self.now))

    @rule(asset=ASSETS, verb=BEGINNINGS, scope=SCOPES, minutes=st.sampled_from([0, 1, 30, 120, 121]), step=STEPS)
    def hold(self, asset, verb, scope, minutes, step):
        self.now += step
        more = {"until": self.now + minutes * MINUTE} if verb == "shelve" else {}
        more |= {"sensor": scope.get("sensor")} if verb == "out_of_service" else scope
        self.obey(command(verb, asset=asset, ts=self.now, **more))

    @rule(asset=ASSETS, recent=st.integers(1, 4), minutes=st.sampled_from([1, 30]))
    def shelve_one(self, asset, recent, minutes):
        until = self.now + minutes * MINUTE
        self.obey(command("shelve", asset=asset, alert_id=self.ids[-recent:][0], ts=self.now, until=until))

    @rule(asset=ASSETS, verb=ENDINGS, scope=SCOPES)
    def let_go(self, asset, verb, scope):
        more = {"sensor": scope.get("sensor")} if verb == "in_service" else scope
        self.obey(command(verb, asset=asset, ts=self.now, **more))

    @rule()
    def restart(self):
        before = self.alarms.snapshot()
        self.alarms = Alarms.restore(PLANT, orjson.loads(orjson.dumps(before)))
        assert self.alarms.snapshot() == before

    @rule()
    def save(self):
        self.saved, self.since = self.alarms.snapshot(), []

    @precondition(lambda self: len(self.since) < 30)
    @rule()
    def crash(self):
        """Data and commands come again, ticks don't; then the topic is compared, and another life begins."""
        recorded = Recorded(tuple(AlarmRecord(key, body) for key, body in self.topic.items()), self.now)
        self.alarms = Alarms.restore(PLANT, self.saved)
        for act in self.since:
            self.hear(act(self.alarms))
        self.hear(self.alarms.reconcile(recorded))
        self.twin = Alarms.restore(PLANT, self.alarms.snapshot())
        self.histories = {}
        self.save()

    # ── What is told ────────────────────────────────────────────────────────────────────────────────────────────────

    def obey(self, given: Command) -> None:
        before = self.alarms.snapshot()
        told = self.do(lambda alarms: alarms.obey(given))
        if any(isinstance(one, Reject) for one in told):
            assert len(told) == 1, "a refused command makes nothing but its refusal"
            assert self.alarms.snapshot() == before, "a refused command changes nothing"

    def do(self, act: Callable[[Alarms], list[Told]], *, remember: bool = True) -> list[Told]:
        told = act(self.alarms)
        assert act(self.twin) == told, "a restart changes nothing"
        if remember:
            self.since.append(act)
        self.hear(told)
        return told

    def hear(self, told: list[Told]) -> None:
        """Read what was told as a consumer does: in order, and each id once."""
        for place, one in enumerate(told):
            if isinstance(one, AlarmRecord):
                if one.body is None:
                    self.topic.pop(one.key, None)
                else:
                    self.topic[one.key] = one.body
            elif isinstance(one, AlertRecord):
                record = told[place + 1]
                assert isinstance(record, AlarmRecord), "what stands is told right after each transition"
                if one.event_id not in self.seen:
                    self.seen.add(one.event_id)
                    self.ids.append(one.alert.alert_id)
                    line = Line(one.alert, standing(record), self.is_held(one.alert), self.is_covered(one.alert))
                    self.histories.setdefault(record.key, []).append(line)

    def is_held(self, alert: Alert) -> bool:
        by_data = alert.transition in {Transition.RAISED, Transition.CLEARED}
        if by_data and CALENDAR.covering(alert.asset, alert.ts):
            return True
        holds = [HoldState.model_validate_json(body) for key, body in self.topic.items() if key.endswith("/hold")]
        return any(
            hold.asset == alert.asset
            and hold.scope.covers(sensor=alert.sensor or "", kind=alert.kind, rule=alert.rule)
            for hold in holds
        )  # fmt: skip

    def is_covered(self, alert: Alert) -> bool:
        outer = self.topic.get(f"{alert.asset}/{alert.sensor}/limit/hh")
        return alert.rule == "h" and outer is not None and AlarmState.model_validate_json(outer).alert.state in ACTIVE

    # ── What holds ──────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_compacted_topic_is_what_stands(self):
        assert self.topic == self.alarms.table()

    @invariant()
    def what_is_written_is_what_the_models_would_write(self):
        for key, body in self.topic.items():
            model = AlarmState if parse_key(key)[0] == "alarm" else HoldState
            assert model.model_validate_json(body).body() == body

    @invariant()
    def the_figures_are_those_of_the_table(self):
        stand = [AlarmState.model_validate_json(body) for key, body in self.topic.items() if not key.endswith("/hold")]
        active = Counter((one.alert.kind.value, one.alert.priority) for one in stand if one.alert.state in ACTIVE)
        assert +Counter(self.alarms.standing()) == active
        assert self.alarms.chattering >= sum(one.chattering for one in stand)

    def teardown(self):
        for history in getattr(self, "histories", {}).values():
            for promise in PROMISES:
                promise(history)


def standing(record: AlarmRecord) -> AlarmState | None:
    return None if record.body is None else AlarmState.model_validate_json(record.body)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, report_multiple_bugs=False)


# ── Each check can fail ─────────────────────────────────────────────────────────────────────────────────────────────


def story() -> list[Line]:
    """Raised, shelved, acknowledged, unshelved, cleared."""
    alarms, identity = raised()
    told = [*Alarms(SETTINGS).decide(limit())]
    for act in (
        command("shelve", until=NOON + HOUR, alert_id=identity),
        command("acknowledge", alert_id=identity),
        command("unshelve", alert_id=identity),
    ):
        told += [one for one in alarms.obey(act) if not (isinstance(one, AlarmRecord) and one.key.endswith("/hold"))]
    told += alarms.decide(limit(active=False, ts=NOON + MINUTE))
    lines = [
        Line(one.alert, standing(told[place + 1])) for place, one in enumerate(told) if isinstance(one, AlertRecord)
    ]
    return [line._replace(held=line.alert.transition in {"shelved", "acknowledged"}) for line in lines]


def changed(line: Line, **changes) -> Line:
    return line._replace(alert=replace(line.alert, **changes))


BROKEN = {
    it_is_never_raised_twice_without_a_return: lambda lines: [lines[0], lines[0]],
    acknowledged_stays_acknowledged_until_a_new_onset: lambda lines: [lines[2], lines[1]],
    all_transitions_of_an_episode_have_its_id: lambda lines: [lines[0], changed(lines[1], onset_ts=1)],
    nothing_that_is_held_is_annunciated: lambda lines: [changed(lines[1], annunciated=True)],
    the_last_hold_that_ends_on_an_active_alarm_is_annunciated: lambda lines: [changed(lines[3], annunciated=False)],
    what_stands_is_told_with_each_transition: lambda lines: [changed(lines[0], message="another")],
}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_a_promise_that_is_broken_is_noticed(promise):
    """A check that can't fail is worse than none."""
    lines = story()

    promise(lines)
    with pytest.raises(AssertionError):
        promise(BROKEN[promise](lines))


# ── By data alone ───────────────────────────────────────────────────────────────────────────────────────────────────

LINES = st.lists(
    st.tuples(
        SENSORS, RULE, st.booleans(), st.sampled_from([SECOND, 7 * SECOND, 40 * SECOND, 3 * MINUTE, 11 * MINUTE])
    ),
    min_size=1,
    max_size=60,
)
SKEWS = st.fixed_dictionaries({"temp": st.integers(0, SKEW_MS - 1), "flow": st.just(0)})


def told_by_events(lines, skews, cuts, restarts) -> list[bytes]:
    """The alerts of a recording whose blocks end where `cuts` says, with a restart at some ends."""
    alarms, now, newest = Alarms(plant("event")), NOON, 0
    found: list[Told] = []
    for place, (sensor, limit_rule, active, step) in enumerate(lines):
        now += step
        ts = now - skews[sensor]
        newest = max(newest, ts)
        found += alarms.decide(limit(sensor=sensor, rule=limit_rule, active=active, ts=ts))
        if place in cuts:
            found += alarms.clock("press-1", newest)
            if place in restarts:
                alarms = Alarms.restore(plant("event"), alarms.snapshot())
    found += alarms.clock("press-1", now + 24 * 30 * HOUR)
    ordered = sorted(alerts(found), key=lambda alert: (alert.ts, alert.sensor, alert.rule, alert.transition))
    return [alert.body() for alert in ordered]


@given(LINES, SKEWS, st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
@settings(deadline=None)
def test_how_readings_are_cut_into_blocks_changes_no_alert(lines, skews, cuts, restarts):
    """Maintenance, chatter and the sensors' different clocks included: the same recording, the same bytes."""
    one_block = told_by_events(lines, skews, set(), set())

    assert told_by_events(lines, skews, cuts, restarts) == one_block
    assert told_by_events(lines, skews, set(range(61)), set()) == one_block


def test_a_restart_in_the_middle_of_a_chattering_alarm_is_in_those_recordings():
    """The recordings reach what they are meant to test."""
    lines = [("temp", "hh", active, 7 * SECOND) for active in (True, False) * 4]

    bodies = told_by_events(lines, {"temp": 0, "flow": 0}, {3}, {3})

    assert b'"held_back_ms":120000' in bodies[-1]
    assert State.NORMAL.value.encode() in bodies[-1]
