"""The Skoltech Anomaly Benchmark: a water circuit with 8 sensors at 1 Hz, 34 experiments and one run without a fault.

The columns `anomaly` and `changepoint` are labels, and no contender is given them.

Source: I. D. Katser, V. O. Kozitsin, Skoltech Anomaly Benchmark (SKAB), 2020.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from benchmarks.accuracy.streams import Flags, Stream

__all__ = ["FAULTLESS", "TRAINING_ROWS", "read_labels", "read_streams"]

TRAINING_ROWS = 400
"""At the start of each experiment, normal but for one (other/2): its authors don't score them."""

FAULTLESS = "anomaly-free"
"""Category of the run without a fault; it has no labels."""

TIME, LABEL, LABELS = "datetime", "anomaly", ("anomaly", "changepoint")


def read_streams(folder: Path, only: Collection[str] | None = None) -> list[Stream]:
    """All experiments, and the run without a fault, by category and number; or some of them."""
    return [_read_stream(path) for path in _paths(folder) if only is None or _name(path) in only]


def read_labels(folder: Path) -> dict[str, Flags]:
    """Which rows of each experiment are anomalous, shape (n,)."""
    labels = {}
    for path in _paths(folder):
        columns, cells = _read(path)
        if LABEL in columns:
            labels[_name(path)] = np.array([float(row[columns.index(LABEL)]) for row in cells]) > 0
    return labels


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.csv"), key=lambda path: (path.parent.name, len(path.stem), path.stem))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    return header.split(";"), [line.split(";") for line in lines]


def _read_stream(path: Path) -> Stream:
    columns, cells = _read(path)
    sensors = [column for column in columns if column not in (TIME, *LABELS)]
    places = [columns.index(sensor) for sensor in sensors]
    time = columns.index(TIME)
    times = np.array([row[time] for row in cells], dtype="datetime64[ms]").astype(np.int64)
    values = np.array([[float(row[place]) for place in places] for row in cells])
    return Stream(_name(path), path.parent.name, tuple(sensors), times, values)
