"""The group monitor against its formulas, written down once more in plain numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import asset_row, group

IN, OUT, KEPT = 2 / 6, 2 / 13, 1 - 1 / 3000


def plant(*, times=1500, sensors=5, seed=1):
    """Sensors that follow two causes; the first is stuck from 900 to 960, and from 1100 on all move elsewhere."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(times, 2))
    for row in range(1, times):
        causes[row] = 0.7 * causes[row - 1] + 0.7 * causes[row]
    values = causes @ rng.normal(size=(2, sensors)) + 0.2 * rng.normal(size=(times, sensors)) + 50
    values[900:960, 0] += 6
    values[1100:] += 8 * rng.normal(size=sensors)
    return values


class Monitor:
    """The kernel, fed row by row."""

    def __init__(self, sensors):
        self.state = np.zeros(1, group.STATE)[0]
        group.fresh(self.state)
        self.floats = np.zeros(group.room(sensors))
        self.members = np.zeros(max(16, sensors), asset_row.MEMBER)
        self.members["present"][:sensors] = 1
        self.slots = np.arange(sensors, dtype=np.int32)

    def see(self, x, *, learn=True):
        """L of the three statistics, and whether it is in alarm."""
        self.members["x"][: len(x)] = x
        state = self.state
        group.judge(state, self.floats, self.members, self.slots, learn)
        surprises = [float(state[f"surprise_{name}"]) for name in "tqh"]
        told = (*surprises, bool(state["alarm"]))
        if learn:
            group.learn(state, self.floats, self.members, self.slots)
        return told


class Tail:
    """L by block maxima."""

    def __init__(self):
        self.u, self.e, self.w, self.c, self.ce = 9 + math.log(0.5), 0.3, 0.3, 10.0, 10.0

    def surprise(self, s):
        """L of a score."""
        if s > self.u:
            return math.log10(5) + (s - self.u) / (self.e * math.log(10))
        return math.log10(5) * s / self.u

    def learn(self, y):
        """A block has ended."""
        self.c += 1
        a = max(1 / 200, 1 / self.c)
        self.w += a * (min(abs(y - self.u), 3 * self.w + 0.3) - self.w)
        if y > self.u:
            self.ce += 1
            self.e = max(0.05, self.e + max(1 / 40, 1 / self.ce) * (y - self.u - self.e))
            self.u += 1.6 * a * self.w
        else:
            self.u -= 0.4 * a * self.w


class Reference:
    """The same, from whole arrays where that is possible."""

    def __init__(self):
        self.tails = (Tail(), Tail(), Tail())
        self.rows, self.smoothed = [], []  # of the candidate
        self.smooth = None
        self.model = None
        self.alarm, self.since_axes, self.block, self.cur = False, 0, 0, [0.0] * 3

    def see(self, x):
        """One row."""
        self.smooth = x if self.smooth is None else self.smooth + IN * (x - self.smooth)
        told, was = (0.0, 0.0, 0.0, False), self.alarm
        if self.model:
            told = self.judge(x)
            if self.alarm:
                if not was:
                    self.rows, self.smoothed = [], []
            else:
                self.learn(was=was)
        if self.model is None or self.alarm:
            self.rows.append(x)
            self.smoothed.append(self.smooth)
            if len(self.rows) == (group.REGIME if self.alarm else group.WARMUP):
                self.take_over()
        return told

    def judge(self, x):
        """By what was learned of the rows before."""
        self.y = self.y + IN * (np.clip((x - self.mean) / self.sd, -7, 7) - self.y)
        self.d = self.y - self.c
        w, v = self.model
        along = v.T @ self.d
        self.t += OUT * (along**2 / w).sum() - OUT * self.t
        self.q += OUT * (self.d @ self.d - along @ along) - OUT * self.q
        off = self.d - v @ along
        self.h += OUT * (off**2 / self.own).max() - OUT * self.h
        ratios = [part / limit for part, limit in zip((self.t, self.q, self.h), self.limits, strict=True)]
        scores = [max(0.0, 9 + math.log(ratio + 1e-12)) for ratio in ratios]
        surprises = [tail.surprise(score) for tail, score in zip(self.tails, scores, strict=True)]
        self.alarm = max(surprises) >= 1.7 and (self.alarm or max(ratios) > 1)
        self.cur = [max(pair) for pair in zip(self.cur, scores, strict=True)]
        return (*surprises, self.alarm)

    def learn(self, *, was):
        """What isn't in alarm."""
        self.c = self.c + self.d / 3000
        self.covariance = KEPT * (self.covariance + np.outer(self.d, self.d) / 3000)
        self.since_axes += 1
        if self.since_axes == 50:
            self.take_axes()
        self.block += 1
        if self.block >= 50 or was:
            for tail, y in zip(self.tails, self.cur, strict=True):
                tail.learn(y)
            self.block, self.cur = 0, [0.0] * 3

    def take_axes(self):
        """Eigenvectors; returns the variance of those that aren't looked at."""
        values, vectors = np.linalg.eigh(self.covariance)
        values, vectors = values[::-1], vectors[:, ::-1]
        k = min(int(np.searchsorted(np.cumsum(values), 0.9 * values.sum())) + 1, len(values) - 1)
        self.model = (np.maximum(values[:k], 1e-3 * values.sum() / len(values)), vectors[:, :k])
        usual = np.diag(self.covariance)
        self.own = np.maximum(usual - vectors[:, :k] ** 2 @ values[:k], 1e-3 * usual)
        self.since_axes = 0
        return values[k:].sum()

    def take_over(self):
        """The candidate is what is usual now."""
        rows, smoothed = np.array(self.rows), np.array(self.smoothed)[20:]
        self.mean, self.sd = rows.mean(0), rows.std(0) + 1e-9 + 1e-6 * abs(rows.mean(0))
        usual = (smoothed - self.mean) / self.sd
        self.c, self.covariance = usual.mean(0), np.cov(usual.T, bias=True)
        self.y = np.clip((self.smooth - self.mean) / self.sd, -7, 7)
        others = self.take_axes()
        self.limits = (5.5 * len(self.model[0]), 5.5 * others, 4 * math.log(len(self.c)) + 2)
        self.t, self.q, self.h = (0.2 * limit for limit in self.limits)
        self.block = 49 if self.alarm else self.block
        self.alarm, self.rows, self.smoothed = False, [], []


