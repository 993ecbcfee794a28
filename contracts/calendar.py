"""When maintenance is: the `[[maintenance]]` of the settings as spans of time, for one asset.

A weekly entry begins at a time of the day where the plant is, also when its clocks change, and lasts so many hours.
Spans that meet or overlap are one: nothing begins or ends between them.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from contracts.limits import TS_MS_MAX
from contracts.moments import EPOCH, ONE_MS, ms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.settings import Maintenance, Settings

__all__ = ["DAY_MS", "WEEK_MS", "Calendar", "Span", "merged", "spans_of"]

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LAST_MS = TS_MS_MAX - 2 * DAY_MS
"""Python's calendar ends with the year 9999, everywhere on earth: no weekly maintenance begins later."""


class Span(NamedTuple):
    """Maintenance from `start` to before `end` (ms since the epoch)."""

    start: int
    end: int
    comment: str | None
    """Of the entry that begins first."""


class Calendar:
    """The maintenance of all assets."""

    def __init__(self, settings: Settings) -> None:
        self._entries = settings.maintenance
        self._by_asset: dict[str, tuple[Maintenance, ...]] = {}

    def concerns(self, asset: str) -> bool:
        """Whether any entry is about this asset: nearly always none is."""
        return bool(self._entries) and bool(self._of(asset))

    def covering(self, asset: str, ts: int) -> Span | None:
        """The maintenance that `ts` (ms) falls into. Its end is exact, or at least a week away."""
        return next((span for span in self.spans(asset, ts, ts + 1) if span.start <= ts < span.end), None)

    def spans(self, asset: str, start: int, end: int) -> list[Span]:
        """All maintenance that touches [start, end) (ms), in order of time, merged.

        Where one span follows another without a gap for more than a week on either side, it is cut there.
        """
        if not self._entries:
            return []
        found = (span for entry in self._of(asset) for span in spans_of(entry, start - WEEK_MS, end + WEEK_MS))
        return [span for span in merged(found) if span.start < end and span.end > start]

    def _of(self, asset: str) -> tuple[Maintenance, ...]:
        entries = self._by_asset.get(asset)
        if entries is None:
            entries = tuple(entry for entry in self._entries if fnmatchcase(asset, entry.asset))
            self._by_asset[asset] = entries
        return entries


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans of which no two meet, in order."""
    apart: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if apart and span.start <= apart[-1].end:
            apart[-1] = apart[-1]._replace(end=max(apart[-1].end, span.end))
        else:
            apart.append(span)
    return apart


def spans_of(entry: Maintenance, start: int, end: int) -> Iterator[Span]:
    """The spans of one entry that touch [start, end) (ms), as they are written: they may meet."""
    if entry.start is not None and entry.end is not None:
        span = Span(ms_of(entry.start), ms_of(entry.end), entry.comment)
        if span.start < end and span.end > start:
            yield span
        return
    zone = ZoneInfo(entry.time_zone)
    hour, minute = map(int, entry.at.split(":"))
    lasts_ms = round(entry.for_h * 3_600_000)
    day = _date(start - lasts_ms, zone) - timedelta(days=1)
    last = _date(end, zone)
    while day <= last:
        if DAYS[day.weekday()] in entry.days:
            begins = ms_of(datetime.combine(day, time(hour, minute), zone))
            if begins < end and begins + lasts_ms > start:
                yield Span(begins, begins + lasts_ms, entry.comment)
        day += timedelta(days=1)


def _date(ts: int, zone: ZoneInfo) -> date:
    return (EPOCH + min(max(ts, 0), _LAST_MS) * ONE_MS).astimezone(zone).date()
