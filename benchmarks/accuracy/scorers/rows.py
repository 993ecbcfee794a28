"""Row by row: which share of the faulty rows is noticed, and which share of the others is called faulty.

    F1  = 2 TP / (2 TP + FP + FN)       of all rows of all streams together
    FAR = FP / (FP + TN)                false alarm rate
    MAR = FN / (FN + TP)                missed alarm rate

"Every row an alarm" has an F1 too, and not a small one: quote it beside every figure.

Source: SKAB's leaderboard is made with these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.streams import Flags, Floats

__all__ = ["Counts", "best_f1_threshold", "counts_of", "total"]


class Counts(NamedTuple):
    """Rows by what they were and what was said of them."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    @property
    def f1(self) -> float:
        """0 to 1; NaN where nothing was faulty and nothing was said."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def far(self) -> float:
        """Share of the normal rows that were called faulty; NaN without normal rows."""
        return _share(self.fp, self.fp + self.tn)

    @property
    def mar(self) -> float:
        """Share of the faulty rows that were called normal; NaN without faulty rows."""
        return _share(self.fn, self.fn + self.tp)


def counts_of(faulty: Flags, said: Flags) -> Counts:
    """Of one stream.

    Args:
        faulty: by the labels, shape (n,).
        said: by a contender, shape (n,).
    """
    return Counts(
        tp=int(np.count_nonzero(faulty & said)),
        fp=int(np.count_nonzero(~faulty & said)),
        fn=int(np.count_nonzero(faulty & ~said)),
        tn=int(np.count_nonzero(~faulty & ~said)),
    )


def total(counts: Sequence[Counts]) -> Counts:
    """Of all streams together."""
    return Counts(*(sum(column) for column in zip(*counts, strict=True))) if counts else Counts()


def best_f1_threshold(faulty: Sequence[Flags], scores: Sequence[Floats]) -> float:
    """The one threshold of all streams that has the best F1. It is chosen by the labels.

    Args:
        faulty: of each stream, shape (n,).
        scores: of each stream, shape (n,); NaN is never faulty.
    Returns: a row is called faulty where its score is >= this; infinity if nothing has a score.
    """
    labels, values = np.concatenate(faulty), np.concatenate(scores)
    labels, values = labels[~np.isnan(values)], values[~np.isnan(values)]
    if not len(values):
        return math.inf
    order = np.argsort(-values, kind="stable")
    labels, values = labels[order], values[order]
    tp = np.cumsum(labels)
    f1 = 2.0 * tp / (np.arange(1, len(tp) + 1) + sum(int(one.sum()) for one in faulty))
    is_last = np.append(values[1:] != values[:-1], [True])
    return float(values[is_last][int(f1[is_last].argmax())])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
