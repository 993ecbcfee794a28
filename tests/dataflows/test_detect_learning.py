"""What people say of learning, through the whole flow: out of service, and feedback on anomalies."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.alerts import Transition
from contracts.settings import Settings
from dataflows.happenings import Happenings
from tests.fakes import Said, message, run_flow

T0 = 1_700_000_040_000
MINUTE_MS = 60_000
ONSET = 400
SETTINGS = Settings.model_validate(
    {
        "service": {"clock": "event", "lanes": 1, "key_groups": 2},
        "rules": [{"anomaly": {"false_alarms_per_week": 60.0}, "drift": False, "stale": False}],
        "assets": [{"window_s": 0}],
    }
)


def readings(count):
    """A reading a minute of a press; from ONSET on it is off by eight sigmas."""
    values = np.random.default_rng(1).normal(20.0, 1.0, count)
    values[ONSET:] += 8.0
    return [message("press", "temp", T0 + MINUTE_MS * i, float(value)) for i, value in enumerate(values)]


def raised_after(onset):
    """The id of the anomaly that begins in or after this window."""
    alerts = [record.alert for record in run_flow(SETTINGS, readings(ONSET + 20)).alerts]
    return next(
        alert.alert_id
        for alert in alerts
        if alert.transition is Transition.RAISED and alert.onset_ts >= T0 + MINUTE_MS * onset
    )


def feedback(alert_id, verdict):
    """As a person sends it."""
    return {"command": "feedback", "asset": "press", "alert_id": alert_id, "verdict": verdict, "by": "maria"}


def test_an_alarm_that_was_called_false_leaves_a_higher_threshold():
    """What feedback has done can be asked for."""
    happenings = Happenings()
    said = Said(ONSET + 20, feedback(raised_after(ONSET), "false_alarm"))

    result = run_flow(SETTINGS, readings(ONSET + 21), commands=[said], happenings=happenings)

    assert result.rejects == []
    (adjusted,) = happenings.adjusted()
    assert (adjusted.asset, adjusted.sensor) == ("press", "temp")
    assert adjusted.raised_by == pytest.approx(0.3, abs=0.001)


def test_an_alarm_that_was_called_true_stands_as_long_as_its_fault():
    """Ten hours of it: without that word, it would have been the new normal after eight."""
    happenings = Happenings()
    alert_id = raised_after(ONSET)
    said = Said(ONSET + 20, feedback(alert_id, "true_alarm"))

    result = run_flow(SETTINGS, readings(ONSET + 620), commands=[said], happenings=happenings)

    assert [r.alert.transition for r in result.alerts if r.alert.alert_id == alert_id] == [Transition.RAISED]
    assert [(one.sensor, one.confirmed) for one in happenings.paused()] == [("temp", True)]


def test_feedback_on_an_alarm_that_nobody_knows_is_a_dead_letter():
    """The refusal says what can be spoken of."""
    said = Said(ONSET, feedback("0" * 32, "false_alarm"))

    (reject,) = run_flow(SETTINGS, readings(ONSET + 20), commands=[said]).rejects

    assert "isn't the newest anomaly of any sensor of press" in reject.detail


def test_a_sensor_out_of_service_is_not_learned_and_a_wrong_name_is_refused():
    """The command passes learning before it reaches the alarms; what can't be meant reaches neither."""
    happenings = Happenings()
    out = {"command": "out_of_service", "asset": "press", "by": "maria"}

    result = run_flow(
        SETTINGS,
        readings(40),
        commands=[Said(20, {**out, "sensor": "tmp"}), Said(30, {**out, "sensor": "temp"})],
        happenings=happenings,
    )

    assert [reject.detail for reject in result.rejects] == ["asset press has no sensor 'tmp': it has temp"]
    assert [(one.asset, one.sensor, one.confirmed) for one in happenings.paused()] == [("press", "temp", False)]
    assert {record.key for record in result.states} == {"press/temp/*/*/hold"}
