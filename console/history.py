"""What was told: each transition once, by its event id, so that an alarm's story can be read from its first word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from pydantic import ValidationError

from contracts.alerts import read_alert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.plant import HeardAlert
    from console.store import Store
    from contracts.alerts import Alert

__all__ = ["History", "Line"]

LINES_MAX = 2_000
"""Of one story, or of one asset on a screen: the newest."""

REPORT_MAX = 200_000
"""Transitions in a report."""


class Line(NamedTuple):
    """One transition as it was heard."""

    event_id: str
    source: str
    config: str
    place: str
    heard_ms: int
    body: bytes

    def document(self) -> dict[str, Any]:
        """For the page."""
        return {
            "event_id": self.event_id,
            "source": self.source,
            "config": self.config,
            "place": self.place,
            "heard_ms": self.heard_ms,
            "alert": orjson.loads(self.body),
        }


class History:
    """Keeps transitions, and finds them again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.unreadable = 0

    def take(self, heard: Iterable[HeardAlert]) -> list[tuple[HeardAlert, Alert]]:
        """Keep what is new; returns it. What is no alert of this version is counted.

        Raises: StateError if the file can't be written.
        """
        fresh = []
        with self._store.writing() as connection:
            for each in heard:
                try:
                    alert = read_alert(each.body)
                except ValidationError:
                    self.unreadable += 1
                    continue
                row = (each.event_id, alert.alert_id, alert.ts, alert.asset)
                more = (each.source, each.config, each.place, each.heard_ms, each.body)
                done = connection.execute(
                    "INSERT OR IGNORE INTO alert (event_id, alert_id, ts, asset, source, config, place, heard_ms, body)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, *more),
                )
                if done.rowcount:
                    fresh.append((each, alert))
        return fresh

    @property
    def newest_heard_ms(self) -> int | None:
        """When the newest was written, by Kafka's clock; None: there is none."""
        with self._store.reading() as connection:
            found: int | None = connection.execute("SELECT max(heard_ms) FROM alert").fetchone()[0]
        return found

    @property
    def oldest_ts(self) -> int | None:
        """Event time of the oldest that is kept (ms); None: there is none."""
        with self._store.reading() as connection:
            found: int | None = connection.execute("SELECT min(ts) FROM alert").fetchone()[0]
        return found

    def story(self, alert_id: str) -> list[Line]:
        """All transitions of one episode of an alarm, in the order in which they were heard."""
        return self._lines("alert_id = ? ORDER BY number DESC", (alert_id,))

    def of_asset(self, asset: str, *, from_ms: int, to_ms: int) -> list[Line]:
        """Transitions of an asset between two times."""
        return self._lines("asset = ? AND ts >= ? AND ts <= ? ORDER BY ts DESC, number DESC", (asset, from_ms, to_ms))

    def between(self, from_ms: int, to_ms: int) -> list[tuple[str, bytes]]:
        """(event id, body) of the newest REPORT_MAX transitions between two times, in order."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT event_id, body FROM alert WHERE ts >= ? AND ts < ? ORDER BY number DESC LIMIT ?",
                (from_ms, to_ms, REPORT_MAX),
            ).fetchall()
        return rows[::-1]

    def assets(self) -> list[str]:
        """Names of the assets that alerts were about."""
        with self._store.reading() as connection:
            return [row[0] for row in connection.execute("SELECT DISTINCT asset FROM alert ORDER BY asset")]

    def _lines(self, condition: str, values: tuple[Any, ...]) -> list[Line]:
        # Our own words; what comes from people goes in as values.
        query = f"SELECT event_id, source, config, place, heard_ms, body FROM alert WHERE {condition} LIMIT {LINES_MAX}"  # noqa: S608
        with self._store.reading() as connection:
            rows = connection.execute(query, values).fetchall()
        return [Line(*row) for row in rows][::-1]
