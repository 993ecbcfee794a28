"""A machine at rest: which windows are left out, and what goes on meanwhile."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from contracts.findings import Kind
from contracts.settings import Settings
from detectors.samples import Samples
from tests.detectors.battery import Line
from tests.detectors.plant import BAD, T0, block_of, feed, outcome, pieces, rows_of, settings_of, told

NAMES = (("press", "temp"), ("press", "speed"))
TEMP, SPEED = 0, 1
BY_SPEED = {"sensor": "speed", "min": 1, "settle_s": 0}


def starts(readings, *, slot=TEMP, **settings):
    """Starts of the windows of one sensor that close, in seconds after T0."""
    closed = outcome(settings_of(**{"running": BY_SPEED, **settings}), readings, names=NAMES).closed
    return ((closed["start"][closed["slot"] == slot] - T0) / 1000).tolist()


def minutes(*speeds, temp_first=True):
    """A reading of both sensors a minute, the temperature 20; and one of both after the last window is over."""
    for minute, speed in enumerate([*speeds, speeds[-1]]):
        both = [(TEMP, 60 * minute, 20.0), (SPEED, 60 * minute, speed)]
        yield from both if temp_first else reversed(both)
    yield from ((TEMP, 60 * len(speeds) + 65, 20.0), (SPEED, 60 * len(speeds) + 65, speeds[-1]))


@pytest.mark.parametrize("temp_first", [True, False])
def test_windows_in_which_the_machine_rests_never_were(temp_first):
    """Also the one that began with the last word that it runs: it may have stopped at any time since.

    And the one whose first reading came before the word that it runs again.
    """
    readings = list(minutes(9, 9, 9, 0, 0, 9, 9, 9, temp_first=temp_first))

    assert starts(readings) == [0, 60, *([] if temp_first else [300]), 360, 420, 480]
    assert starts(readings, slot=SPEED) == [0, 60, 300, 360, 420, 480]


def test_after_a_start_the_machine_has_time_to_settle():
    """Two minutes from the first reading that says it runs."""
    settling = {"sensor": "speed", "min": 1, "settle_s": 120}

    assert starts(minutes(9, 9, 0, 9, 9, 9, 9), running=settling) == [0, 300, 360, 420]


def test_by_default_it_has_a_minute():
    """A window, as a rule."""
    assert starts(minutes(9, 9, 0, 9, 9, 9), running={"sensor": "speed", "min": 1}) == [0, 240, 300, 360]


def test_a_machine_that_stops_while_it_settles_has_rested_all_the_while():
    """What was read between two attempts to start it is as unusual as the attempts."""
    settling = {"sensor": "speed", "min": 1, "settle_s": 3600}
    readings = [*minutes(9, 0, 9, 0, 0), (SPEED, 3000, 9.0), (TEMP, 7000, 20.0), (TEMP, 7100, 20.0)]

    assert starts(readings, running=settling) == [6960]


@pytest.mark.parametrize(
    ("running", "runs"),
    [({"min": 1}, [0, 0, 1, 1]), ({"max": 1}, [1, 1, 1, 0]), ({"min": 0.5, "max": 1.5}, [0, 0, 1, 0])],
)
def test_it_runs_between_min_and_max(running, runs):
    """Both inclusive; a valve that is open at 0 is told by a maximum."""
    for speed, expected in zip([-1, 0, 1, 2], runs, strict=True):
        readings = list(minutes(speed, speed))
        assert len(starts(readings, running={"sensor": "speed", "settle_s": 0, **running})) == 3 * expected, speed


def test_until_its_sensor_speaks_a_machine_is_taken_to_run():
    """And then for what it said last, however long ago; what is of bad quality says nothing."""
    assert starts([(TEMP, 0, 20.0), (TEMP, 60, 20.0), (TEMP, 130, 20.0)]) == [0, 60]
    silent = [(SPEED, 0, 0.0), *((TEMP, 60 * minute, 20.0) for minute in range(100))]
    assert starts(silent) == []
    assert starts([(SPEED, 0, 9.0), (SPEED, 60, 0.0, BAD), *silent[2:]]) == [60 * minute for minute in range(1, 98)]


def test_where_each_reading_is_a_window_those_of_the_spell_are_left_out():
    """From the reading that says that it rests to the one before that which says that it runs."""
    readings = [(SPEED, s, 9.0 if not 3 <= s < 6 else 0.0) for s in range(10)]
    both = [reading for pair in zip(readings, [(TEMP, s, 20.0) for s in range(10)], strict=True) for reading in pair]

    assert starts(both, window_s=0) == [0, 1, 2, 6, 7, 8, 9]


def test_a_slow_sensors_window_is_left_out_when_its_machine_has_rested_since():
    """It closes a quarter of an hour later, when the machine runs again."""
    readings = [(SPEED, 0, 9.0), (TEMP, 30, 20.0), (SPEED, 40, 0.0), (SPEED, 400, 9.0), (TEMP, 930, 20.0)]

    assert starts([*readings, (TEMP, 1830, 20.0)]) == [900]


def test_limits_rates_and_silence_are_looked_at_all_the_while():
    """A boiler that is off may still be too hot."""
    rule = {"limit": {"h": 85}, "rate": {"rise_max_per_s": 1}, "stale": {"after_s": 30}}
    readings = [(SPEED, 0, 0.0), (TEMP, 1, 20.0), (TEMP, 2, 90.0), (TEMP, 3, 90.0), (SPEED, 60, 0.0)]

    findings = outcome(settings_of(rule, running=BY_SPEED), readings, names=NAMES).findings

    assert {finding.rule for finding in findings if finding.active} == {"h", "rise", "silent"}


def test_a_machine_at_rest_is_no_flat_line():
    """The stretch begins anew when it runs; what was flat before it stopped stays so until it moves."""
    settings = settings_of({"flatline": {"after_s": 100}}, running=BY_SPEED)
    night = [reading for s in range(0, 1000, 10) for reading in ((SPEED, s, 9.0 * (s >= 600)), (TEMP, s, 20.0))]
    stuck = [reading for s in range(0, 1000, 10) for reading in ((SPEED, s, s % 20 + 9.0 * (s < 600)), (TEMP, s, 20.0))]

    resting = [one for one in told(outcome(settings, night, names=NAMES).findings) if one[0] == "flat"]
    raised = outcome(settings, [*stuck, (TEMP, 1000, 21.0)], names=NAMES).findings

    assert resting == [("flat", True, 600, 700), ("flat", True, 600, 700)]  # the speed, too
    assert told(raised) == [("flat", True, 0, 100), ("flat", False, 0, 1000)]


def test_nothing_changes_for_an_asset_whose_running_sensor_is_of_another():
    """A pattern of assets gives each of them a sensor of its own."""
    names = (("press", "temp"), ("mill", "speed"))
    config = settings_of(running=BY_SPEED)

    closed = feed(Samples(config), [rows_of(minutes(0, 0, 0))], names).closed

    assert closed["slot"].tolist() == [TEMP] * 4


def test_a_restart_in_the_middle_of_a_spell_changes_nothing():
    """The spell is in what is saved."""
    rows = rows_of(minutes(9, 9, 0, 0, 0, 9, 9, 9))
    config = settings_of(running={**BY_SPEED, "settle_s": 90})
    whole = feed(Samples(config), [rows], NAMES).closed
    for cut in range(1, len(rows)):
        first, rest = pieces(rows, [cut])
        samples = Samples(config)
        before = feed(samples, [first], NAMES).closed
        restored = Samples.restore(config, pickle.loads(pickle.dumps(samples.snapshot())))  # noqa: S301 - our own
        after = feed(restored, [rest], NAMES).closed
        assert np.concatenate([before, after]).tobytes() == whole.tobytes(), cut


def test_a_spell_is_forgotten_when_the_settings_no_longer_say_when_it_runs():
    """After a restart nobody could end it."""
    samples = Samples(settings_of(running=BY_SPEED))
    samples.read(block_of(rows_of([(SPEED, 0, 0.0)]), NAMES))

    restored = Samples.restore(settings_of(), samples.snapshot())

    assert not restored.snapshot()["machines"]["rests"].any()


def plant(settings: dict[str, Any]) -> Settings:
    """A rule for all, and what the settings say of their asset."""
    return Settings.model_validate(
        {
            "service": {"clock": "event"},
            "rules": [{"stale": False, "anomaly": {"false_alarms_per_week": 2, "per_sensor": True}}],
            "assets": [{"window_s": 60, **settings}],
        }
    )


def fortnight():
    """Two weeks of a machine that stops each night and has a fault: its readings, and the minute of the fault."""
    rng = np.random.default_rng(4)
    day, minute_of_day = np.divmod(np.arange(14 * 1440), 1440)
    minute = np.arange(len(day))
    runs = (minute_of_day > 360) & (minute_of_day < 1320 + rng.integers(-60, 60, 14)[day])
    speed = np.where(runs, 100 + rng.normal(0, 1, len(minute)), 0.0)
    warm = np.zeros(len(minute))
    for i in range(1, len(minute)):
        warm[i] = warm[i - 1] + ((60.0 if runs[i] else 20.0) - warm[i - 1]) / 20
    temp = warm + rng.normal(0, 0.3, len(minute))
    fault = 12 * 1440 + 900
    temp[fault : fault + 60] += 6.0
    return rows_of([one for m in minute for one in ((SPEED, 60 * m, speed[m]), (TEMP, 60 * m, temp[m]))]), fault


def alarms_of(settings, rows):
    """What a fresh key group raises of anomalies and drifts."""
    findings = Line(plant(settings)).read(block_of(rows, NAMES)).findings
    return [one for one in findings if one.kind in (Kind.ANOMALY, Kind.DRIFT) and one.active]


def test_stops_neither_alarm_nor_spoil_what_is_learned():
    """Stops alarm; with `running` what is told is what would be told if no stop had ever been read, and the fault."""
    rows, fault = fortnight()
    running = {"running": {"sensor": "speed", "min": 1, "settle_s": 7200}}
    closed = feed(Samples(plant(running)), [rows], NAMES).closed
    read = np.isin(2 * rows["ts"] + rows["series"], 2 * closed["start"] + closed["slot"])  # a window has one reading

    without, alarms = alarms_of({}, rows), alarms_of(running, rows)
    hits = [one for one in alarms if 0 <= (one.ts - T0) / 60_000 - fault < 70]
    said = [
        [(one.kind, one.sensor, one.onset_ts, one.ts, one.score) for one in some if one.sensor]
        for some in (alarms, alarms_of({}, rows[read]))
    ]

    assert len(without) >= len(hits) + 5
    assert said[0] == said[1] != []
    assert alarms == hits != []  # of the four false ones that are allowed none
