"""Tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap

from benchmarks.accuracy.bootstrap import Interval

__all__ = ["figure", "interval", "paragraph", "table"]

WIDTH = 120


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; figures stand to the right."""
    return [
        f"| {' | '.join(header)} |",
        f"|{'|'.join(['---', *['---:'] * (len(header) - 1)])}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def paragraph(*sentences: str) -> list[str]:
    """The lines of a paragraph, and an empty one after it."""
    return [*wrap(" ".join(sentences), WIDTH, break_long_words=False, break_on_hyphens=False), ""]


def figure(value: float | None, digits: int = 1) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def interval(value: Interval | None, digits: int = 1) -> str:
    """`64.4 to 78.0`."""
    return "–" if value is None else f"{figure(value.low, digits)} to {figure(value.high, digits)}"
