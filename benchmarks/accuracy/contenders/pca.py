"""Principal components of a normal run, frozen: the textbook's way to watch many sensors at once.

    y = (x - m) / s                                   m, s: mean and standard deviation of the normal rows
    T2  = sum over the k first components of t_i^2 / w_i        t_i: y's coordinate, w_i: its variance
    SPE = |y|^2 - sum of t_i^2                        what they don't explain
    k: as many as explain 90 % of the variance;   score = max(T2 / limit, SPE / limit), limit: 99 % of the normal rows

Catches: what the sensors only show together.
Misses: nothing slow or fast, but it never learns: a plant that drifts is in alarm forever.
Cost: p^2 floats.
Source: J. E. Jackson, G. S. Mudholkar, Control procedures for residuals associated with principal component analysis,
1979.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import Floats, Stream

__all__ = ["FrozenPca", "Pca"]

EXPLAINED = 0.9
QUANTILE = 0.99
SD_MIN = 1e-9


class Pca:
    """The model of a normal run.

    Args:
        normal: shape (n, p).
        explained: share of the variance.
    """

    def __init__(self, normal: Floats, explained: float = EXPLAINED) -> None:
        self._m = normal.mean(axis=0)
        self._s = np.maximum(normal.std(axis=0), SD_MIN)
        y = (normal - self._m) / self._s
        variances, axes = np.linalg.eigh(np.cov(y, rowvar=False))
        variances, axes = variances[::-1], axes[:, ::-1]
        k = int(np.searchsorted(np.cumsum(variances) / variances.sum(), explained)) + 1
        self._axes, self._w = axes[:, :k], variances[:k]

    def statistics(self, rows: Floats) -> tuple[Floats, Floats]:
        """T2 and SPE of rows, shape (n, p); both of shape (n,)."""
        y = (rows - self._m) / self._s
        t = y @ self._axes
        return (t * t / self._w).sum(axis=1), (y * y).sum(axis=1) - (t * t).sum(axis=1)


class FrozenPca:
    """Learns from the first rows of each stream, and judges those that come after."""

    def __init__(self, normal_rows: int) -> None:
        self.name = f"PCA, T² and SPE, frozen after {normal_rows} rows"
        self.state_bytes = 0
        self._normal_rows = normal_rows

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """The model sees the first rows only, so no row is judged by a later one."""
        return {stream.name: self._judged(stream) for stream in streams}

    def _judged(self, stream: Stream) -> Judged:
        normal = stream.values[: self._normal_rows]
        model = Pca(normal)
        limits = [np.quantile(statistic, QUANTILE) for statistic in model.statistics(normal)]
        ratios = [one / limit for one, limit in zip(model.statistics(stream.values), limits, strict=True)]
        scores = np.maximum(*ratios)
        scores[: self._normal_rows] = np.nan
        over = np.nan_to_num(scores) > 1.0
        self.state_bytes = 8 * (2 * len(stream.sensors) + len(stream.sensors) ** 2)
        return Judged(scores, over, over)
