"""Curves under each other over one time axis, as an SVG that needs nothing to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Curve", "curves"]

WIDTH, HEIGHT, LEFT, GAP = 800, 130, 70, 45
POINTS_MAX = 600


class Curve(NamedTuple):
    """One curve: its points are (x, y), x ascending."""

    title: str
    points: Sequence[tuple[float, float]]


def curves(drawn: Sequence[Curve], *, across: str) -> str:
    """Draw them, each on a scale of its own that begins at 0.

    Args:
        across: what x is.
    """
    x_max = max((x for curve in drawn for x, _ in curve.points), default=0.0) or 1.0
    full = len(drawn) * (HEIGHT + GAP) + GAP
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {full}" '
            'font-family="sans-serif" font-size="13">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, curve in enumerate(drawn):
        parts += _one(curve, top=number * (HEIGHT + GAP) + GAP - 10, x_max=x_max)
    parts.append(f'<text x="{LEFT + WIDTH}" y="{full - 8}" text-anchor="end">{x_max:.0f} {escape(across)}</text></svg>')
    return "\n".join(parts) + "\n"


def _one(curve: Curve, *, top: float, x_max: float) -> list[str]:
    y_max = max((y for _, y in curve.points), default=0.0) * 1.1 or 1.0
    step = max(1, len(curve.points) // POINTS_MAX)
    line = " ".join(
        f"{LEFT + WIDTH * x / x_max:.1f},{top + HEIGHT * (1 - y / y_max):.1f}" for x, y in curve.points[::step]
    )
    return [
        f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{escape(curve.title)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>',
        f'<text x="{LEFT - 6}" y="{top + 12}" text-anchor="end">{y_max:.3g}</text>',
        f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
        f'<polyline points="{line}" fill="none" stroke="#0b62a4" stroke-width="1.5"/>',
    ]
