"""A River anomaly model as a detector: any model of river.anomaly that scores and learns one row at a time.

    x' = scaler(x)                                MinMaxScaler, StandardScaler or none, as learned so far
    y = model.score_one(x')
    z = max(0, T(y))                              T: see tracker.py; one-sided: a high score is the strange one
    then the scaler, the model and T learn

z takes the place of our own families in the combination, so that rank, calibration, policy and alarm state apply
unchanged. A model that hasn't begun (every score so far was the same, as HalfSpaceTrees gives while it fills its
first window) has no score, nor in the 100 rows after, in which scores are still wild; the warm-up of the policy
begins when it has one.

Catches and misses: what the model does. Cost: Python's speed, 10-100 us a row, and the model's own memory
(HalfSpaceTrees with its defaults: 30 us and 170 kB), all of which is saved at each epoch in which the series closed a
window.

The saved state is a pickle of River's objects beside River's version: another version starts the model afresh.
"""

from __future__ import annotations

import importlib
import inspect
import math
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from contracts.errors import ConfigError, Problem
from detectors import tracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.settings import Anomaly

__all__ = ["RiverModel", "Standardised", "make_model"]

_SCALERS = {"minmax": "MinMaxScaler", "standard": "StandardScaler"}
_SEED = 20_231_114
_SETTLING = 100  # rows: a model's first scores are wild, and T would remember them for thousands
_EXAMPLE = 'model = "river.anomaly.HalfSpaceTrees"'


def make_model(anomaly: Anomaly, *, key: str = "anomaly", source: str = "settings") -> Any:
    """The River model that the settings name, with its parameters; a model that takes a seed gets a fixed one.

    Args:
        anomaly: settings with `model` given.
        key: dotted path of these settings, for the message: `rules[2].anomaly`.
        source: the file they are in, for the message.

    Raises:
        ConfigError: it isn't a River anomaly model, or not with these parameters.
    """

    def mistake(part: str, fault: str, remedy: str) -> ConfigError:
        return ConfigError(source, (Problem(f"{key}.{part}", fault, remedy),))

    path, _, name = (anomaly.model or "").rpartition(".")
    try:
        factory = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError, ValueError):
        raise mistake(
            "model", f"`{anomaly.model}` isn't in River.", f"Name a model of river.anomaly, e.g. {_EXAMPLE}"
        ) from None
    base = importlib.import_module("river.base")
    if not (inspect.isclass(factory) and issubclass(factory, base.AnomalyDetector)):
        raise mistake(
            "model",
            f"`{anomaly.model}` isn't an anomaly model that learns without labels.",
            f"Name one, e.g. {_EXAMPLE}",
        )
    parameters = inspect.signature(factory).parameters
    unknown = [repr(given) for given in anomaly.params if given not in parameters]
    if unknown:
        raise mistake(
            "params", f"{name} has no {', '.join(unknown)}.", f"It takes {', '.join(parameters) or 'no parameters'}."
        )
    params = dict(anomaly.params)
    if "seed" in parameters and params.get("seed") is None:
        params["seed"] = _SEED
    try:
        _try_out(factory(**params))
        return factory(**params)
    except Exception as exc:  # a model may raise anything for parameters that it can't use
        raise mistake(
            "params", f"{name} can't work with them: {exc}.", "See River's documentation of the model."
        ) from exc


def _try_out(model: Any) -> None:
    for value in (0.0, 0.5, 1.0):
        model.learn_one({"sensor": value})
        float(model.score_one({"sensor": value}))


class Standardised(NamedTuple):
    """A model's score, and what the tracker knew of its scores before."""

    z: float
    """0 to 50."""
    y: float
    """As the model gave it."""
    m: float
    """Mean of the scores so far."""
    v: float
    """Their variance."""


