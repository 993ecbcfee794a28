"""Readings as a screen can show them: the lowest, the highest and the last of each bucket, in three finenesses.

Of what is read twice nothing is doubled: a bucket that is written again keeps the lower low, the higher high and the
later last.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from console.store import LEVELS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from console.plant import Readings
    from console.store import Level, Store

__all__ = ["Trend", "Trends"]

READINGS_HELD_MAX = 2_000_000
"""Before they are written whether it is time or not: 48 MB."""

SERIES_MAX = 50_000
"""Sensors with trends. Others are counted, and have none."""

_MERGE = """
INSERT INTO trend VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (series, level, start) DO UPDATE SET
    low = min(low, excluded.low), high = max(high, excluded.high),
    last = iif(excluded.last_ts >= last_ts, excluded.last, last), last_ts = max(last_ts, excluded.last_ts)
"""


class Trend(NamedTuple):
    """One series between two times: a point a bucket, in order of time."""

    step_ms: int
    start: list[int]
    low: list[float]
    high: list[float]
    last: list[float]


class Trends:
    """Takes readings from one thread, writes them now and then, and answers for any number of screens."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._held: list[Readings] = []
        self._held_count = 0
        self._ids: dict[tuple[str, str], int] = {}
        self.refused: set[tuple[str, str]] = set()
        with store.reading() as connection:
            self._ids = {
                (asset, sensor): number
                for number, asset, sensor in connection.execute("SELECT id, asset, sensor FROM series")
            }
            newest = connection.execute("SELECT max(last_ts) FROM trend WHERE level = 2").fetchone()[0]
        self.newest_ts: int = newest or 0
        """Event time of the newest reading (ms); 0: there was none."""

    def take(self, readings: Readings) -> None:
        """Readings in any order; written at the next `flush`."""
        with self._lock:
            self._held.append(readings)
            self._held_count += len(readings.ts)
            full = self._held_count >= READINGS_HELD_MAX
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what was taken.

        Raises: StateError if the file can't be written.
        """
        with self._lock:
            held, self._held, self._held_count = self._held, [], 0
        if not held:
            return
        with self._store.writing() as connection:
            series = np.concatenate([self._numbers(connection, readings) for readings in held])
            ts = np.concatenate([readings.ts for readings in held]).astype(np.int64)
            value = np.concatenate([readings.value for readings in held]).astype(np.float64)
            known = series >= 0
            series, ts, value = series[known], ts[known], value[known]
            if not len(ts):
                return
            self.newest_ts = max(self.newest_ts, int(ts.max()))
            for level in LEVELS:
                recent = ts >= self.newest_ts - level.keep_ms
                if recent.any():
                    connection.executemany(_MERGE, _buckets(level, series[recent], ts[recent], value[recent]))

    def names(self) -> list[tuple[str, str]]:
        """(asset, sensor) of all series, sorted."""
        return sorted(list(self._ids))  # noqa: C414 - a copy at once: another thread may add to it meanwhile

    def of(self, asset: str, sensor: str, *, from_ms: int, to_ms: int, points_max: int) -> Trend:
        """One series between two times, in at most about so many points; empty where nothing is known."""
        self.flush()
        number = self._ids.get((asset, sensor))
        level = self._level(from_ms, to_ms, points_max)
        if number is None:
            return Trend(level.step_ms, [], [], [], [])
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT start, low, high, last FROM trend WHERE series = ? AND level = ? AND start > ? AND start <= ?"
                " ORDER BY start",
                (number, level.number, from_ms - level.step_ms, to_ms),
            ).fetchall()
        return _thinned(rows, level.step_ms, max(level.step_ms, (to_ms - from_ms) // max(points_max, 1)))

    def _level(self, from_ms: int, to_ms: int, points_max: int) -> Level:
        """The finest one that still has this time, and isn't far finer than the screen."""
        wanted = (to_ms - from_ms) / max(points_max, 1)
        fitting = [level for level in LEVELS if from_ms >= self.newest_ts - level.keep_ms] or [LEVELS[-1]]
        coarse = [level for level in fitting if level.step_ms <= max(wanted, fitting[0].step_ms)]
        return coarse[-1]

    def _numbers(self, connection: sqlite3.Connection, readings: Readings) -> NDArray[np.int64]:
        """The store's numbers of the readings' series; -1: it isn't kept."""
        numbers = np.full(max(len(readings.names), 1), -1, np.int64)
        for index in np.unique(readings.series).tolist():
            name = readings.names[index]
            number = self._ids.get(name)
            if number is None:
                if len(self._ids) >= SERIES_MAX:
                    self.refused.add(name)
                    continue
                connection.execute("INSERT OR IGNORE INTO series (asset, sensor) VALUES (?, ?)", name)
                number = connection.execute("SELECT id FROM series WHERE asset = ? AND sensor = ?", name).fetchone()[0]
                self._ids[name] = int(number)
            numbers[index] = number
        return np.asarray(numbers[readings.series], np.int64)


def _buckets(
    level: Level, series: NDArray[np.int64], ts: NDArray[np.int64], value: NDArray[np.float64]
) -> Iterator[tuple[int, int, int, float, float, float, int]]:
    """A row for each series and bucket."""
    start = ts - ts % level.step_ms
    order = np.lexsort((ts, start, series))
    series, start, ts, value = series[order], start[order], ts[order], value[order]
    first = np.flatnonzero(np.concatenate(([True], (series[1:] != series[:-1]) | (start[1:] != start[:-1]))))
    last = np.append(first[1:], len(ts)) - 1
    columns = (
        series[first],
        np.full(len(first), level.number),
        start[first],
        np.minimum.reduceat(value, first),
        np.maximum.reduceat(value, first),
        value[last],
        ts[last],
    )
    return zip(*(column.tolist() for column in columns), strict=True)


def _thinned(rows: Sequence[tuple[int, float, float, float]], step_ms: int, wanted_ms: int) -> Trend:
    """Neighbouring buckets together, until there are as many as were asked for."""
    if not rows:
        return Trend(step_ms, [], [], [], [])
    start, low, high, last = (np.array(column) for column in zip(*rows, strict=True))
    wide = max(step_ms, wanted_ms - wanted_ms % step_ms)
    bucket = start // wide
    first = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
    ends = np.append(first[1:], len(start)) - 1
    return Trend(
        int(wide),
        (bucket[first] * wide).tolist(),
        np.minimum.reduceat(low, first).tolist(),
        np.maximum.reduceat(high, first).tolist(),
        last[ends].tolist(),
    )
