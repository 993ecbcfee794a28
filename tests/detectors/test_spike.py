"""The spike channel: has the value jumped as it seldom does?"""

from __future__ import annotations

import numpy as np
import pytest

from contracts.commands import Verdict
from detectors import calibration, profile, spike
from detectors.windows import Windows
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, feedback_of, judged, noise, settings_of

PRESS = [("press", "temp")]
SELDOM = {"false_alarms_per_week": 0.5}


class Channel:
    """A spike channel with the profile that it goes by, a window a minute."""

    def __init__(self):
        self.state = np.zeros(1, spike.STATE)[0]
        spike.fresh(self.state)
        self.profile = np.zeros(1, profile.STATE)[0]
        self.n = 0
        self.before = 0.0

    def step(self, x):
        """K of the next value, which is learned."""
        b, elapsed_ms = profile.hour(self.n * MINUTE_MS), MINUTE_MS if self.n else profile.HOUR_MS
        d = x - self.before if self.n else 0.0
        k = spike.score(self.state, self.profile, b, x, d, self.n)
        spike.learn(self.state, self.profile, b, d, k, self.n, elapsed_ms)
        profile.learn(self.profile, b, x, elapsed_ms)
        self.before = x
        self.n += 1
        return k


def fed(values):
    """A channel that has learned these values, and its scores."""
    channel = Channel()
    return channel, [channel.step(value) for value in values]


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
        channel, scores = fed([*values, values[-1] + 12])
        surprises.append(calibration.surprise(channel.state["calibration"], scores[-1], calibration.TAIL_OF_K))

    assert surprises[0] > 4
    assert surprises[1] < 1


def test_the_first_ten_windows_have_no_score():
    """Ten values say nothing about what is usual."""
    _, scores = fed([20.0, 90.0, -50.0, 20.0, 30.0, 900.0, 1.0, 2.0, 3.0, 4.0, 900.0, 900.0, -900.0])

    assert scores[:11] == [0.0] * 11
    assert scores[-1] > 0


def test_at_night_a_smaller_jump_is_strange():
    """Where a day is lively and a night is quiet, each is judged by its own."""
    minutes = np.arange(5 * 1440)
    night = minutes // 60 % 24 < 6
    values = 20 + np.random.default_rng(7).normal(size=len(minutes)) * np.where(night, 0.1, 3.0)

    channel, _ = fed(values)  # it ends at midnight
    by_night = channel.step(channel.before + 3)
    by_day, _ = fed(values[: -12 * 60])
    at_noon = by_day.step(by_day.before + 3)

    assert by_night > 2.5 * at_noon


def test_a_channel_that_begins_under_a_known_day_goes_by_the_usual_jump():
    """A series that was judged by a River model until now has a profile, and no hour's jumps."""
    channel = Channel()
    channel.profile["c"] = 500
    channel.profile["visited"] = 24
    values = noise(seed=8, times=400)[:, 0]

    scores = [channel.step(value) for value in values]

    assert max(scores[30:]) < 5
    hours = channel.state["h"]
    assert (hours[hours >= 0] > 0.3).all()


def test_a_constant_has_no_jumps():
    """Nothing is divided by nothing."""
    channel, scores = fed([21.5] * 500)

    assert scores == [0.0] * 500
    assert channel.step(21.6) == 1000.0


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


def test_a_spike_ranks_too():
    """Who ranks hears of it by R, of which L_K is a part."""
    values = noise(seed=3, times=1200)[:, 0]
    values[1000] += 15

    findings = Windows(settings_of(anomaly={"policy": "ranked"})).judge(closed_of(values))

    raised = next(f for f in findings if f.active and f.onset_ts == START_MS + 1000 * MINUTE_MS)
    assert raised.evidence["found_by"] == "spike"
    assert raised.rank == pytest.approx((raised.score + np.log10(4)) / 4)


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
    """Three ways to an alarm, and this one for a quarter of what was asked for."""
    traces = []

    Windows(settings_of(anomaly=SELDOM), traces.append).judge(closed_of(noise(seed=6, times=1000)))

    rows = traces[0].rows
    by_spike = rows["surprise"] == rows["spike"]
    assert 0 < by_spike.sum() < len(rows)
    assert (rows["spike"] >= -np.log10(4)).all()
