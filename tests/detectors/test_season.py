"""The season family: is the value where it usually is at this hour?"""

from __future__ import annotations

import numpy as np
import pytest

from detectors import profile, season

HOUR_MS = 3_600_000
QUARTER_MS = 900_000
DAY = 96  # quarters


class Clock:
    """A season with its profile, fed a quarter of an hour at a time."""

    def __init__(self):
        self.season = np.zeros(1, season.STATE)[0]
        self.profile = np.zeros(1, profile.STATE)[0]
        self.n = 0

    def step(self, x, *, learning=True):
        """The score of the next quarter."""
        b = profile.hour(self.n * QUARTER_MS)
        z = season.score(self.season, self.profile, b, x, self.n, learning)
        if learning:
            profile.learn(self.profile, b, x, QUARTER_MS if self.n else HOUR_MS)
            season.learn(self.season, self.n)
            self.n += 1
        return z


def usual(n):
    """A swing of 6 with the day, and noise of 0.3."""
    return 20 + 6 * np.sin(2 * np.pi * n / DAY) + np.random.default_rng(n).normal(0, 0.3)


def after(days):
    """A clock that has seen these days."""
    clock = Clock()
    for n in range(days * DAY):
        clock.step(usual(n))
    return clock


def test_the_night_at_noon_is_strange():
    """A value that is usual twelve hours later is not usual now."""
    clock = after(10)

    at_its_hour = [clock.step(usual(n)) for n in range(10 * DAY, 10 * DAY + 24)]
    at_another = [clock.step(usual(n + DAY // 2)) for n in range(10 * DAY + 24, 10 * DAY + 30)]

    assert max(at_its_hour) < 4
    assert max(at_another) > 6


def test_a_new_hour_is_judged_by_the_mean_of_all():
    """On the first day no hour is known; the value is not strange because its hour is new."""
    clock = Clock()

    scores = [clock.step(20.0 + 0.01 * (n % 3)) for n in range(DAY)]

    assert max(scores[12:]) < 4


def test_a_value_is_judged_before_its_hour_learns_it():
    """A reading never helps to judge itself."""
    clock = after(3)
    b = profile.hour(clock.n * QUARTER_MS)
    before = float(clock.profile["mu"][b])

    clock.step(before + 30)

    rho = float(clock.season["judged"])
    assert rho > 9
    assert float(clock.profile["mu"][b]) > before


def test_windows_that_arent_learned_leave_no_trace():
    """An uncertain night is judged, and the morning goes on from the evening."""
    clock = after(5)
    kept = {name: clock.season[name].tobytes() for name in ("g", "rho", "tracker")}
    profiled = clock.profile.tobytes()

    wild = [clock.step(90.0, learning=False) for _ in range(6)]

    assert wild[-1] > 6
    assert {name: clock.season[name].tobytes() for name in kept} == kept
    assert clock.profile.tobytes() == profiled
    assert clock.step(usual(clock.n)) < 4


def test_it_goes_back_to_the_usual_residual():
    """Once a fault is known to be one, what is learned next doesn't go on from it."""
    clock = after(5)
    for _ in range(3):
        clock.step(60.0)

    season.go_back(clock.season)

    assert float(clock.season["rho"]) == pytest.approx(float(clock.season["tracker"]["m"]))


def test_a_day_without_a_swing_is_not_strange():
    """A value that is constant has no hours."""
    clock = Clock()

    assert [clock.step(20.0) for _ in range(3 * DAY)] == [0.0] * (3 * DAY)
