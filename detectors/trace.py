"""What the learned detectors made of each window, in numbers: for who replays a recording and wants to see.

A record for each judged window of a series, and for each judged row of an asset's model. Findings tell only what
begins and ends; a trace tells all in between. It costs an array as long as the block, so that a running plant has no
tracer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from contracts.readings import Rows
from detectors.compiled import Record, inlined

__all__ = ["TRACE", "UNJUDGED", "Trace", "Tracer", "begin", "scored"]

TRACE = np.dtype(
    [
        ("slot", np.int32),  # index of Trace.names
        ("start", np.int64),  # ms since the epoch
        ("end", np.int64),
        ("x", np.float64),  # mean of the window; NaN for an asset
        ("low", np.float64),  # expected range, by what was known before x; NaN: none
        ("high", np.float64),
        ("s", np.float64),  # S; from here to threshold NaN where there is no score
        ("p", np.float64),  # R, which ranks: from P and the spike channel
        ("surprise", np.float64),  # L: of all channels
        ("z", np.float64, (4,)),  # of level, spread, season and shape; a model's own score stands first
        ("spike", np.float64),  # L of the spike channel alone, which leads where this is `surprise`; NaN for a model
        ("restless", np.float64),  # L of the spread family by itself, in the same way
        ("threshold", np.float64),  # what would raise now, in L, or in R where alarms are ranked
        ("active", np.uint8),  # an alarm is active after this window
        ("raised", np.uint8),  # it began with this window
        ("learned", np.uint8),
    ],
    align=True,
)

UNJUDGED = -1
"""The slot of a record that is no window's: its mean was no number."""

SPREAD_SD = 3.0


class Trace(NamedTuple):
    """The windows of one block, in their order."""

    rows: Rows
    """dtype TRACE, shape (n,)."""
    names: Sequence[tuple[str, str | None]]
    """Asset and sensor by slot; a sensor of None: the asset's model. It grows; slots never change."""


Tracer: TypeAlias = Callable[[Trace], None]


@inlined
def begin(trace: Rows, i: int, slot: int, row: Record, m: float, sd: float) -> None:
    """A window of a series (m, sd: what its level is expected to be; NaN: unknown) or of an asset is judged."""
    record = trace[i]
    record.slot, record.start, record.end, record.x = slot, row.start, row.end, row.mean
    record.low, record.high = m - SPREAD_SD * sd, m + SPREAD_SD * sd
    record.s = record.p = record.surprise = record.spike = record.restless = record.threshold = math.nan
    for family in range(record.z.shape[0]):
        record.z[family] = math.nan
    record.active = record.raised = record.learned = 0


@inlined
def scored(
    trace: Rows,
    i: int,
    s: float,
    p: float,
    surprise: float,
    spike: float,
    restless: float,
    threshold: float,
    raised: bool,  # noqa: FBT001 - compiled code knows no keywords
) -> None:
    """It has a score."""
    record = trace[i]
    record.spike, record.restless = spike, restless
    record.s, record.p, record.surprise, record.threshold = s, p, surprise, threshold
    record.raised = 1 if raised else 0
