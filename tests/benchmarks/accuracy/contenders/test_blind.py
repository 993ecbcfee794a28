"""Contenders that look at nothing."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.contenders.blind import Always, Chance, Clock
from benchmarks.accuracy.streams import Stream


def stream(values, name="a/b"):
    """One sensor, a row a minute."""
    return Stream(name, "a", ("x",), np.arange(len(values)) * 60_000, np.array(values, dtype=float)[:, None])


def test_they_say_the_same_whatever_the_data():
    """A figure that can be had without looking is worth nothing."""
    quiet, wild = stream([0.0] * 500), stream(np.arange(500.0) ** 2)

    for contender in (Clock(100), Chance(), Always()):
        calm, storm = contender.judge([quiet])["a/b"], contender.judge([wild])["a/b"]

        np.testing.assert_array_equal(calm.scores, storm.scores)


def test_the_clock_rings_at_its_hours():
    """Every hundredth row, and none before the first hundred are over."""
    alarms = Clock(100).judge([stream([0.0] * 350)])["a/b"].alarms

    assert np.flatnonzero(alarms).tolist() == [99, 199, 299]


def test_dice_are_others_for_each_stream():
    """Luck on one stream is no luck on the next."""
    judged = Chance().judge([stream([0.0] * 50), stream([0.0] * 50, "a/c")])

    assert (judged["a/b"].scores != judged["a/c"].scores).all()
