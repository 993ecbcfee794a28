"""Noise that can be drawn again, and is of the kind that it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.corpora.noise import CHANGES, KINDS, moving, quiet


@pytest.mark.parametrize("kind", list(KINDS))
def test_streams_are_the_same_each_time_and_differ_from_one_another(kind):
    """A table can be made again to the last digit."""
    one, other = quiet(kind, streams=2, rows=500)
    again, _ = quiet(kind, streams=2, rows=500)

    np.testing.assert_array_equal(one.values, again.values)
    assert not np.array_equal(one.values, other.values)
    assert one.name != other.name


@pytest.mark.parametrize(("kind", "rho"), [("normal", 0.0), ("autocorrelated, 0.5", 0.5), ("autocorrelated, 0.9", 0.9)])
def test_values_resemble_the_ones_before_as_the_name_says(kind, rho):
    """And have a spread of one, so that changes are in its units."""
    (stream,) = quiet(kind, streams=1, rows=50_000)
    values = stream.values[:, 0]

    assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(rho, abs=0.03)
    assert values.std() == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_level_moves_once_and_as_far_as_it_says(change):
    """Before it nothing moves, and after it the level stays."""
    streams = moving("normal", change, streams=40, at=500, after=2000)
    mean = np.mean([stream.values[:, 0] for stream in streams], axis=0)

    assert mean[:500].mean() == pytest.approx(0.0, abs=0.05)
    assert mean[500 + change.rows :].mean() == pytest.approx(change.sd, abs=0.05)
