"""Drift: a level that moved and stayed."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import drift
from tests.detectors.closing import noise

MINUTE_MS = 60_000


def started():
    """A detector whose three days have passed."""
    state = np.zeros(1, drift.STATE)[0]
    drift.ready(state, drift.WAIT_MS, False)
    return state


def fed(state, values, *, first=0):
    """Position and verdict of what wasn't quiet."""
    out = []
    for i, r in enumerate(values, first):
        verdict = drift.step(state, r, (i + 1) * MINUTE_MS)
        if verdict != drift.QUIET:
            out.append((i, verdict))
    return out


@pytest.mark.parametrize(
    ("autocorrelation", "step", "within"),
    [(0.0, 1.0, 60), (0.0, -1.0, 60), (0.0, 2.0, 25), (0.5, 1.0, 200), (0.5, 2.0, 90)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_step_is_found(seed, autocorrelation, step, within):
    """A level that moves by one or two sigmas and stays is told within the hour or so."""
    values = noise(seed=seed, times=1500, autocorrelation=autocorrelation)[:, 0]
    values[1000:] += step

    (found, verdict), *_ = fed(started(), values)

    assert verdict == drift.DRIFTED
    assert 1000 <= found < 1000 + within


def test_a_ramp_is_found():
    """A filter that clogs slowly is told too."""
    values = noise(seed=1, times=2500)[:, 0]
    values[1000:] += np.arange(1500) / 500

    (found, verdict), *_ = fed(started(), values)

    assert verdict == drift.DRIFTED
    assert 1000 < found < 1600


@pytest.mark.parametrize("autocorrelation", [0.0, 0.5, 0.9])
def test_noise_is_no_drift(autocorrelation):
    """A level that stays is quiet: at most one false drift in 50,000 windows."""
    table = noise(seed=4, times=10_000, series=10, autocorrelation=autocorrelation)

    false = sum(len(fed(started(), table[:, column])) for column in range(10))

    assert false <= 2


def test_the_move_is_dated_to_where_it_began():
    """The operator reads when it moved, not only when that was certain."""
    state = started()
    values = noise(seed=5, times=1500)[:, 0]
    values[1000:] += 1.5

    fed(state, values[:1100])

    assert int(state["onset"]) == pytest.approx(1000 * MINUTE_MS, abs=20 * MINUTE_MS)
    assert state["active"] == 1


def test_it_ends_when_the_new_level_is_learned():
    """500 windows after the drift the new level is the reference, and the drift is over."""
    state = started()
    values = noise(seed=5, times=3000)[:, 0]
    values[1000:] += 3

    (found, drifted), *rest = fed(state, values)

    assert drifted == drift.DRIFTED
    assert rest == [(found + drift.REFERENCE, drift.LEARNED)]
    assert state["active"] == 0
    assert float(state["m"]) == pytest.approx(23, abs=0.3)


def test_a_step_back_is_a_drift_again():
    """After the new level is learned, the old one is the strange one."""
    values = noise(seed=6, times=4000)[:, 0]
    values[1000:2500] += 3

    verdicts = [verdict for _, verdict in fed(started(), values)]

    assert verdicts == [drift.DRIFTED, drift.LEARNED, drift.DRIFTED, drift.LEARNED]


def test_in_the_first_three_days_nothing_is_detected():
    """The flank of a first day isn't a drift: nobody knows yet that it comes every day."""
    state = np.zeros(1, drift.STATE)[0]
    values = noise(seed=7, times=3000)[:, 0]
    values[1000:] += 5
    found = []
    for i, r in enumerate(values):
        drift.ready(state, i * MINUTE_MS, False)
        if drift.step(state, r, (i + 1) * MINUTE_MS) != drift.QUIET:
            found.append(i)

    assert found == []


def test_the_reference_starts_anew_when_the_daily_course_is_known():
    """Values with and without their daily course aren't compared."""
    state = started()
    fed(state, noise(seed=8, times=700)[:, 0])

    drift.ready(state, drift.WAIT_MS, True)
    again = int(state["count"])
    drift.ready(state, drift.WAIT_MS, True)
    fed(state, noise(seed=8, times=1)[:, 0])

    assert again == 0
    assert int(state["count"]) == 1


def test_a_constant_that_moves_has_drifted():
    """A variance of zero divides nothing by zero, and the first real move counts."""
    assert fed(started(), [20.0] * 600 + [20.1] * 10) == [(605, drift.DRIFTED)]
    assert fed(started(), [20.0] * 5000) == []
