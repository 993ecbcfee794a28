"""Silence: of a sensor, of a whole asset; by event time and by the wall clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.findings import Expected, Kind
from contracts.readings import Tick
from detectors.samples import Samples
from tests.detectors.plant import BAD, PRESS, T0, UNCERTAIN, block_of, outcome, rows_of, settings_of

AFTER_30 = {"stale": {"after_s": 30}}
AUTO = {"stale": {"after_s": "auto"}}
PAIR = (("press", "temp"), ("press", "flow"))


def told(findings):
    """(sensor, active, onset, ts) of each finding, times in seconds after T0."""
    assert {finding.kind for finding in findings} <= {Kind.STALE}
    return [(f.sensor, f.active, (f.onset_ts - T0) / 1000, (f.ts - T0) / 1000) for f in findings]


def by_event(readings, *, names=PAIR, rule=AFTER_30):
    return told(outcome(settings_of(rule), readings, names=names).findings)


class Wall:
    """A key group by the wall clock: times in seconds after T0, and what is told."""

    def __init__(self, names=PAIR, rule=AFTER_30, settings=None):
        self.samples = Samples(settings or settings_of(rule, clock="wall"))
        self.names = names

    def say(self, *readings, arrived_s, lane=0):
        """A block of readings arrives."""
        findings = self.samples.read(block_of(rows_of(readings), self.names, lane=lane, arrived_s=arrived_s)).findings
        return told(findings)

    def tick(self, now_s, *, lane=0, after_outage=False):
        """A lane says what time it is."""
        return told(self.samples.tick(Tick(lane, T0 + round(now_s * 1000), after_outage)))


# ── Event time ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sensor_is_silent_when_its_time_has_passed_and_not_at_it():
    """Another sensor's reading shows that time passes; the onset is when the time was over."""
    flow = [(1, s, 1.0) for s in range(10, 31, 10)]

    assert by_event([(0, 0, 1.0), *flow]) == []
    assert by_event([(0, 0, 1.0), *flow, (1, 30.001, 1.0)]) == [("temp", True, 30, 30)]


def test_each_of_several_sensors_is_silent_when_its_own_time_has_passed():
    """A second one, whose time is over just now, is not blamed with the first."""
    names = (*PAIR, ("press", "power"))
    readings = [(0, 0, 1.0), (2, 1, 1.0), (1, 20, 1.0), (1, 31, 1.0)]

    assert by_event(readings, names=names) == [("temp", True, 30, 30)]
    assert by_event([*readings, (1, 32, 1.0)], names=names) == [("temp", True, 30, 30), ("power", True, 31, 31)]


def test_silence_ends_with_the_next_sign_of_life():
    """Once raised, it is not raised again before that."""
    flow = [(1, s, 1.0) for s in range(10, 91, 10)]

    assert by_event([(0, 0, 1.0), *flow, (0, 95, 1.0)]) == [("temp", True, 30, 30), ("temp", False, 30, 95)]


def test_a_sensor_that_speaks_again_reveals_its_own_silence():
    """Nobody else need have noticed."""
    assert by_event([(0, 0, 1.0), (1, 0, 1.0), (1, 29, 1.0), (0, 31, 1.0)]) == [
        ("temp", True, 30, 30),
        ("temp", False, 30, 31),
    ]


def test_an_asset_whose_sensors_are_all_silent_has_one_alarm():
    """One dead gateway, one alarm: its onset is the latest of its sensors', and none of them is blamed beside it."""
    readings = [(0, 0, 1.0), (1, 5, 1.0), (0, 100, 1.0), (1, 101, 1.0), (0, 102, 1.0)]

    assert by_event(readings) == [(None, True, 35, 35), (None, False, 35, 100)]