class RiverModel:
    """A model with its scaler and the tracker of its scores."""

    def __init__(self, anomaly: Anomaly, *, key: str = "anomaly") -> None:
        self._anomaly = anomaly
        self._model = make_model(anomaly, key=key)
        self._scaler = _make_scaler(anomaly)
        self._tracker = np.zeros(1, tracker.STATE)
        self._scores = 0  # that the tracker has learned
        self._learned = 0  # rows that the model has learned
        self._resting: float | None = None  # the score of a model that hasn't begun
        self._begun = False
        self._settling = _SETTLING

    @property
    def anomaly(self) -> Anomaly:
        """The settings that name the model."""
        return self._anomaly

    def score_then_learn(self, x: Mapping[str, float], *, learn: bool) -> Standardised | None:
        """Score a row of finite features against what was learned before, then learn it if allowed.

        Returns: None while the model has no score.
        """
        scored = self._score(x)
        if learn:
            if scored is not None:
                tracker.learn(self._tracker[0], scored.y, self._scores)
                self._scores += 1
            elif self._begun:
                self._settling = max(0, self._settling - 1)
            self._learn(x)
        return scored

    def go_back(self, m: float, v: float) -> None:
        """Take this for the usual mean and variance of the scores; the model itself stays as it is."""
        self._tracker[0] = (m, v)

    def _score(self, x: Mapping[str, float]) -> Standardised | None:
        if self._learned == 0:
            return None
        y = float(self._model.score_one(self._scaled(x)))
        if not math.isfinite(y):
            return None
        if not self._begun:
            if self._resting is None:
                self._resting = y
            self._begun = y != self._resting
        if not self._begun or self._settling > 0:
            return None
        state = self._tracker[0]
        z = max(0.0, tracker.score(state, y, self._scores))
        return Standardised(z, y, float(state["m"]), float(state["v"]))

    def _learn(self, x: Mapping[str, float]) -> None:
        if self._scaler is not None:
            self._scaler.learn_one(x)
        self._model.learn_one(self._scaled(x))
        self._learned += 1

    def _scaled(self, x: Mapping[str, float]) -> Mapping[str, float]:
        if self._scaler is None:
            return x
        known: Mapping[str, float] = {
            name: value for name, value in self._scaler.transform_one(x).items() if math.isfinite(value)
        }
        return known

    def snapshot(self) -> dict[str, Any]:
        """Plain data: built-in types only."""
        return {
            "river": _river_version(),
            "settings": _settings_of(self._anomaly),
            "model": pickle.dumps((self._model, self._scaler)),
            "tracker": [float(self._tracker[0]["m"]), float(self._tracker[0]["v"])],
            "scores": self._scores,
            "learned": self._learned,
            "resting": self._resting,
            "begun": self._begun,
            "settling": self._settling,
        }

    @classmethod
    def restore(cls, anomaly: Anomaly, snapshot: Mapping[str, Any]) -> tuple[RiverModel, str | None]:
        """The model as it was saved, and None; or one that starts afresh, and why.

        Raises: ConfigError as make_model.
        """
        restored = cls(anomaly)
        if snapshot["settings"] != _settings_of(anomaly):
            return restored, "the settings name another model"
        if snapshot["river"] != _river_version():
            return restored, f"it was saved by River {snapshot['river']}, and this is {_river_version()}"
        restored._model, restored._scaler = pickle.loads(snapshot["model"])  # noqa: S301 - our own state directory
        restored._tracker[0] = tuple(snapshot["tracker"])
        restored._scores = snapshot["scores"]
        restored._learned = snapshot["learned"]
        restored._resting = snapshot["resting"]
        restored._begun = snapshot["begun"]
        restored._settling = snapshot["settling"]
        return restored, None


def _settings_of(anomaly: Anomaly) -> str:
    """What a model is made of, as text: another text is another model."""
    return anomaly.model_dump_json(include={"model", "params", "per", "scale"})


def _make_scaler(anomaly: Anomaly) -> Any:
    if anomaly.scale == "none":
        return None
    return getattr(importlib.import_module("river.preprocessing"), _SCALERS[anomaly.scale])()


def _river_version() -> str:
    version: str = importlib.import_module("river").__version__
    return version
