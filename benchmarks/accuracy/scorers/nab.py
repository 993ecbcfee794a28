"""NAB's score: early detections count most, every false one costs, and 100 is a detector that can't be better.

Rows before min(15 % of the stream, 750) are probation. A row is a detection where its score reaches the threshold.

    sigma(x) = 2 / (1 + e^(5 x)) - 1                       -1 from x = 3 on
    in a window of w rows that ends with row r:  the best row i counts   TP sigma(-(r - i + 1) / w) / sigma(-1)
    a window without a detection costs                     FN
    outside, each detection costs                          FP sigma((i - r) / (w - 1))
                                                           r, w: of the window before; none: FP

    score = 100 (raw + FN W) / (TP W + FN W)               W: number of windows of all streams

A stream may be counted more than once (`bootstrap.py`), and its windows with it.

Source: A. Lavin, S. Ahmad, Evaluating real-time anomaly detection algorithms, 2015.
Proof: four published score files come out at their published scores (tests).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.streams import Flags, Floats, Moments

__all__ = [
    "LOW_FN",
    "LOW_FP",
    "PROFILES",
    "STANDARD",
    "Places",
    "Profile",
    "Raw",
    "best_threshold",
    "places_of",
    "raw_of",
    "score_of",
    "window_count",
]


class Profile(NamedTuple):
    """What a right, a missed and a false detection are worth."""

    name: str
    tp: float
    fn: float
    fp: float


STANDARD = Profile("standard", 1.0, 1.0, 0.11)
LOW_FP = Profile("low_fp", 1.0, 1.0, 0.22)
LOW_FN = Profile("low_fn", 1.0, 2.0, 0.11)
PROFILES = (STANDARD, LOW_FP, LOW_FN)

PROBATION_SHARE = 0.15
PROBATION_ROWS_MAX = 750
OUTSIDE = -1
FAR_OFF = 3.0
"""Windows' widths after which a false detection costs all that it can."""


class Places(NamedTuple):
    """Where each row of a stream lies."""

    window: NDArray[np.int64]
    """Index of its window, OUTSIDE outside; shape (n,)."""
    worth: Floats
    """Of a detection at this row: 1 at a window's first row, above 0 in it, below 0 outside; shape (n,)."""
    counts: Flags
    """False in probation; shape (n,)."""
    windows: int
    """That have a row which counts."""


class Raw(NamedTuple):
    """What one stream adds to the score."""

    points: float
    windows: int
    found: int
    false: int
    """Detections outside of windows."""


def places_of(times_ms: Moments, windows: Sequence[tuple[int, int]]) -> Places:
    """Where the rows of a stream lie.

    Args:
        times_ms: shape (n,).
        windows: first and last moment of each, in their order.

    Raises: ValueError if a window begins or ends at no row.
    """
    n = len(times_ms)
    window = np.full(n, OUTSIDE, np.int64)
    worth = np.full(n, -1.0)
    for index, (begin, end) in enumerate(windows):
        first, last = _row_at(times_ms, begin), _row_at(times_ms, end)
        width = last - first + 1
        window[first : last + 1] = index
        inside = np.arange(first, last + 1)
        worth[first : last + 1] = _sigma(-(last - inside + 1) / width) / _sigma(np.array([-1.0]))
        after = np.arange(last + 1, n)
        worth[last + 1 :] = _sigma((after - last) / max(width - 1, 1))
    counts = np.arange(n) >= min(math.floor(PROBATION_SHARE * n), PROBATION_ROWS_MAX)
    return Places(window, worth, counts, len(np.unique(window[counts & (window != OUTSIDE)])))


def raw_of(places: Places, detected: Flags, profile: Profile) -> Raw:
    """What the detections of one stream are worth; those in probation aren't looked at.

    Args:
        detected: shape (n,).
    """
    hits = detected & places.counts
    outside = hits & (places.window == OUTSIDE)
    points = profile.fp * float(places.worth[outside].sum())
    found = np.unique(places.window[hits & ~outside])
    for index in found.tolist():
        points += profile.tp * float(places.worth[hits & (places.window == index)].max())
    points -= profile.fn * (places.windows - len(found))
    return Raw(points, places.windows, len(found), int(outside.sum()))


def score_of(raws: Sequence[Raw], profile: Profile) -> float:
    """The score of all streams together: 0 for finding nothing, 100 for a perfect detector.

    Raises: ValueError if there is no window among them: nothing to be found has no score.
    """
    windows = sum(raw.windows for raw in raws)
    if not windows:
        raise ValueError("no window in any of these streams: there is nothing to score")
    nothing = -profile.fn * windows
    return 100.0 * (sum(raw.points for raw in raws) - nothing) / (profile.tp * windows - nothing)


def best_threshold(places: Sequence[Places], scores: Sequence[Floats], profile: Profile) -> tuple[float, float]:
    """The one threshold of all streams that scores best, and the score. It is chosen by the labels.

    Args:
        places: of each stream.
        scores: of each stream, shape (n,); a row is detected where its score is >= the threshold. NaN is never.
    Returns: threshold (infinity: to detect nothing is best), score.
    """
    steps = [_steps(place, score, profile) for place, score in zip(places, scores, strict=True)]
    thresholds = np.concatenate([threshold for threshold, _ in steps])
    gains = np.concatenate([gain for _, gain in steps])
    order = np.argsort(-thresholds, kind="stable")
    thresholds, points = thresholds[order], np.cumsum(gains[order])
    is_last = np.append(thresholds[1:] != thresholds[:-1], [True])[: len(thresholds)]
    thresholds, points = thresholds[is_last], points[is_last]
    windows = sum(place.windows for place in places)
    whole = (profile.tp + profile.fn) * windows
    if not len(points) or points.max() <= 0:
        return math.inf, 0.0
    best = int(points.argmax())
    return float(thresholds[best]), 100.0 * float(points[best]) / whole


def window_count(places: Sequence[Places]) -> int:
    """Windows of all streams."""
    return sum(place.windows for place in places)


def _steps(places: Places, scores: Floats, profile: Profile) -> tuple[Floats, Floats]:
    """What is gained where the threshold falls to each row's score, against detecting nothing."""
    rows = np.flatnonzero(places.counts & ~np.isnan(scores))
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    window, worth = places.window[rows], places.worth[rows]
    gains = np.where(window == OUTSIDE, profile.fp * worth, 0.0)
    for index in np.unique(window[window != OUTSIDE]).tolist():
        mine = np.flatnonzero(window == index)
        best = profile.tp * np.maximum.accumulate(worth[mine])
        gains[mine] = np.diff(best, prepend=-profile.fn)
    return scores[rows], gains


def _row_at(times_ms: Moments, moment: int) -> int:
    rows = np.flatnonzero(times_ms == moment)
    if not len(rows):
        raise ValueError(f"no row at {moment}: the labels don't belong to these rows")
    return int(rows[0])


def _sigma(x: Floats) -> Floats:
    value: Floats = np.where(x >= FAR_OFF, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(x, FAR_OFF))) - 1.0)
    return value