def test_a_sensor_that_stays_silent_after_its_asset_came_back_has_its_own_alarm():
    """Counted from when the asset spoke again."""
    readings = [(0, 0, 1.0), (1, 5, 1.0), *((0, s, 1.0) for s in range(100, 141, 10))]

    assert by_event(readings) == [(None, True, 35, 35), (None, False, 35, 100), ("flow", True, 130, 130)]


def test_a_sensor_that_was_silent_before_stays_so_when_its_asset_falls_silent():
    """Its alarm ends when it speaks, whatever the asset does meanwhile."""
    flow = [(1, s, 1.0) for s in range(10, 51, 10)]

    assert by_event([(0, 0, 1.0), *flow, (1, 200, 1.0), (0, 210, 1.0)]) == [
        ("temp", True, 30, 30),
        (None, True, 80, 80),
        (None, False, 80, 200),
        ("temp", False, 30, 210),
    ]


def test_an_asset_with_one_sensor_says_its_name():
    """There is nothing else to say."""
    assert by_event([(0, 0, 1.0), (0, 50, 1.0)], names=PRESS) == [("temp", True, 30, 30), ("temp", False, 30, 50)]


def test_a_sensor_that_never_spoke_is_not_silent_and_makes_no_second_sensor():
    """A name alone is no sensor, so nothing depends on when names are announced."""
    assert by_event([(0, 0, 1.0), (0, 50, 1.0)]) == [("temp", True, 30, 30), ("temp", False, 30, 50)]


def test_assets_do_not_tell_each_other_the_time():
    """Another asset's clock may be right or wrong."""
    names = (("press", "temp"), ("pump", "temp"))

    assert by_event([(0, 0, 1.0), *((1, s, 1.0) for s in range(0, 200, 10))], names=names) == []


def test_bad_readings_are_no_sign_of_life():
    """A sensor that sends nothing of use is silent; time passes with what it sends."""
    bad = [(0, s, 1.0, BAD) for s in range(10, 51, 10)]

    assert by_event([(0, 0, 1.0), *bad, (0, 60, 1.0)], names=PRESS) == [
        ("temp", True, 30, 30),
        ("temp", False, 30, 60),
    ]


def test_an_asset_that_sends_only_bad_readings_is_silent():
    """Until one of its sensors sends something of use."""
    readings = [(0, 0, 1.0), (1, 0, 1.0), (0, 40, 1.0, BAD), (1, 50, 1.0, BAD), (1, 60, 1.0, UNCERTAIN)]

    assert by_event(readings) == [(None, True, 30, 30), (None, False, 30, 60)]


def test_late_and_doubled_readings_are_no_sign_of_life():
    """They were spoken before."""
    readings = [(0, 0, 1.0), (0, 0, 1.0), (0, 20, 1.0), (0, 10, 1.0), (0, 51, 1.0)]

    assert by_event(readings, names=PRESS) == [("temp", True, 50, 50), ("temp", False, 50, 51)]


def test_an_uncertain_reading_is_a_sign_of_life():
    """The sensor speaks, however unsure it is."""
    assert by_event([(0, 0, 1.0), (0, 25, 1.0, UNCERTAIN), (0, 50, 1.0)], names=PRESS) == []


def test_an_out_of_order_reading_is_a_sign_of_life():
    """Where the newest reading was a bad one."""
    readings = [(0, 0, 1.0), (0, 29, 1.0, BAD), (0, 27, 1.0), (0, 57, 1.0)]

    assert by_event(readings, names=PRESS) == []


def test_a_finding_says_when_the_sensor_last_spoke_and_what():
    """And how long it may be silent."""
    raised, cleared = outcome(settings_of(AFTER_30), [(0, 7, 4.5), (0, 50, 6.0)]).findings

    assert (raised.rule, raised.value, raised.expected, raised.source) == ("silent", 4.5, Expected(), "readings/0/1")
    assert raised.evidence == cleared.evidence == {"after_ms": 30_000, "last_ts": T0 + 7000}
    assert cleared.value == 6.0


