"""The Tennessee Eastman process: a simulated chemical plant with 52 variables, a normal run and 21 faults.

A row every 3 minutes. Each fault has a test run of 960 rows, in which it begins after row 160.

Source: J. J. Downs, E. F. Vogel, A plant-wide industrial process control problem, 1993; the runs are those of
L. H. Chiang, E. L. Russell, R. D. Braatz, Fault detection and diagnosis in industrial systems, 2001.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.streams import Floats, Stream

__all__ = ["FAULTS", "FAULT_FROM", "NORMAL_ROWS", "SENSORS", "Runs", "live_streams", "read_runs"]

FAULTS = tuple(range(1, 22))
FAULT_FROM = 160
"""The first row of a test run that is faulty, from 0."""
NORMAL_ROWS = 500
ROW_MS = 180_000
BEGIN_MS = 946_684_800_000
"""The runs have no dates; this is the beginning of the year 2000."""

SENSORS = (*(f"xmeas_{number:02d}" for number in range(1, 42)), *(f"xmv_{number:02d}" for number in range(1, 12)))


class Runs(NamedTuple):
    """All that is needed of the simulation."""

    normal: Floats
    """To learn from: shape (500, 52)."""
    normal_test: Floats
    """Without a fault: shape (960, 52)."""
    faulty: dict[int, Floats]
    """By fault; shape (960, 52)."""


def read_runs(folder: Path) -> Runs:
    """The runs, rows by time."""
    return Runs(
        normal=np.loadtxt(folder / "d00.dat").T,  # the one file that is turned
        normal_test=np.loadtxt(folder / "d00_te.dat"),
        faulty={fault: np.loadtxt(folder / f"d{fault:02d}_te.dat") for fault in FAULTS},
    )


def live_streams(runs: Runs) -> list[Stream]:
    """Plants as a service meets them: 500 normal rows, and a test run after them. Fault 0 is none."""
    return [
        _stream(f"fault-{fault:02d}", np.concatenate([runs.normal, run]))
        for fault, run in ((0, runs.normal_test), *runs.faulty.items())
    ]


def _stream(name: str, values: Floats) -> Stream:
    times = BEGIN_MS + ROW_MS * np.arange(len(values), dtype=np.int64)
    return Stream(f"tep/{name}", "tep", SENSORS, times, values)
