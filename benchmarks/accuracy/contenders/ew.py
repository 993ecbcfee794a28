"""The plainest online detector: how many standard deviations from an exponentially weighted mean.

    z = |x - m| / sqrt(v), 0 in the first 30 rows;   score: the largest z of the row's sensors
    then d = x - m, a = max(1/100, 1/(n+1)), m = m + a d, v = (1 - a)(v + a d^2)

Either on the values themselves, or on the differences between one row and the next.

Catches: jumps (values) and spikes (differences).
Misses: slow changes, season, shape, what only the sensors together show.
Cost: 2 floats a sensor, 3 on differences.
"""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.streams import Floats

__all__ = ["EwDifference", "EwValue"]

UNKNOWING = 30
A = 1.0 / 100.0
SD_MIN = 1e-9


class EwValue:
    """z of the values."""

    def __init__(self, sensors: int) -> None:
        self._m = np.zeros(sensors)
        self._v = np.zeros(sensors)
        self._n = 0

    def score_then_learn(self, row: Floats) -> float:
        """The largest z."""
        d = row - self._m if self._n else np.zeros(len(row))
        sd = np.maximum(np.sqrt(self._v), SD_MIN * (1.0 + np.abs(self._m)))
        score = float((np.abs(d) / sd).max()) if self._n >= UNKNOWING else 0.0
        a = max(A, 1.0 / (self._n + 1))
        self._m = self._m + a * d if self._n else row.astype(np.float64)
        self._v = (1.0 - a) * (self._v + a * d * d)
        self._n += 1
        return score


class EwDifference:
    """z of the differences."""

    def __init__(self, sensors: int) -> None:
        self._values = EwValue(sensors)
        self._before: Floats | None = None

    def score_then_learn(self, row: Floats) -> float:
        """The largest z; 0 for the first row."""
        before, self._before = self._before, row
        return 0.0 if before is None else self._values.score_then_learn(row - before)
