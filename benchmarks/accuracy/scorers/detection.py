"""Detection of a fault at a fixed rate of false alarms, by statistics that were learned on a normal run.

A statistic (T2, SPE) is over its limit where it is larger. Its limit is the quantile of the statistic on a normal test
run that leaves the wanted share of rows above it. Detection is the share of a fault's rows that are over the limit.

    either      rows over the limit of one of the statistics, each at the wanted share: together they may have twice
    together    max(statistic / its limit) as one statistic, which has the wanted share

Source: L. H. Chiang, E. L. Russell, R. D. Braatz, Fault detection and diagnosis in industrial systems, 2001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.streams import Floats

__all__ = ["Detection", "detection_of", "limit_of", "together"]


class Detection(NamedTuple):
    """What is found at which price."""

    by_fault: Mapping[int, float]
    """Share of the fault's rows that are over a limit."""
    false: float
    """Share of the normal test run's rows that are."""

    @property
    def mean(self) -> float:
        """Over the faults."""
        return float(np.mean(list(self.by_fault.values())))


def limit_of(normal: Floats, false: float) -> float:
    """The limit that leaves this share of the normal rows above it, or a little less.

    Args:
        normal: a statistic on the normal test run, shape (n,).
        false: 0 to 1.
    """
    above = int(np.floor(false * len(normal)))
    return float(np.sort(normal)[len(normal) - 1 - min(above, len(normal) - 1)])


def detection_of(normal: Sequence[Floats], faulty: Mapping[int, Sequence[Floats]], *, false: float) -> Detection:
    """Rows over the limit of any of some statistics, each with limits at the same share of false alarms.

    Args:
        normal: each statistic on the normal test run, shape (n,).
        faulty: each statistic on the faulty rows, by fault, shape (m,).
        false: wanted of each statistic, 0 to 1.
    """
    limits = [limit_of(statistic, false) for statistic in normal]
    found = {fault: _over(statistics, limits) for fault, statistics in faulty.items()}
    return Detection(found, _over(normal, limits))


def together(normal: Sequence[Floats], faulty: Mapping[int, Sequence[Floats]], *, false: float) -> Detection:
    """As `detection_of`, with one limit for all statistics, so that together they have what one alone may have.

    Each is measured by its own limit, and the largest counts.
    """
    limits = [limit_of(statistic, false) for statistic in normal]
    largest = {fault: [_largest(statistics, limits)] for fault, statistics in faulty.items()}
    return detection_of([_largest(normal, limits)], largest, false=false)


def _largest(statistics: Sequence[Floats], limits: Sequence[float]) -> Floats:
    ratios: Floats = np.maximum.reduce([one / limit for one, limit in zip(statistics, limits, strict=True)])
    return ratios


def _over(statistics: Sequence[Floats], limits: Sequence[float]) -> float:
    over = np.logical_or.reduce([statistic > limit for statistic, limit in zip(statistics, limits, strict=True)])
    return float(over.mean())
