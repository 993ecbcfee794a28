"""The spike channel: has the value jumped as it seldom does?"""

from __future__ import annotations

import numpy as np
import pytest

from contracts.commands import Verdict
from detectors import calibration, spike
from detectors.windows import Windows
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, feedback_of, judged, noise, settings_of

PRESS = [("press", "temp")]
SELDOM = {"false_alarms_per_week": 0.5}


def fresh():
    """A channel that has seen nothing."""
    state = np.zeros(1, spike.STATE)[0]
    spike.fresh(state)
    return state


def fed(values):
    """A channel that has learned the differences of these values, and its scores."""
    state, scores = fresh(), []
    for n, d in enumerate(np.diff(values, prepend=values[0])):
        scores.append(spike.score(state, d, n))
        spike.learn(state, d, scores[-1], n)
    return state, scores


def test_a_jump_is_strange_in_the_window_in_which_it_comes():
    """A sensor that jumps is told at once, whether it stays there or comes back."""
    values = noise(seed=1, times=1000)[:, 0]
    values[900:] += 12

    _, scores = fed(values)

    assert max(scores[500:900]) < 4
    assert scores[900] > 6
    assert scores[901] < 4


def test_the_same_rise_in_an_hour_is_no_spike():
    """What comes slowly is another family's business."""
    values = noise(seed=1, times=1000)[:, 0]
    values[900:] += np.minimum(np.arange(100) / 5, 12)

    _, scores = fed(values)

    assert max(scores[900:]) < 4


def test_a_series_that_often_jumps_must_jump_further():
    """A tank that fills by pulses isn't an alarm each time."""
    calm, pulsed = noise(seed=2, times=3000)[:, 0], noise(seed=2, times=3000)[:, 0]
    pulsed[::70] += 12

    surprises = []
    for values in (calm, pulsed):
        state, scores = fed([*values, values[-1] + 12])
        surprises.append(calibration.surprise(state["calibration"], scores[-1]))

    assert surprises[0] > 4
    assert surprises[1] < 1


def test_the_first_ten_windows_have_no_score():
    """Ten values say nothing about what is usual."""
    _, scores = fed([20.0, 90.0, -50.0, 20.0, 30.0, 900.0, 1.0, 2.0, 3.0, 4.0])

    assert scores == [0.0] * 10


def test_one_window_far_off_is_an_anomaly_that_says_so():
    """The spike that six windows of smoothing would hide is an alarm, with the channel's own score."""
    values = noise(seed=3, times=1200)[:, 0]
    values[1000] += 15

    raised, ended = judged(settings_of(anomaly=SELDOM, drift=False), closed_of(values))

    assert raised.onset_ts == START_MS + 1000 * MINUTE_MS
    assert raised.evidence["found_by"] == ended.evidence["found_by"] == "spike"
    assert raised.evidence["z"] > 8
    assert raised.score >= raised.evidence["threshold"]
    assert ended.evidence["ended_by"] == "calm"


def test_a_rank_knows_of_no_spikes():
    """Who ranks asks for what is strange on the whole; a single spike is diluted as it is documented."""
    values = noise(seed=3, times=1200)[:, 0]
    values[1000] += 15
    on_a_budget, ranked = Windows(settings_of(anomaly=SELDOM)), Windows(settings_of(anomaly={"policy": "ranked"}))

    budgeted = [finding for finding in on_a_budget.judge(closed_of(values)) if finding.active]
    by_rank = [finding for finding in ranked.judge(closed_of(values)) if finding.active]

    assert "spike" in {finding.evidence["found_by"] for finding in budgeted}
    assert "spike" not in {finding.evidence["found_by"] for finding in by_rank}


def test_windows_that_arent_learned_are_judged_and_leave_no_trace():
    """An uncertain spike alarms; the series expects none because of it."""
    windows = Windows(settings_of(anomaly=SELDOM))
    windows.judge(closed_of(noise(seed=4, times=1000)))
    before = windows.snapshot()["states"]["spike"].tobytes()

    findings = windows.judge(closed_of([40.0], first=1000, learn=[0]))

    assert [finding.evidence["found_by"] for finding in findings] == ["spike"]
    assert windows.snapshot()["states"]["spike"].tobytes() == before


def test_a_jump_that_is_known_to_be_a_fault_is_not_taken_for_usual():
    """A person's word keeps the fault's jump out of what the series is expected to do."""
    windows = Windows(settings_of(anomaly=SELDOM))
    values = noise(seed=5, times=1005)[:, 0]
    values[1001:] += 30
    raised = [f for f in windows.judge(closed_of(values, names=PRESS)) if f.active]

    assert windows.feedback(feedback_of(Verdict.TRUE_ALARM, *PRESS[0], raised[-1].onset_ts)) is None

    assert float(windows.snapshot()["states"]["spike"]["cur"][0]) == pytest.approx(0.0)


def test_the_budget_is_shared_with_the_families():
    """Two ways to an alarm, each for half of what was asked for; a River model is one and has it all."""
    settings = {"model": "river.anomaly.HalfSpaceTrees", "params": {"n_trees": 2, "window_size": 20, "seed": 1}}
    thresholds = []
    for anomaly in (SELDOM, {**SELDOM, **settings}):
        traces = []
        Windows(settings_of(anomaly=anomaly), traces.append).judge(closed_of(noise(seed=6, times=300)))
        thresholds.append(float(traces[-1].rows["threshold"][-1]))

    assert thresholds[0] - thresholds[1] == pytest.approx(np.log10(2))