def test_the_alarm_of_an_asset_has_no_value():
    """Whose would it be? The evidence is of the sensor that spoke last."""
    raised, cleared = outcome(settings_of(AFTER_30), [(0, 7, 4.5), (1, 8, 1.0), (0, 50, 6.0)], names=PAIR).findings

    assert (raised.sensor, raised.value, cleared.value) == (None, None, None)
    assert raised.evidence == cleared.evidence == {"after_ms": 30_000, "last_ts": T0 + 8000}


@pytest.mark.parametrize("names", [PAIR, PAIR[::-1]])
def test_the_alarm_of_an_asset_names_the_latest_word_of_sensors_whose_time_ends_together(names):
    """Whichever sensor andon met first."""
    rules = {
        "service": {"clock": "event"},
        "rules": [{"sensor": "flow", "stale": {"after_s": 50}}, {"stale": {"after_s": 30}}],
    }
    temp, flow = names.index(("press", "temp")), names.index(("press", "flow"))

    raised, _ = outcome(
        settings_of().model_validate(rules), [(flow, 0, 1.0), (temp, 20, 1.0), (temp, 60, 1.0)], names=names
    ).findings

    assert raised.evidence == {"after_ms": 30_000, "last_ts": T0 + 20_000}


def test_a_learned_time_is_ten_intervals():
    """Ten seconds between readings: a hundred seconds of silence."""
    steady = [(0, s, 1.0) for s in range(0, 200, 10)]

    assert by_event([*steady, (0, 290, 1.0)], names=PRESS, rule=AUTO) == []
    assert by_event([*steady, (0, 291, 1.0)], names=PRESS, rule=AUTO) == [
        ("temp", True, 290, 290),
        ("temp", False, 290, 291),
    ]


def test_a_learned_time_is_half_a_minute_at_least():
    """A sensor that speaks every second may take a breath."""
    steady = [(0, s, 1.0) for s in range(20)]

    assert by_event([*steady, (0, 49, 1.0)], names=PRESS, rule=AUTO) == []
    assert len(by_event([*steady, (0, 49.001, 1.0)], names=PRESS, rule=AUTO)) == 2


def test_a_learned_time_is_not_judged_before_ten_intervals_were_seen():
    """Who has hardly spoken can't be said to be silent."""
    assert by_event([*((0, s, 1.0) for s in range(10)), (0, 9000, 1.0)], names=PRESS, rule=AUTO) == []
    assert len(by_event([*((0, s, 1.0) for s in range(11)), (0, 9000, 1.0)], names=PRESS, rule=AUTO)) == 2


def test_one_long_silence_does_not_teach_that_silence_is_normal():
    """A day without power, and the next day is judged as before, within a third."""
    steady = [(0, s, 1.0) for s in range(0, 1000, 10)]
    later = [(0, 86_400 + s, 1.0) for s in range(0, 100, 10)]

    told_of = by_event([*steady, *later, (0, 90_000, 1.0)], names=PRESS, rule=AUTO)

    assert [active for _, active, *_ in told_of] == [True, False, True, False]
    assert 86_490 + 100 <= told_of[2][2] <= 86_490 + 133


def test_a_source_that_slows_down_for_good_is_followed():
    """Its alarms end within some tens of readings, not never."""
    slow = [(0, 100 + 60 * i, 1.0) for i in range(200)]

    told_of = by_event([*((0, s, 1.0) for s in range(100)), *slow], names=PRESS, rule=AUTO)

    assert told_of
    assert told_of[-1][3] < 100 + 60 * 60