@pytest.mark.parametrize("sensors", [2, 5, 9])
def test_it_does_what_its_formulas_say(sensors):
    """Warm-up, alarms, learning, and the regime that is taken over: all as documented."""
    monitor, reference = Monitor(sensors), Reference()
    values = plant(sensors=sensors, times=2000)

    told = np.array([monitor.see(x) for x in values])
    expected = np.array([reference.see(x) for x in values])

    np.testing.assert_allclose(told, expected, atol=1e-7)
    assert 0 < told[:, 3].mean() < 0.6
    assert not told[-1, 3]


def test_a_sensor_that_leaves_the_others_is_found_at_values_that_are_usual():
    """No limit on the sensor itself would have shown it."""
    values = plant(times=900)
    values[800:, 0] = 100 - values[800:, 0]
    monitor = Monitor(5)

    alarms = np.array([monitor.see(x)[3] for x in values])

    assert not alarms[:800].any()
    assert alarms[800:].any()


def test_a_row_that_is_not_to_be_learned_leaves_no_trace():
    """Uncertain rows are judged, and forgotten."""
    steady, disturbed = Monitor(5), Monitor(5)
    values = plant(times=900)
    for row, x in enumerate(values):
        steady.see(x)
        disturbed.see(x)
        if row % 10 == 0:
            disturbed.see(x + 5, learn=False)

    assert (steady.state["of_q"], steady.state["n"]) == (disturbed.state["of_q"], disturbed.state["n"])
    np.testing.assert_array_equal(
        steady.floats.reshape(-1, 5)[[0, 1, 2, 4, 6, 7, 13]], disturbed.floats.reshape(-1, 5)[[0, 1, 2, 4, 6, 7, 13]]
    )


def test_the_shares_name_the_sensor_that_is_off():
    """Who goes to the machine looks at the right place first."""
    monitor = Monitor(5)
    for x in plant(times=800):
        monitor.see(x)
    out = np.zeros(group.SENSORS_MAX, np.float32)

    for x in plant(times=830)[800:]:
        monitor.see(x + np.array([0, 0, 0, 5, 0]))
    group.shares(monitor.state, monitor.floats, 5, out)

    assert int(out.argmax()) == 3
    assert out.sum() == pytest.approx(1.0, abs=1e-5)


def test_sensors_that_never_move_are_no_trouble():
    """A constant has no spread to be divided by."""
    values = plant(times=900)
    values[:, 1] = 3.0
    monitor = Monitor(5)

    told = np.array([monitor.see(x) for x in values])

    assert np.isfinite(told).all()
    assert np.isfinite(monitor.floats).all()


def test_a_monitor_that_gets_room_for_more_sensors_goes_on_as_it_was():
    """Another sensor on the machine is no reason to forget the others."""
    monitor = Monitor(5)
    values = plant(times=700)
    for x in values[:600]:
        monitor.see(x)
    larger = Monitor(7)
    larger.state, larger.floats = monitor.state.copy(), group.moved(monitor.floats, 5, 7)
    larger.members["present"][5:7] = 0

    for x in values[600:]:
        assert larger.see(np.append(x, [0.0, 0.0])) == monitor.see(x)


def test_one_faulty_sensor_of_fifty_is_found():
    """It has a fiftieth of the say in T2 and SPE, and stands out from where the others put it."""
    values = plant(times=900, sensors=50)
    values[850:, 7] += 1.5
    monitor = Monitor(50)

    told = np.array([monitor.see(x) for x in values])

    assert told[870:, 2].max() > 3
    assert told[870:, :2].max() < told[870:, 2].max()
    assert not told[500:850, 3].any()


def test_a_sensor_that_is_gone_has_no_part_in_it():
    """Nobody is sent to a sensor that isn't there."""
    monitor = Monitor(5)
    for x in plant(times=800):
        monitor.see(x)
    monitor.members["present"][1] = 0
    out = np.zeros(group.SENSORS_MAX, np.float32)

    monitor.see(plant(times=801)[800] + np.array([0, 0, 0, 5, 0]))
    group.shares(monitor.state, monitor.floats, 5, out)

    assert out[1] == 0
    assert out.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_group_of_before_there_was_h_goes_on_with_what_it_knew():
    """T2 and SPE are what they were, and H begins afresh."""
    monitor, values = Monitor(5), plant(times=700)
    for x in values[:600]:
        monitor.see(x)
    p, old = 5, np.zeros(group.room_before(5))
    old[: 12 * p], old[12 * p :] = monitor.floats[: 12 * p], monitor.floats[14 * p :]

    again = Monitor(5)
    again.state = monitor.state.copy()
    again.state["of_h"] = np.zeros((), group.STATE["of_h"])
    again.floats = group.retold(again.state, old, p)
    told = np.array([(again.see(x), monitor.see(x)) for x in values[600:640]])

    np.testing.assert_allclose(told[:, 0, :2], told[:, 1, :2], rtol=0.2)
    assert np.isfinite(told).all()
