"""Contenders that are given one row at a time: what they haven't been given, they can't have seen."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import Floats, Stream

__all__ = ["RowByRow", "RowScorer"]


class RowScorer(Protocol):
    """The state of one stream."""

    def score_then_learn(self, row: Floats) -> float:
        """Score a row, shape (number of sensors,), by the rows before it; then learn it."""


class RowByRow:
    """Feeds a fresh scorer with the rows of each stream.

    Args:
        name: as in the table.
        make: a fresh scorer, for so many sensors.
    """

    def __init__(self, name: str, make: Callable[[int], RowScorer]) -> None:
        self.name = name
        self.state_bytes = 0
        self._make = make

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """Scores only: these contenders have no policy of their own."""
        return {stream.name: Judged(self._scores(stream)) for stream in streams}

    def _scores(self, stream: Stream) -> Floats:
        scorer = self._make(len(stream.sensors))
        scores = np.array([scorer.score_then_learn(row) for row in stream.values], dtype=np.float64)
        self.state_bytes = len(pickle.dumps(scorer))
        return scores
