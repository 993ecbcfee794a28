"""The windowed Gaussian of NAB's authors: how improbable is a value among the last thousands.

    score = 1 - Q(|x - m| / s)          Q: upper tail of the normal distribution

m and s are mean and standard deviation (1/n; 1e-6 where it is 0) of a window: it grows to 6400 values, then moves on by
100 at a time. Its scores on NAB's streams are those that its authors published (tests).

Catches: a level that wasn't there in the window.
Misses: everything that happens inside the usual range.
Cost: the window.
Source: numenta/NAB, detectors/gaussian.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.accuracy.streams import Floats

__all__ = ["WindowedGaussian"]

WINDOW = 6400
STEP = 100
SD_OF_CONSTANT = 1e-6
DIGITS = 12
"""The published files have no more: what rounds to 1 there is 1."""


class WindowedGaussian:
    """State of one sensor."""

    def __init__(self, sensors: int) -> None:
        assert sensors == 1, "it knows one sensor"
        self._window = np.zeros(WINDOW)
        self._filled = 0
        self._step: list[float] = []
        self._m = 0.0
        self._sd = 1.0

    def score_then_learn(self, row: Floats) -> float:
        """0.5 is as usual, 1 never happens; 0 for the first row."""
        x = float(row[0])
        score = 1.0 - 0.5 * math.erfc(abs(x - self._m) / self._sd / math.sqrt(2.0)) if self._filled else 0.0
        if self._filled < WINDOW:
            self._window[self._filled] = x
            self._filled += 1
            self._measure()
        else:
            self._step.append(x)
            if len(self._step) == STEP:
                self._window = np.append(self._window[STEP:], self._step)
                self._step.clear()
                self._measure()
        return round(score, DIGITS)

    def _measure(self) -> None:
        values = self._window[: self._filled]
        self._m, self._sd = float(values.mean()), float(values.std()) or SD_OF_CONSTANT