def test_a_sensor_that_is_not_judged_keeps_its_asset_alive():
    """As long as it speaks, the others are silent one by one."""
    rules = {
        "service": {"clock": "event"},
        "rules": [{"sensor": "flow", "stale": False}, {"stale": {"after_s": 30}}],
    }
    names = (*PAIR, ("press", "power"))
    settings = settings_of().model_validate(rules)
    flow = [(1, s, 1.0) for s in range(0, 41, 10)]

    alive = outcome(settings, [(0, 0, 1.0), (2, 0, 1.0), *flow], names=names).findings
    dead = outcome(settings, [(0, 0, 1.0), (2, 0, 1.0), (1, 0, 1.0), (1, 60, 1.0)], names=names).findings

    assert told(alive) == [("temp", True, 30, 30), ("power", True, 30, 30)]
    assert told(dead) == [(None, True, 30, 30), (None, False, 30, 60)]


def test_there_are_no_ticks_by_the_event_clock():
    """A recording from last year is not silent now."""
    samples = Samples(settings_of(AFTER_30))
    samples.read(block_of(rows_of([(0, 0, 1.0)]), PRESS))

    assert samples.tick(Tick(0, T0 + 10**9)) == []


def model(readings, *, after):
    """The definition without any shortcut: each accepted reading looks at all sensors of the one asset."""
    newest, base, raised, asset_onset, out = {}, {}, {}, None, []
    for series, ts, quality in readings:
        if series in newest and (ts == newest[series] or ts < newest[series] - 5):
            continue
        if ts > newest.get(series, -1):
            newest[series] = ts
            watched = [sensor for sensor in sorted(base) if sensor not in raised]
            overdue = [sensor for sensor in watched if base[sensor] + after[sensor] < ts]
            if asset_onset is None and overdue:
                if overdue == watched and len(base) > 1:
                    asset_onset = max(base[sensor] + after[sensor] for sensor in watched)
                    out.append((None, True, asset_onset, asset_onset))
                else:
                    raised.update((sensor, base[sensor] + after[sensor]) for sensor in overdue)
                    out += [(NAMES_OF[sensor], True, raised[sensor], raised[sensor]) for sensor in overdue]
        if quality == BAD:
            continue
        if asset_onset is not None:
            out.append((None, False, asset_onset, ts))
            base.update((sensor, max(base[sensor], ts)) for sensor in base if sensor not in raised)
            asset_onset = None
        if series in raised:
            out.append((NAMES_OF[series], False, raised.pop(series), ts))
        base[series] = max(base.get(series, ts), ts)
    return out


NAMES_OF = ("temp", "flow", "power")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([0, 1, 5, 11, 20, 29, 31, 60]),
            st.sampled_from([0, 0, 0, BAD]),
        ),
        max_size=60,
    )
)
def test_silence_by_event_time_follows_its_definition(steps):
    """Whoever speaks when, the shortcut that makes it cheap changes nothing."""
    clock, readings = 0, []
    for series, passed, quality in steps:
        clock += passed
        readings.append((series, clock, quality))
    rules = {
        "service": {"clock": "event"},
        "rules": [{"sensor": "flow", "stale": {"after_s": 50}}, {"stale": {"after_s": 30}}],
    }
    names = tuple(("press", name) for name in NAMES_OF)

    findings = outcome(
        settings_of().model_validate(rules), [(series, ts, 1.0, q) for series, ts, q in readings], names=names
    ).findings

    assert sorted(told(findings), key=repr) == sorted(model(readings, after={0: 30, 1: 50, 2: 30}), key=repr)


# ── Wall clock ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tick_notices_silence_and_the_onset_is_by_the_readings_own_time():
    """However late a device's clock is: the alarm is the one that its next reading would reveal."""
    wall = Wall(names=PRESS)
    wall.say((0, -500, 1.0), arrived_s=0)

    assert wall.tick(30) == []
    assert wall.tick(30.001) == [("temp", True, -470, -470)]
    assert wall.tick(31) == []
    assert wall.say((0, -400, 1.0), arrived_s=100) == [("temp", False, -470, -400)]


