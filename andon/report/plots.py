"""The plots of a report, as SVG within a page, which gives the colours; no meaning hangs on a colour alone."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from math import log10
from typing import TYPE_CHECKING

from andon.printing import clock_of
from andon.report.targets import PRIORITY_TARGETS
from andon.report.text import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from andon.report.figures import Counted, Figures, Portion

__all__ = ["column_periods", "priority_plot", "rate_plot", "top_plot"]

WIDTH = 960
LEFT, RIGHT, TOP, BOTTOM = 52, 96, 12, 28
RATE_HEIGHT = 260

COLUMNS_MAX = 288
"""Two days of ten minutes; of a longer time, a column is the highest of some neighbours."""

LINEAR_MAX = 40
"""Peaks above it are drawn on a logarithmic scale, or the target line would lie on the floor."""

ROW_HEIGHT = 26
NAME_WIDTH = 380
NAME_CHARACTERS_MAX = 52

_HOUR_MS = 3_600_000
_STEPS_MS = [
    *(minutes * 60_000 for minutes in (10, 30)),
    *(hours * _HOUR_MS for hours in (1, 2, 3, 6, 12)),
    *(days * 24 * _HOUR_MS for days in (1, 2, 7, 14, 28, 56, 112)),
]
_TICKS_MAX = 9


def column_periods(figures: Figures) -> int:
    """How many periods of ten minutes a column of the plot stands for: it shows the highest of them."""
    return -(-len(figures.rate.per_10min) // COLUMNS_MAX)


def rate_plot(figures: Figures) -> str:
    """Alarms per ten minutes over the time, with what EEMUA 191 asks for, and the floods."""
    counts = figures.rate.per_10min
    width = column_periods(figures)
    columns = [max(counts[place : place + width]) for place in range(0, len(counts), width)]
    peak = max(*columns, 12)
    scale = _Scale(peak)
    each = (WIDTH - LEFT - RIGHT) * width / len(counts)
    told = (
        f"{figures.annunciated:,} alarms, at most {figures.rate.per_10min_peak:,} in ten minutes; "
        f"{len(figures.floods):,} floods, marked by hatching"
    )
    return _svg(
        "rate", RATE_HEIGHT, "Alarms per ten minutes over time", told, _rate_parts(figures, columns, scale, each)
    )


class _Scale:
    """Heights of counts: linear, or logarithmic where peaks are high."""

    def __init__(self, peak: int) -> None:
        self._peak = peak
        self._linear = peak <= LINEAR_MAX

    def ticks(self) -> list[int]:
        """Counts that are worth a line."""
        if self._linear:
            step = 2 if self._peak <= 16 else 5 if self._peak <= LINEAR_MAX // 2 + 10 else 10
            return list(range(0, self._peak + 1, step))
        return [0, *(10**power for power in range(int(log10(self._peak)) + 1))]

    def y(self, count: float) -> float:
        """From the top of the plot."""
        share = count / self._peak if self._linear else log10(1 + count) / log10(1 + self._peak)
        return TOP + (1 - share) * (RATE_HEIGHT - TOP - BOTTOM)


def _rate_parts(figures: Figures, columns: Sequence[int], scale: _Scale, each: float) -> Iterator[str]:
    floor, right = scale.y(0), WIDTH - RIGHT
    lasting_ms = figures.end_ts - figures.start_ts

    def x(ts: int) -> float:
        share = (min(max(ts, figures.start_ts), figures.end_ts) - figures.start_ts) / lasting_ms
        return LEFT + share * (right - LEFT)

    yield (
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line class="hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>'
    )
    for flood in figures.floods:
        begin, end = x(flood.start_ts), x(figures.end_ts if flood.end_ts is None else flood.end_ts)
        yield (
            f'<rect class="flood" fill="url(#hatch)" x="{begin:.1f}" y="{TOP}" width="{max(2, end - begin):.1f}" '
            f'height="{floor - TOP:.1f}"><title>flood from {clock_of(flood.start_ts)}: {flood.raised:,} alarms</title>'
            "</rect>"
        )
    for tick in scale.ticks():
        y = scale.y(tick)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,}</text>'
    column_ms = lasting_ms / len(figures.rate.per_10min) * column_periods(figures)
    for place, count in enumerate(columns):
        if count:
            at = figures.start_ts + round(place * column_ms)
            left, y = LEFT + place * each, scale.y(count)
            broad = min(each, right - left)  # the last column may stand for fewer periods
            yield (
                f'<rect class="bar" x="{left:.1f}" y="{y:.1f}" width="{max(0.8, broad * 0.9):.1f}" '
                f'height="{floor - y:.1f}"><title>{clock_of(at)}: {count:,}</title></rect>'
            )
    for count, words in ((1, "target: mean 1"), (10, "flood above 10")):
        y = scale.y(count)
        yield f'<line class="target" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'<text class="target-name" x="{right + 6}" y="{y + 4:.1f}">{words}</text>'
    step = next((step for step in _STEPS_MS if lasting_ms / step <= _TICKS_MAX), _STEPS_MS[-1])
    for ts in range(-(-figures.start_ts // step) * step, figures.end_ts + 1, step):
        yield (
            f'<text class="axis" x="{x(ts):.1f}" y="{RATE_HEIGHT - 8}" text-anchor="middle">{_time_of(ts, step)}</text>'
        )


def _time_of(ts: int, step_ms: int) -> str:
    moment = datetime.fromtimestamp(ts / 1000, UTC)
    midnight = ts % (24 * _HOUR_MS) == 0
    return f"{moment:%m-%d}" if midnight or step_ms >= 24 * _HOUR_MS else f"{moment:%H:%M}"


def top_plot(alarms: Sequence[Counted]) -> str:
    """The most frequent alarms as bars, with their counts."""
    most = max((one.count for one in alarms), default=1)
    told = "; ".join(f"{named(one.alarm)}: {one.count:,}" for one in alarms)
    room = WIDTH - NAME_WIDTH - RIGHT - 40

    def parts() -> Iterator[str]:
        for row, one in enumerate(alarms):
            y = TOP + row * ROW_HEIGHT
            long = one.count / most * room
            yield (
                f'<text class="name" x="{NAME_WIDTH - 8}" y="{y + 17}" text-anchor="end">{_short(named(one.alarm))}'
                f"<title>{escape(named(one.alarm))}</title></text>"
            )
            yield f'<rect class="bar" x="{NAME_WIDTH}" y="{y + 4}" width="{long:.1f}" height="{ROW_HEIGHT - 8}"/>'
            text = f"{one.count:,} ({one.share * 100:.3g} %)"
            yield f'<text class="figure" x="{NAME_WIDTH + long + 6:.1f}" y="{y + 17}">{text}</text>'

    return _svg("top", 2 * TOP + len(alarms) * ROW_HEIGHT, "The most frequent alarms", told, parts())


def priority_plot(priorities: Mapping[str, Portion]) -> str:
    """The share of each priority beside the share that it should have."""
    told = "; ".join(
        f"{name}: {part.share * 100:.3g} %, target {PRIORITY_TARGETS[name] * 100:.3g} %"
        for name, part in priorities.items()
    )
    left = 96
    room = WIDTH - left - 200

    def parts() -> Iterator[str]:
        for row, (name, part) in enumerate(priorities.items()):
            y = TOP + row * ROW_HEIGHT
            target = left + PRIORITY_TARGETS[name] * room
            long = part.share * room
            yield f'<text class="name" x="{left - 8}" y="{y + 17}" text-anchor="end">{escape(name)}</text>'
            yield f'<rect class="bar" x="{left}" y="{y + 4}" width="{long:.1f}" height="{ROW_HEIGHT - 8}"/>'
            yield f'<line class="target" x1="{target:.1f}" y1="{y}" x2="{target:.1f}" y2="{y + ROW_HEIGHT}"/>'
            beyond = max(left + long, target) + 8
            words = f"{part.share * 100:.3g} %, target {PRIORITY_TARGETS[name] * 100:.3g} %"
            yield f'<text class="figure" x="{beyond:.1f}" y="{y + 17}">{words}</text>'

    height = 2 * TOP + len(priorities) * ROW_HEIGHT
    return _svg("priorities", height, "Share of each priority, and its target", told, parts())


def _short(name: str) -> str:
    return escape(name if len(name) <= NAME_CHARACTERS_MAX else f"{name[: NAME_CHARACTERS_MAX - 1]}…")


def _svg(name: str, height: int, title: str, told: str, parts: Iterable[str]) -> str:
    """A plot with words for those who can't see it."""
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{name}-title {name}-told">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-told">{escape(told)}</desc>'
    )
    return "\n".join([head, *parts, "</svg>"])
