"""River's anomaly models as detectors: which are accepted, how they score, how they are saved."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from contracts.errors import ConfigError
from contracts.settings import Anomaly
from detectors.river_model import RiverModel, make_model

LODA = "river.anomaly.LODA"
TREES = "river.anomaly.HalfSpaceTrees"
SMALL_TREES = {"n_trees": 5, "height": 5, "window_size": 50}


def rows(count, *, seed=1):
    """Quiet rows of two sensors."""
    table = np.random.default_rng(seed).normal(size=(count, 2))
    return [{"temp": float(temp), "speed": float(speed)} for temp, speed in table]


def scores(model, given):
    """Each row's score, learned after it."""
    return [model.score_then_learn(row, learn=True) for row in given]


@pytest.mark.parametrize("name", ["HalfSpaceTrees", "LODA", "LocalOutlierFactor", "OneClassSVM"])
def test_rivers_anomaly_models_are_accepted(name):
    """Every model of River that learns without labels can be named."""
    assert type(make_model(Anomaly(model=f"river.anomaly.{name}"))).__name__ == name


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("river.anomaly.Nope", "`river.anomaly.Nope` isn't in River."),
        ("river.nowhere.Nope", "`river.nowhere.Nope` isn't in River."),
        ("river.linear_model.LinearRegression", "isn't an anomaly model that learns without labels."),
        ("river.anomaly.GaussianScorer", "isn't an anomaly model that learns without labels."),
        ("river.anomaly.QuantileFilter", "isn't an anomaly model that learns without labels."),
        ("river.anomaly.base", "`river.anomaly.base` isn't in River."),
    ],
)
def test_a_name_that_is_no_anomaly_model_is_a_mistake_with_its_place(model, fault):
    """`andon check` says which key is wrong and what would be right."""
    with pytest.raises(ConfigError) as caught:
        make_model(Anomaly(model=model), key="rules[2].anomaly", source="andon.toml")

    (problem,) = caught.value.problems
    assert problem.key == "rules[2].anomaly.model"
    assert fault in problem.fault
    assert "river.anomaly.HalfSpaceTrees" in problem.remedy
    assert str(caught.value).startswith("andon.toml: 1 mistake")


@pytest.mark.parametrize(
    ("params", "fault", "remedy"),
    [
        ({"trees": 3}, "HalfSpaceTrees has no 'trees'.", "It takes n_trees, height, window_size, limits, seed."),
        ({"n_trees": "many"}, "HalfSpaceTrees can't work with them", "River's documentation"),
    ],
)
def test_parameters_that_the_model_cant_use_are_a_mistake(params, fault, remedy):
    """A wrong parameter is told at the check, not in the first window."""
    with pytest.raises(ConfigError) as caught:
        make_model(Anomaly(model=TREES, params=params))

    (problem,) = caught.value.problems
    assert problem.key == "anomaly.params"
    assert fault in problem.fault
    assert remedy in problem.remedy


@pytest.mark.parametrize("model", [LODA, TREES])
def test_the_same_rows_give_the_same_scores(model):
    """Models with randomness get a fixed seed: a replay raises the same alarms."""
    settings = Anomaly(model=model)

    first, second = (scores(RiverModel(settings), rows(400)) for _ in range(2))

    assert first == second
    assert first[-1] is not None


def test_a_seed_in_the_settings_is_kept():
    """Who gives a seed gets that one."""
    assert make_model(Anomaly(model=LODA, params={"seed": 42})).seed == 42


@pytest.mark.parametrize("scale", ["minmax", "standard", "none"])
def test_a_strange_row_scores_high(scale):
    """A row far from all others stands out, however the inputs are scaled."""
    model = RiverModel(Anomaly(model=LODA, scale=scale))
    quiet = [score.z for score in scores(model, rows(600)) if score is not None]

    strange = model.score_then_learn({"temp": 30.0, "speed": -30.0}, learn=True)

    assert strange is not None
    assert strange.z > np.quantile(quiet, 0.99)
    assert strange.z > 3
    assert min(quiet) == 0.0


def test_a_model_that_has_not_begun_has_no_score():
    """While HalfSpaceTrees fills its first window, and a while after, nothing is judged."""
    model = RiverModel(Anomaly(model=TREES, params=SMALL_TREES))

    given = scores(model, rows(400))

    first = next(i for i, score in enumerate(given) if score is not None)
    assert 150 <= first <= 170
    assert None not in given[first:]


def test_rows_that_arent_learned_leave_the_model_as_it_is():
    """Uncertain rows are scored and never learned."""
    model = RiverModel(Anomaly(model=LODA))
    scores(model, rows(300))
    before = model.snapshot()

    once, twice = (model.score_then_learn({"temp": 9.0, "speed": 9.0}, learn=False) for _ in range(2))

    assert once == twice
    assert once is not None
    assert model.snapshot()["tracker"] == before["tracker"]
    assert model.snapshot()["learned"] == before["learned"] == 300


@pytest.mark.parametrize("at", [1, 60, 140, 300])
@pytest.mark.parametrize(("name", "params"), [(LODA, {}), (TREES, SMALL_TREES)])
def test_a_saved_model_goes_on(name, params, at):
    """A restart changes no score."""
    settings = Anomaly(model=name, params=params)
    steady, broken = RiverModel(settings), RiverModel(settings)
    scores(steady, rows(at))
    scores(broken, rows(at))

    restored, afresh = RiverModel.restore(settings, pickle.loads(pickle.dumps(broken.snapshot())))  # noqa: S301

    assert afresh is None
    assert scores(restored, rows(200, seed=2)) == scores(steady, rows(200, seed=2))


def test_another_version_of_river_starts_afresh():
    """What another River pickled isn't trusted to work in this one."""
    settings = Anomaly(model=LODA)
    model = RiverModel(settings)
    scores(model, rows(300))
    saved = {**model.snapshot(), "river": "0.1.0", "model": b"not even a pickle"}

    restored, afresh = RiverModel.restore(settings, saved)

    assert afresh is not None
    assert afresh.startswith("it was saved by River 0.1.0, and this is ")
    assert restored.score_then_learn({"temp": 1.0, "speed": 1.0}, learn=True) is None


@pytest.mark.parametrize(
    "other", [Anomaly(model=TREES), Anomaly(model=LODA, params={"n_bins": 5}), Anomaly(model=LODA, scale="none")]
)
def test_other_settings_start_afresh(other):
    """A model with other parameters is another model."""
    model = RiverModel(Anomaly(model=LODA))

    _, afresh = RiverModel.restore(other, model.snapshot())

    assert afresh == "the settings name another model"


def test_another_budget_is_the_same_model():
    """A changed budget or severity doesn't throw away what was learned."""
    model = RiverModel(Anomaly(model=LODA))

    _, afresh = RiverModel.restore(Anomaly(model=LODA, false_alarms_per_week=7.0, severity=900), model.snapshot())

    assert afresh is None