def test_a_tick_and_the_next_reading_tell_the_same():
    """Body for body."""
    ticked, revealed = Wall(names=PRESS), Wall(names=PRESS)
    for wall in (ticked, revealed):
        wall.say((0, 0, 1.0), arrived_s=0)

    by_tick = ticked.samples.tick(Tick(0, T0 + 60_000))
    by_reading = revealed.samples.read(block_of(rows_of([(0, 61, 1.0)]), arrived_s=61)).findings

    assert by_tick[0].source == ""
    assert by_tick[0].evidence == by_reading[0].evidence
    assert (by_tick[0].onset_ts, by_tick[0].ts, by_tick[0].value) == (
        by_reading[0].onset_ts,
        by_reading[0].ts,
        by_reading[0].value,
    )


def test_a_tick_tells_of_an_asset_once():
    """Also when its sensors spoke some seconds apart."""
    wall = Wall()
    wall.say((0, 0, 1.0), arrived_s=0)
    wall.say((1, 1.5, 1.0), arrived_s=1.5)

    assert wall.tick(30.5) == []
    assert wall.tick(31.5) == []
    assert wall.tick(31.6) == [(None, True, 31.5, 31.5)]
    assert wall.tick(60) == []
    assert wall.say((0, 70, 1.0), arrived_s=70) == [(None, False, 31.5, 70)]
    assert wall.tick(90) == []


def test_a_tick_tells_of_a_sensor_whose_neighbours_speak():
    """It waits no longer than the neighbours' own time minus two seconds."""
    wall = Wall()
    wall.say((0, 0, 1.0), (1, 0, 1.0), arrived_s=0)
    wall.say((1, 20, 1.0), arrived_s=20)

    assert wall.tick(30.5) == [("temp", True, 30, 30)]
    assert wall.tick(50.5) == [(None, True, 50, 50)]


def test_an_asset_listens_to_the_lane_of_its_last_reading_only():
    """Another lane may be far ahead or behind."""
    wall = Wall(names=PRESS)
    wall.say((0, 0, 1.0), arrived_s=0, lane=3)

    assert wall.tick(100, lane=0) == []
    assert wall.tick(100, lane=3) == [("temp", True, 30, 30)]


def test_nobody_is_blamed_for_an_outage_of_its_lane():
    """Silence counts from its end, and the gap before the next reading isn't judged."""
    wall = Wall()
    wall.say((0, 0, 1.0), (1, 0, 1.0), arrived_s=0)

    assert wall.tick(600, after_outage=True) == []
    assert wall.tick(629) == []
    assert wall.say((0, 610, 1.0), arrived_s=629) == []
    assert wall.tick(631) == [("flow", True, 30, 30)]
    assert wall.say((0, 700, 1.0), arrived_s=700) == [(None, True, 640, 640), (None, False, 640, 700)]


def test_what_was_held_back_may_come_out_of_order_after_an_outage():
    """A producer that tries again overtakes itself: those gaps are the outage's too, until the lane ticks again."""
    wall = Wall(names=PRESS)
    wall.say((0, 0, 1.0), arrived_s=0)
    wall.tick(600, after_outage=True)

    assert wall.say((0, 1, 1.0), (0, 500, 1.0), (0, 100, 1.0), (0, 590, 1.0), arrived_s=601) == []
    assert wall.tick(602) == []
    told = wall.say((0, 640, 1.0), (0, 671, 1.0), arrived_s=603)
    assert told == [("temp", True, 670, 670), ("temp", False, 670, 671)]


def test_an_outage_of_another_lane_excuses_nobody():
    """It wasn't this asset's."""
    wall = Wall(names=PRESS)
    wall.say((0, 0, 1.0), arrived_s=0)

    wall.tick(100, lane=7, after_outage=True)

    assert wall.tick(100) == [("temp", True, 30, 30)]


def test_a_reading_reveals_its_own_gap_by_the_wall_clock_and_not_others():
    """Another sensor's clock may be wrong: it is judged on arrival."""
    wall = Wall()
    wall.say((0, 0, 1.0), (1, 0, 1.0), arrived_s=0)

    assert wall.say(*((1, s, 1.0) for s in range(10, 61, 10)), arrived_s=1) == []
    assert wall.say((0, 61, 1.0), arrived_s=2) == [("temp", True, 30, 30), ("temp", False, 30, 61)]


