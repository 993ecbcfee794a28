"""How far a figure would move with other recordings: the streams are drawn again, with repetition, many times.

The interval says nothing about settings that were chosen with the corpus in sight; it says how much a difference
between two contenders means.

Source: B. Efron, Bootstrap methods: another look at the jackknife, 1979.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

__all__ = ["Interval", "interval_of"]

DRAWS = 2000
SEED = 7
TAILS = (0.025, 0.975)

Part = TypeVar("Part")


class Interval(NamedTuple):
    """In which 95 % of the draws lie."""

    low: float
    high: float


def interval_of(parts: Sequence[Part], figure: Callable[[Sequence[Part]], float]) -> Interval:
    """The interval of a figure of all streams.

    Args:
        parts: what each stream adds to the figure.
        figure: of some streams together. It may raise ValueError where a draw has nothing to score: that draw doesn't
            count.
    """
    random = np.random.default_rng(SEED)
    figures = []
    for _ in range(DRAWS):
        drawn = random.integers(len(parts), size=len(parts))
        try:
            figures.append(figure([parts[index] for index in drawn]))
        except ValueError:
            continue
    low, high = np.nanquantile(figures, TAILS)
    return Interval(float(low), float(high))
