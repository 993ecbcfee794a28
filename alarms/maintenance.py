"""Whether an asset is in maintenance at a time, and until when that answer holds.

The calendar is asked once for each stretch of time in which its answer is the same: a flood of alarms asks thousands of
times for the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contracts.calendar import WEEK_MS, Calendar

if TYPE_CHECKING:
    from contracts.calendar import Span
    from contracts.settings import Settings

__all__ = ["FOREVER", "Maintained", "Stretch"]

FOREVER = 1 << 62


class Stretch(NamedTuple):
    """From `start` to before `end` (ms) it is maintenance, or it isn't."""

    start: int
    end: int
    span: Span | None


class Maintained:
    """The maintenance of the assets of one key group. Memory: one stretch an asset that has entries."""

    def __init__(self, settings: Settings) -> None:
        self._calendar = Calendar(settings)
        self._stretches: dict[str, Stretch] = {}

    def concerns(self, asset: str) -> bool:
        """Whether there is any maintenance of this asset: nearly always there is none."""
        return self._calendar.concerns(asset)

    def at(self, asset: str, ts: int) -> Stretch:
        """The stretch that `ts` (ms) lies in."""
        if not self._calendar.concerns(asset):
            return Stretch(0, FOREVER, None)
        stretch = self._stretches.get(asset)
        if stretch is None or not stretch.start <= ts < stretch.end:
            stretch = self._stretches[asset] = self._look(asset, ts)
        return stretch

    def _look(self, asset: str, ts: int) -> Stretch:
        span = self._calendar.covering(asset, ts)
        if span is not None:
            return Stretch(span.start, span.end, span)
        ahead = self._calendar.spans(asset, ts, ts + WEEK_MS)
        return Stretch(ts, ahead[0].start if ahead else ts + WEEK_MS, None)
