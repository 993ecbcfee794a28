"""The tracer: what was made of each window, for who replays a recording."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.trace import TRACE, Trace
from detectors.windows import Windows
from tests.detectors.closing import START_MS, closed_of, noise, settings_of


class Kept(list[Trace]):
    """A tracer that keeps what it is handed."""

    def __call__(self, trace: Trace) -> None:
        """Keep a block."""
        self.append(trace)

    @property
    def rows(self) -> np.ndarray:
        """All blocks in one."""
        return np.concatenate([trace.rows for trace in self])


def faulty(*, times: int = 700, at: int = 600) -> np.ndarray:
    """Noise whose level jumps by ten sigmas."""
    values = noise(seed=3, times=times)[:, 0]
    values[at:] += 10
    return values


def test_every_window_is_traced_with_its_scores_and_the_range_that_was_expected():
    """An engineer who replays a day sees each window, not only those that alarmed."""
    kept = Kept()
    settings = settings_of(anomaly={"false_alarms_per_week": 5.0})

    findings = Windows(settings, kept).judge(closed_of(faulty()))

    rows = kept.rows
    assert rows.dtype == TRACE
    assert len(rows) == 700
    assert rows["start"][0] == START_MS
    np.testing.assert_array_equal(rows["x"], faulty())
    inside = (rows["low"] < rows["x"]) & (rows["x"] < rows["high"])
    assert inside[500:600].mean() < 1.0  # the range is that of the smoothed value
    assert not inside[600:620].any()
    raised = next(finding for finding in findings if finding.active)
    (at,) = np.flatnonzero(rows["raised"])
    assert (rows["start"][at], rows["surprise"][at], rows["p"][at]) == (raised.onset_ts, raised.score, raised.rank)
    assert (rows["low"][at], rows["high"][at]) == raised.expected
    assert rows["surprise"][at] >= rows["threshold"][at]
    assert np.isfinite(rows["z"]).all()
    assert (rows["spike"] <= rows["surprise"]).all()
    assert not rows["active"][:at].any()
    assert rows["active"][at:].all()


def test_a_tracer_changes_nothing():
    """What is found in a replay with a tracer is what the plant would have been told."""
    settings = settings_of(anomaly={"policy": "ranked"})
    plain, traced = Windows(settings), Windows(settings, Kept())

    assert traced.judge(closed_of(faulty())) == plain.judge(closed_of(faulty()))
    assert traced.snapshot()["states"].tobytes() == plain.snapshot()["states"].tobytes()


def test_windows_that_are_no_number_are_not_traced_and_unlearned_ones_say_so():
    """The trace has a record for each window that was judged."""
    kept = Kept()
    values = faulty()
    values[::7] = np.nan
    learn = np.ones(len(values))
    learn[50:60] = 0

    Windows(settings_of(), kept).judge(closed_of(values, learn=learn))

    rows = kept.rows
    assert len(rows) == 600
    assert np.isfinite(rows["x"]).all()
    assert (rows["learned"] == 0).sum() == np.isfinite(values[50:60]).sum()


def test_names_say_whose_a_record_is():
    """Two sensors in one block are told apart."""
    kept = Kept()
    names = [("press", "temp"), ("pump", "flow")]

    Windows(settings_of(), kept).judge(closed_of(noise(seed=1, times=20, series=2), names=names))

    (trace,) = kept
    assert [trace.names[slot] for slot in trace.rows["slot"][:4]] == names * 2


@pytest.mark.parametrize("per", ["series", "asset"])
def test_a_model_has_a_score_and_no_expected_range(per):
    """A River model's own score stands where the level's z does."""
    kept = Kept()
    trees = {
        "model": "river.anomaly.HalfSpaceTrees",
        "params": {"n_trees": 2, "window_size": 50, "seed": 1},
        "per": per,
    }
    table = noise(seed=1, times=300, series=2)

    Windows(settings_of(anomaly=trees), kept).judge(closed_of(table, names=[("press", "temp"), ("press", "flow")]))

    rows = kept.rows
    sensors = np.array([kept[0].names[slot][1] for slot in rows["slot"]])
    model = rows[sensors == None] if per == "asset" else rows  # noqa: E711 - element by element
    assert np.isnan(model["low"]).all()
    assert np.isnan(model["x"]).all() == (per == "asset")
    assert np.isfinite(model["z"][-1, 0])
    assert np.isnan(model["surprise"][0])
