"""Streams as pictures: what was measured, what was expected, where the faults are, and where andon alarmed."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.accuracy.streams import Flags, Floats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.accuracy.contenders.judged import Judged
    from benchmarks.accuracy.streams import Stream

__all__ = ["drawing", "write_plots"]

WIDTH, HEIGHT, SCORE_HEIGHT, MARGIN = 1200, 160, 70, 24
SENSORS_MAX = 8
"""Of one stream that are drawn."""
STYLE = (
    "text{font:12px sans-serif;fill:#333}.value{fill:none;stroke:#1f5fa8;stroke-width:1}"
    ".score{fill:none;stroke:#555;stroke-width:1}.fault{fill:#f4b9a7;opacity:.6}.active{fill:#ffd75e;opacity:.6}"
    ".alarm{stroke:#c00000;stroke-width:1.5}"
)


def write_plots(
    folder: Path, streams: Sequence[Stream], judged: Mapping[str, Judged], faulty: Mapping[str, Flags]
) -> None:
    """One SVG a stream, and a page with all of them.

    Args:
        judged: by one contender, by name of the stream.
        faulty: which rows are, by the labels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stream in streams:
        picture = drawing(stream, judged[stream.name], faulty[stream.name])
        (folder / f"{stream.file_name}.svg").write_text(picture, encoding="utf-8")
    images = "\n".join(f'<p><img src="{escape(one.file_name)}.svg" alt="{escape(one.name)}"></p>' for one in streams)
    legend = "Red: labelled as a fault. Yellow: in alarm. Red line: an alarm was raised. Below: the score."
    page = f'<!doctype html><meta charset="utf-8"><title>What andon saw</title>\n<p>{legend}</p>\n{images}\n'
    (folder / "index.html").write_text(page, encoding="utf-8")


def drawing(stream: Stream, judged: Judged, faulty: Flags) -> str:
    """The picture of one stream as SVG: each sensor, and the score below."""
    n, shown = len(stream.times_ms), min(SENSORS_MAX, len(stream.sensors))
    height = MARGIN + shown * HEIGHT + SCORE_HEIGHT + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_bands(faulty, n, MARGIN, height - MARGIN, "fault"),
        *([] if judged.active is None else _bands(judged.active, n, MARGIN, height - MARGIN, "active")),
        f'<text x="4" y="16">{escape(stream.name)}</text>',
    ]
    for index in range(shown):
        top = MARGIN + index * HEIGHT
        parts.append(_line(stream.values[:, index], top, HEIGHT - 8, "value"))
        parts.append(f'<text x="4" y="{top + 14}">{escape(stream.sensors[index])}</text>')
    parts.append(_line(np.nan_to_num(judged.scores), MARGIN + shown * HEIGHT, SCORE_HEIGHT - 8, "score"))
    if judged.alarms is not None:
        for row in np.flatnonzero(judged.alarms).tolist():
            x = _x(row, n)
            parts.append(f'<line class="alarm" x1="{x}" x2="{x}" y1="{MARGIN}" y2="{height - MARGIN}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _bands(flags: Flags, n: int, top: int, bottom: int, kind: str) -> list[str]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [
        f'<rect class="{kind}" x="{_x(first, n)}" y="{top}" width="{max(1.0, _x(last, n) - _x(first, n)):.1f}" '
        f'height="{bottom - top}"/>'
        for first, last in edges.reshape(-1, 2).tolist()
    ]


def _line(values: Floats, top: int, height: int, kind: str) -> str:
    """Lowest and highest value of each column of pixels: nothing that stands out is lost."""
    n = len(values)
    low, span = float(values.min()), float(np.ptp(values)) or 1.0
    points: list[str] = []
    for rows in np.array_split(np.arange(n), min(n, WIDTH)):
        part = values[rows]
        points += [
            f"{_x(row, n)},{top + height - height * (float(values[row]) - low) / span:.1f}"
            for row in sorted({int(rows[part.argmin()]), int(rows[part.argmax()])})
        ]
    return f'<polyline class="{kind}" points="{" ".join(points)}"/>'


def _x(row: int, n: int) -> float:
    return round(WIDTH * row / max(1, n), 1)
