"""One model for all sensors of an asset: joined rows in, scores and shares out."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from contracts.settings import Anomaly
from detectors.asset_model import SHARES_MAX, AssetModel

MODEL = Anomaly(model="river.anomaly.OneClassSVM", per="asset")
MINUTE_MS = 60_000


def fed(model, table, *, first=0, learn=True):
    """Close the windows of all sensors minute by minute; the rows that were judged."""
    return [
        judged
        for minute, row in enumerate(table, first)
        for sensor, mean in enumerate(row)
        for judged in model.add(
            f"s{sensor}",
            start=minute * MINUTE_MS,
            end=(minute + 1) * MINUTE_MS,
            mean=None if np.isnan(mean) else float(mean),
            count=60,
            learn=learn,
        )
    ]


def quiet(count, *, sensors=3, seed=1):
    """Noise around another level for each sensor."""
    return np.random.default_rng(seed).normal(size=(count, sensors)) + 10 * np.arange(sensors)


def test_a_strange_row_scores_high_and_names_the_sensor():
    """The operator reads which sensor made the machine's behaviour strange."""
    model = AssetModel(MODEL)
    fed(model, quiet(500))

    (judged,) = fed(model, [[0.0, 40.0, 20.0]], first=500)

    assert judged.score is not None
    assert judged.score.z > 3
    assert judged.shares[0].sensor == "s1"
    assert judged.shares[0].share > 0.8


def test_shares_sum_to_one():
    """The parts of a finding are parts of a whole."""
    rows = fed(AssetModel(MODEL), quiet(200))

    for judged in rows:
        assert sum(share.share for share in judged.shares) == pytest.approx(1.0)


def test_sensors_that_are_all_as_ever_have_equal_shares():
    """Where nothing is off, nobody is blamed more than others."""
    rows = fed(AssetModel(MODEL), np.tile([1.0, 2.0, 4.0, 8.0], (20, 1)))

    assert [share.share for share in rows[-1].shares] == [0.25] * 4


def test_of_many_sensors_the_strangest_are_named():
    """A finding about a machine of hundreds of sensors stays readable."""
    model = AssetModel(MODEL)
    table = quiet(30, sensors=40)
    table[29, 35] += 100
    rows = fed(model, table)

    assert len(rows[-1].shares) == SHARES_MAX
    assert rows[-1].shares[0].sensor == "s35"
    assert sum(share.share for share in rows[-1].shares) == pytest.approx(1.0)


def test_rows_without_any_value_have_no_score():
    """Sensors that only send broken values are no reason to stop."""
    rows = fed(AssetModel(MODEL), np.full((5, 2), np.nan))

    assert [(judged.score, judged.shares) for judged in rows] == [(None, ())] * 5


@pytest.mark.parametrize("at", [1, 120, 300])
def test_a_saved_model_goes_on(at):
    """A restart changes no score and no share."""
    steady, broken = AssetModel(MODEL), AssetModel(MODEL)
    table = quiet(400)
    fed(steady, table[:at])
    fed(broken, table[:at])

    restored, afresh = AssetModel.restore(MODEL, pickle.loads(pickle.dumps(broken.snapshot())))  # noqa: S301

    assert afresh is None
    assert fed(restored, table[at:], first=at) == fed(steady, table[at:], first=at)


def test_another_model_starts_afresh_and_knows_the_sensors():
    """A changed model warms up again; which sensors there are is still known."""
    model = AssetModel(MODEL)
    fed(model, quiet(300))

    restored, afresh = AssetModel.restore(Anomaly(model="river.anomaly.LODA", per="asset"), model.snapshot())

    assert afresh == "the settings name another model"
    (judged,) = fed(restored, quiet(1), first=300)
    assert judged.score is None
    assert len(judged.shares) == 3
