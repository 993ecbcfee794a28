"""z-scores against an exponentially weighted mean, and the models of River that stand beside them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.contenders.ew import EwDifference, EwValue
from benchmarks.accuracy.contenders.pca import FrozenPca
from benchmarks.accuracy.contenders.river import AbsoluteDeviation
from benchmarks.accuracy.contenders.row_by_row import RowByRow
from benchmarks.accuracy.streams import Stream

NOISE = np.random.default_rng(7).normal(size=(600, 3))


def stream(values):
    """Three sensors at 1 Hz."""
    return Stream("a/b", "a", ("x", "y", "z"), np.arange(len(values)) * 1000, values)


@pytest.mark.parametrize("make", [EwValue, EwDifference, AbsoluteDeviation])
def test_a_jump_of_one_sensor_stands_out(make):
    """The plainest detectors find the plainest fault."""
    values = NOISE.copy()
    values[500:, 1] += 15.0

    scores = RowByRow("one of them", make).judge([stream(values)])["a/b"].scores

    assert int(np.argmax(scores[100:])) + 100 == 500


def test_they_never_stop_at_a_sensor_that_stands_still():
    """Constant values are no division by zero."""
    scores = RowByRow("z-score", EwValue).judge([stream(np.full((200, 3), 1e9))])["a/b"].scores

    assert scores.tolist() == [0.0] * 200


def test_frozen_components_see_what_only_the_sensors_together_show():
    """Each sensor stays in its range, and one goes against the others."""
    common = NOISE[:, :1] + 0.1 * NOISE
    broken = common.copy()
    broken[500:, 2] *= -1.0

    usual, strange = (FrozenPca(400).judge([stream(values)])["a/b"].active for values in (common, broken))

    assert usual[400:].mean() < 0.1
    assert not usual[:400].any()
    assert strange[500:].mean() > 0.6
