"""A restart under other settings: what can be kept is kept, what can't is told, and nobody gets a storm of alarms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from structlog.testing import capture_logs

from contracts.settings import Anomaly, AssetSettings, Flatline, Limit, Rule, Service, Settings, Stale
from dataflows.happenings import Happenings
from tests.fakes import fresh_recovery, message, run_flow

T0 = 1_700_000_000_000
ASSETS, SENSORS = 4, 3
SERVICE = Service(lanes=2, key_groups=4, clock="event")


def _settings(window_s=10.0, *, unit=None, anomaly=Anomaly(false_alarms_per_week=100), **rule):  # noqa: B008 - frozen
    rules = (Rule(unit=unit, anomaly=anomaly, stale=False, **rule),)
    return Settings(service=SERVICE, rules=rules, assets=(AssetSettings(window_s=window_s),))


def _noise(seconds, *, seed=1, level=50.0):
    """Quiet sensors at 1 Hz: nothing is wrong with any of them."""
    random = np.random.default_rng(seed)
    return [
        message(f"press-{asset}", f"s{sensor}", T0 + 1000 * second, round(float(level + random.normal()), 4))
        for second in range(seconds)
        for asset in range(ASSETS)
        for sensor in range(SENSORS)
    ]


def _restarted(tmp_path, before, after, messages, *, at, happenings=None):
    """What is told before and after a restart in the middle of a stream."""
    recovery = fresh_recovery(tmp_path / "store")
    first = run_flow(before, messages[:at], recovery=recovery, batch=3000)
    second = run_flow(after, messages, recovery=recovery, batch=3000, happenings=happenings)
    return first.alerts, second.alerts


def _told(records):
    return Counter((str(one.alert.kind), one.alert.rule, str(one.alert.transition)) for one in records)


@pytest.mark.parametrize("window_s", [1.0, 0.0])
def test_windows_of_another_length_start_learning_afresh_and_raise_nothing(tmp_path, window_s):
    """Means over a second vary three times as much as those over ten: to the old model all of them were anomalies."""
    messages = _noise(3000 + 1000)

    with capture_logs() as logs:
        _, after = _restarted(tmp_path, _settings(10.0), _settings(window_s), messages, at=3000 * ASSETS * SENSORS)

    assert _told(after) == {}
    told = [line for line in logs if line["event"] == "models restarted"]
    lengths = f"its windows are {window_s:g} s long, and were 10 s"
    assert {line["reason"] for line in told if line["sensor"] is not None} == {lengths}
    assert len(told) <= 2 * SERVICE.key_groups
    assert sum(1 + line["others"] for line in told if line["reason"] == lengths) == ASSETS * SENSORS


def test_unchanged_windows_go_on_learning(tmp_path):
    """A restart alone forgets nothing: what comes is judged at once."""
    messages = _noise(3000)
    fault = [message("press-1", "s1", T0 + 1000 * (3000 + second), 90.0 + second % 2) for second in range(60)]

    with capture_logs() as logs:
        _, after = _restarted(
            tmp_path,
            _settings(),
            _settings(anomaly=Anomaly(false_alarms_per_week=100, per_sensor=True)),
            messages + fault,
            at=len(messages),
        )

    assert [line for line in logs if line["event"] == "models restarted"] == []
    assert ("anomaly", "sensor", "raised") in _told(after)


HOT = [message("press-1", "s1", T0 + 1000 * second, 90.0) for second in range(60)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Limit(h=85), Limit(h=85), {}),
        (Limit(h=85), Limit(h=85, severity={"h": 100}), {}),
        (Limit(h=85), Limit(h=95), {("limit", "h", "cleared"): 1}),
        (Limit(h=85), Limit(h=80), {}),
        (Limit(h=95), Limit(h=85), {("limit", "h", "raised"): 1}),
        (Limit(h=85), Limit(l=10), {("limit", "h", "removed"): 1}),
        (Limit(h=85), False, {("limit", "h", "removed"): 1}),
    ],
)
def test_a_changed_limit_tells_each_alarm_once(tmp_path, before, after, told):
    """What stands goes on, what is no longer beyond is over, what isn't watched any more is removed."""
    settings = [_settings(anomaly=False, drift=False, limit=limit) for limit in (before, after)]

    _, after_restart = _restarted(tmp_path, *settings, HOT, at=30)

    assert _told(after_restart) == told


def test_a_delay_that_was_running_goes_on_with_the_new_length(tmp_path):
    """A value that has been beyond for 30 s is told at once when 20 s are enough, and with its true beginning."""
    settings = [_settings(anomaly=False, drift=False, limit=Limit(h=85, on_delay_s=delay_s)) for delay_s in (50, 20)]

    before, after = _restarted(tmp_path, *settings, HOT, at=30)

    assert before == []
    assert [(one.alert.onset_ts, one.alert.ts) for one in after] == [(T0, T0 + 30_000)]


def test_rules_that_are_switched_off_close_what_they_raised_and_new_ones_begin_quietly(tmp_path):
    """Flatline and silence: the alarm of the one is removed, the other needs its time first."""
    flat = [message("press-1", "s1", T0 + 1000 * second, 50.0) for second in range(120)]
    on = _settings(anomaly=False, drift=False, flatline=Flatline(after_s=30))
    off = _settings(anomaly=False, drift=False)

    again = tmp_path / "again"
    again.mkdir()
    before, after = _restarted(tmp_path, on, off, flat, at=60)
    _, later = _restarted(again, off, on, flat, at=60)

    assert _told(before) == {("flatline", "flat", "raised"): 1}
    assert _told(after) == {("flatline", "flat", "removed"): 1}
    assert _told(later) == {("flatline", "flat", "raised"): 1}


def test_a_sensor_with_another_name_is_a_new_sensor_and_the_old_one_ends(tmp_path):
    """Its limits hold from the first reading on; alarms of the old name are removed; nobody learned anything wrong."""

    def named(sensor):
        limited = Rule(sensor=sensor, limit=Limit(h=85), stale=Stale(after_s=3600))
        return Settings(
            service=SERVICE,
            rules=(limited, Rule(anomaly=Anomaly(false_alarms_per_week=100), stale=Stale(after_s=3600))),
            assets=(AssetSettings(window_s=1.0),),
        )

    random = np.random.default_rng(3)
    values = [round(float(90 + random.normal()), 3) for _ in range(1200)]
    messages = [
        message(f"press-{asset}", "temp" if second < 800 else "temperature", T0 + 1000 * second, value)
        for second, value in enumerate(values)
        for asset in range(ASSETS)
    ]

    happenings = Happenings()
    before, after = _restarted(
        tmp_path, named("temp"), named("temperature"), messages, at=800 * ASSETS, happenings=happenings
    )

    assert _told(before)["limit", "h", "raised"] == ASSETS
    assert _told(after) == {("limit", "h", "removed"): ASSETS, ("limit", "h", "raised"): ASSETS}
    assert {one.alert.sensor for one in after if str(one.alert.transition) == "raised"} == {"temperature"}
    assert happenings.registry.get_sample_value("andon_series") == 2 * ASSETS


def test_a_smaller_budget_and_another_severity_keep_what_was_learned(tmp_path):
    """How many false alarms are wanted is no part of what is normal."""
    messages = _noise(2500)

    with capture_logs() as logs:
        _, after = _restarted(
            tmp_path,
            _settings(),
            _settings(anomaly=Anomaly(false_alarms_per_week=0.5, severity=900)),
            messages,
            at=2000 * ASSETS * SENSORS,
        )

    assert _told(after) == {}
    assert [line for line in logs if line["event"] == "models restarted"] == []
