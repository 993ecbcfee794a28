"""Figures as a picture: a bar each, on a scale of powers of ten, because contenders differ a thousandfold."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "bars"]

WIDTH, LEFT, RIGHT, ROW, TOP = 860, 230, 90, 26, 44
STYLE = (
    "text{font:13px sans-serif;fill:#222}.title{font-weight:bold}.axis{stroke:#ccc}.scale{fill:#666;font-size:11px}"
    ".bar{fill:#8aa4c0}.ours{fill:#1f5fa8}.range{stroke:#222}"
)


class Bar(NamedTuple):
    """A figure above 0, with the range of its rounds."""

    name: str
    value: float
    low: float
    high: float
    ours: bool = False


def bars(title: str, unit: str, shown: Sequence[Bar]) -> str:
    """The picture as SVG.

    Args:
        title: what it shows, with the date and the machine.
        unit: of the values.

    Raises: ValueError if a figure isn't above 0.
    """
    if any(bar.low <= 0 for bar in shown):
        raise ValueError("a scale of powers of ten begins above 0")
    first = math.floor(math.log10(min(bar.low for bar in shown)))
    last = math.ceil(math.log10(max(bar.high for bar in shown)))
    last += last == first

    def x(value: float) -> float:
        return round(LEFT + (math.log10(value) - first) / (last - first) * (WIDTH - LEFT - RIGHT), 1)

    bottom = TOP + ROW * len(shown)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 30}" '
            f'viewBox="0 0 {WIDTH} {bottom + 30}">'
        ),
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{bottom + 30}" fill="white"/>',
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
    ]
    for power in range(first, last + 1):
        at = x(10.0**power)
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="{TOP - 6}" y2="{bottom}"/>')
        parts.append(
            f'<text class="scale" x="{at}" y="{bottom + 16}" text-anchor="middle">{10.0**power:g} {unit}</text>'
        )
    for row, bar in enumerate(shown):
        y = TOP + ROW * row
        middle = y + ROW / 2 - 2
        parts.append(f'<text x="{LEFT - 8}" y="{middle + 5}" text-anchor="end">{escape(bar.name)}</text>')
        kind = "ours" if bar.ours else "bar"
        parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{x(bar.value) - LEFT:.1f}" height="{ROW - 6}"/>')
        parts.append(f'<line class="range" x1="{x(bar.low)}" x2="{x(bar.high)}" y1="{middle}" y2="{middle}"/>')
        parts.append(f'<text x="{max(x(bar.value), x(bar.high)) + 6}" y="{middle + 5}">{bar.value:.3g}</text>')
    return "\n".join([*parts, "</svg>", ""])
