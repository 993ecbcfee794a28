"""Scores and alarms of every row, in files: whoever has a better way to score can use it on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.accuracy.runs import Run
    from benchmarks.accuracy.streams import Floats, Stream

__all__ = ["read_scores", "write_run"]

HEADER = "timestamp,anomaly_score,alarm,active"


def write_run(folder: Path, run: Run, streams: Sequence[Stream]) -> Path:
    """One file a stream, in a folder named after the contender; an empty cell: it doesn't say.

    Returns: the folder of the contender.
    """
    root = folder / re.sub(r"[^a-z0-9]+", "-", run.name.lower()).strip("-")
    for stream in streams:
        judged = run.judged[stream.name]
        times = np.datetime_as_string(stream.times_ms.astype("datetime64[ms]"), unit="s").tolist()
        columns = (
            times,
            ("" if np.isnan(score) else repr(score) for score in judged.scores.tolist()),
            *(_cells(flags, len(times)) for flags in (judged.alarms, judged.active)),
        )
        file = root / f"{stream.name}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (",".join(cells) for cells in zip(*columns, strict=True))
        file.write_text("\n".join((HEADER, *lines, "")), encoding="utf-8")
    return root


def read_scores(folder: Path) -> dict[str, Floats]:
    """What is in the column `anomaly_score` of each file of a folder, by name of the stream; NaN: an empty cell."""
    scores = {}
    for path in sorted(folder.rglob("*.csv")):
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        column = header.split(",").index("anomaly_score")
        cells = [line.split(",")[column] for line in lines]
        name = path.relative_to(folder).with_suffix("").as_posix()
        scores[name] = np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    return scores


def _cells(flags: np.ndarray | None, count: int) -> list[str]:
    return [""] * count if flags is None else ["1" if flag else "0" for flag in flags.tolist()]
