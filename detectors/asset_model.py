"""One River model for all sensors of an asset: it judges the asset's joined rows (joined.py) as river_model.py says.

Which sensors made a row strange is told by their own trackers (tracker.py): a sensor's share is its |z| by the sum of
all, equal shares if nothing is off. The model itself isn't asked, because River's models don't tell.

Cost: the model's, and some microseconds a sensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from contracts.findings import Share
from detectors import tracker
from detectors.joined import Join, JoinedRow
from detectors.river_model import RiverModel, Standardised

if TYPE_CHECKING:
    from contracts.settings import Anomaly

__all__ = ["SHARES_MAX", "AssetModel", "JudgedRow"]

SHARES_MAX = 32
"""Sensors that a finding names: more than a person reads."""


class JudgedRow(NamedTuple):
    """A row of the asset with its score, None while the model has none."""

    row: JoinedRow
    score: Standardised | None
    shares: tuple[Share, ...]


class AssetModel:
    """Join, model and the sensors' own trackers."""

    def __init__(self, anomaly: Anomaly) -> None:
        self._join = Join()
        self._model = RiverModel(anomaly)
        self._places: dict[str, int] = {}
        self._trackers = np.zeros(4, tracker.STATE)
        self._rows = np.zeros(4, np.int64)  # learned, per sensor

    @property
    def anomaly(self) -> Anomaly:
        """The settings that name the model."""
        return self._model.anomaly

    def go_back(self, m: float, v: float) -> None:
        """Take this for the usual mean and variance of the model's scores."""
        self._model.go_back(m, v)

    def add(self, sensor: str, *, start: int, end: int, mean: float | None, count: int, learn: bool) -> list[JudgedRow]:
        """Take in a sensor's window; judge, then learn, the rows that are complete by it.

        Args:
            mean: None if the window has no usable value.
        """
        rows = self._join.add(sensor, start=start, end=end, mean=mean, count=count, learn=learn)
        return [self._judge(row) for row in rows]

    def _judge(self, row: JoinedRow) -> JudgedRow:
        if not row.means:
            return JudgedRow(row, None, ())
        shares = self._shares(row)
        return JudgedRow(row, self._model.score_then_learn(row.means, learn=row.learn), shares)

    def _shares(self, row: JoinedRow) -> tuple[Share, ...]:
        distances: list[tuple[float, str]] = []
        for sensor, x in row.means.items():
            place = self._place(sensor)
            state, n = self._trackers[place], int(self._rows[place])
            distances.append((abs(tracker.score(state, x, n)), sensor))
            if row.learn:
                tracker.learn(state, x, n)
                self._rows[place] += 1
        first = sorted(distances, key=lambda pair: -pair[0])[:SHARES_MAX]
        total = sum(distance for distance, _ in first)
        return tuple(Share(sensor, distance / total if total else 1 / len(first)) for distance, sensor in first)

    def _place(self, sensor: str) -> int:
        place = self._places.setdefault(sensor, len(self._places))
        if place == len(self._trackers):
            self._trackers = np.concatenate([self._trackers, np.zeros_like(self._trackers)])
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        return place

    def snapshot(self) -> dict[str, Any]:
        """Plain data: numpy arrays (copies) and built-in types."""
        used = len(self._places)
        return {
            "join": self._join.snapshot(),
            "model": self._model.snapshot(),
            "sensors": list(self._places),
            "trackers": self._trackers[:used].copy(),
            "rows": self._rows[:used].copy(),
        }

    @classmethod
    def restore(cls, anomaly: Anomaly, snapshot: dict[str, Any]) -> tuple[AssetModel, str | None]:
        """The model as it was saved, and None; or one with a River model that starts afresh, and why."""
        restored = cls(anomaly)
        restored._join = Join.restore(snapshot["join"])
        restored._places = {sensor: place for place, sensor in enumerate(snapshot["sensors"])}
        spare = np.zeros(4, tracker.STATE)
        restored._trackers = np.concatenate([snapshot["trackers"].astype(tracker.STATE), spare])
        restored._rows = np.concatenate([snapshot["rows"], np.zeros(4, np.int64)])
        restored._model, afresh = RiverModel.restore(anomaly, snapshot["model"])
        return restored, afresh