def test_a_reading_reveals_the_gap_of_its_whole_asset():
    """A backlog with a hole in it: one alarm for the asset, raised and cleared."""
    wall = Wall()
    wall.say((0, 0, 1.0), (1, 0, 1.0), arrived_s=0)

    assert wall.say((0, 100, 1.0), (1, 100, 1.0), arrived_s=1) == [(None, True, 30, 30), (None, False, 30, 100)]


def test_silence_that_a_tick_noticed_is_not_revealed_again():
    """Also by an out-of-order reading before the next one in order."""
    wall = Wall(names=PRESS)
    wall.say((0, 0, 1.0), (0, 3, 1.0), arrived_s=0)
    wall.tick(40)

    assert wall.say((0, 1, 1.0), arrived_s=41) == [("temp", False, 33, 1)]
    assert wall.say((0, 42, 1.0), arrived_s=42) == []


def test_a_bad_reading_does_not_end_silence_on_arrival():
    """Something came, and nothing of use."""
    wall = Wall(names=PRESS)
    wall.say((0, 0, 1.0), arrived_s=0)
    wall.say((0, 20, 1.0, BAD), arrived_s=20)

    assert wall.tick(31) == [("temp", True, 30, 30)]


def test_a_tick_makes_no_state():
    """An idle group stays as small as it was."""
    samples = Samples(settings_of(AFTER_30, clock="wall"))

    assert samples.tick(Tick(0, T0)) == []
    assert samples.empty


def test_a_tick_tells_of_more_sensors_than_fit_into_its_buffer():
    """A gateway of 300 assets of one sensor dies: 300 alarms."""
    wall = Wall(names=tuple((f"meter-{n}", "kwh") for n in range(300)))
    wall.say(*((n, 0, 1.0) for n in range(300)), arrived_s=0)

    assert len(wall.tick(31)) == 300


def test_silence_is_remembered_over_a_restart():
    """It isn't raised again, and it ends."""
    wall = Wall()
    wall.say((0, 0, 1.0), (1, 0, 1.0), arrived_s=0)
    wall.tick(31)
    wall.samples = Samples.restore(settings_of(AFTER_30, clock="wall"), wall.samples.snapshot())

    assert wall.tick(40) == []
    assert wall.say((1, 50, 1.0), arrived_s=50) == [(None, False, 30, 50)]


def test_an_asset_that_is_silent_already_is_not_told_of_again_after_a_restart():
    """Not by a bad reading either, which ends nothing and shows that time passes."""
    samples = Samples(settings_of(AFTER_30))
    before = samples.read(block_of(rows_of([(0, 0, 1.0), (1, 0, 1.0), (0, 40, 1.0, BAD)]), PAIR)).findings
    restored = Samples.restore(settings_of(AFTER_30), samples.snapshot())

    after = restored.read(block_of(rows_of([(0, 100, 1.0, BAD), (0, 101, 1.0)]), PAIR)).findings

    assert told(before) == [(None, True, 30, 30)]
    assert told(after) == [(None, False, 30, 101)]


@pytest.mark.parametrize("clock", ["event", "wall"])
def test_silence_that_is_no_longer_watched_after_a_restart_is_forgotten(clock):
    """Neither the asset nor the sensor is cleared by a rule that is gone."""
    samples = Samples(settings_of(AFTER_30, clock="wall"))
    samples.read(block_of(rows_of([(0, 0, 1.0), (1, 0, 1.0)]), PAIR))
    samples.tick(Tick(0, T0 + 31_000))
    restored = Samples.restore(settings_of(clock=clock), samples.snapshot())

    assert restored.read(block_of(rows_of([(0, 50, 1.0), (1, 50, 1.0)]), PAIR)).findings == []
