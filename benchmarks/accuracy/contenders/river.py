"""Models of River that judge a value by the values before it, one row at a time.

Those that learn without a target run in andon itself (`anomaly = { model = … }`); these want the value as the target,
so they stand alone.

Source: J. Montiel et al., River: machine learning for streaming data in Python, 2021.
"""

from __future__ import annotations

from typing import Any

from river import anomaly

from benchmarks.accuracy.streams import Floats

__all__ = ["AbsoluteDeviation"]


class AbsoluteDeviation:
    """`river.anomaly.StandardAbsoluteDeviation` with its defaults, one a sensor; the score is the largest."""

    def __init__(self, sensors: int) -> None:
        self._models: list[Any] = [anomaly.StandardAbsoluteDeviation() for _ in range(sensors)]

    def score_then_learn(self, row: Floats) -> float:
        """How many standard deviations from the mean so far."""
        largest = 0.0
        for model, x in zip(self._models, row.tolist(), strict=True):
            largest = max(largest, abs(float(model.score_one(None, x))))
            model.learn_one(None, x)
        return largest
