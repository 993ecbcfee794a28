"""The Numenta Anomaly Benchmark: 58 streams of one sensor, with windows around what is anomalous.

Source: A. Lavin, S. Ahmad, Evaluating real-time anomaly detection algorithms, 2015.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from benchmarks.accuracy.streams import Floats, Moments, Stream

__all__ = ["SENSOR", "Windows", "read_labels", "read_published_figures", "read_published_scores", "read_streams"]

SENSOR = "value"

Windows: TypeAlias = tuple[tuple[int, int], ...]
"""First and last moment (ms since the epoch) of each, in their order; both are moments of rows."""


def read_streams(folder: Path, only: Collection[str] | None = None) -> list[Stream]:
    """All streams in the order of their names, or some of them."""
    paths = sorted((folder / "data").glob("*/*.csv"))
    return [_read_stream(path) for path in paths if only is None or _name(path) in only]


def read_labels(folder: Path) -> dict[str, Windows]:
    """The windows of each stream, by its name; a stream without an anomaly has none."""
    text = (folder / "labels" / "combined_windows.json").read_text(encoding="utf-8")
    return {
        name.removesuffix(".csv"): tuple((_ms(first), _ms(last)) for first, last in windows)
        for name, windows in json.loads(text).items()
    }


def read_published_scores(folder: Path, detector: str) -> dict[str, Floats]:
    """Anomaly scores of a published detector, by stream: one a row."""
    root = folder / "published_scores" / detector
    return {_name(path): np.loadtxt(path, skiprows=1, ndmin=1) for path in sorted(root.glob("*/*.csv"))}


def read_published_figures(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """What the authors of the benchmark published: detector, profile, score."""
    figures: Mapping[str, Mapping[str, float]] = json.loads(
        (folder / "published_results.json").read_text(encoding="utf-8")
    )
    return figures


def _read_stream(path: Path) -> Stream:
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    cells = [line.split(",") for line in lines]
    times: Moments = np.array([time for time, _ in cells], dtype="datetime64[ms]").astype(np.int64)
    values = np.array([[float(value)] for _, value in cells])
    return Stream(_name(path), path.parent.name, (SENSOR,), times, values)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _ms(time: str) -> int:
    return int(np.datetime64(time, "ms").astype(np.int64))
