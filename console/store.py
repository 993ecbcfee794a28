"""The console's own file: SQLite, so that a page shows days also after a restart. Everything in it can be read anew.

One thread writes at a time, any number read beside it (write-ahead log). It is bounded by days and by size: what is too
old goes, and while the file is too large, the oldest tenth of the finest trends, then of the alerts.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from contracts.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LEVELS", "Level", "Store"]

VERSION = 1
BUSY_S = 10.0
WAL_PAGES = 2_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, asset TEXT NOT NULL, sensor TEXT NOT NULL, UNIQUE (asset, sensor)
);
CREATE TABLE IF NOT EXISTS trend (
    series INTEGER NOT NULL, level INTEGER NOT NULL, start INTEGER NOT NULL,
    low REAL NOT NULL, high REAL NOT NULL, last REAL NOT NULL, last_ts INTEGER NOT NULL,
    PRIMARY KEY (series, level, start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert (
    number INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, ts INTEGER NOT NULL,
    asset TEXT NOT NULL, source TEXT NOT NULL, config TEXT NOT NULL, place TEXT NOT NULL,
    heard_ms INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS alert_by_id ON alert (alert_id, number);
CREATE INDEX IF NOT EXISTS alert_by_asset ON alert (asset, ts);
CREATE INDEX IF NOT EXISTS alert_by_ts ON alert (ts);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""

DAY_MS = 86_400_000


class Level:
    """One fineness of trends."""

    def __init__(self, number: int, *, step_ms: int, keep_days: float) -> None:
        self.number = number
        self.step_ms = step_ms
        self.keep_ms = round(keep_days * DAY_MS)


LEVELS = (
    Level(0, step_ms=10_000, keep_days=1),
    Level(1, step_ms=60_000, keep_days=7),
    Level(2, step_ms=600_000, keep_days=3660),
)
"""A screen of 1,000 points is three hours of the first, seventeen of the second, a week of the third."""


class Store:
    """Opens the file, and gives connections to it.

    Raises: StateError if it can't be used.
    """

    def __init__(self, path: str | Path, *, mb_max: int, history_days: float) -> None:
        self.path = Path(path)
        self._bytes_max = mb_max * 1024 * 1024
        self._history_ms = round(history_days * DAY_MS)
        self._lock = Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._open()
            self._writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._writer.execute("PRAGMA journal_mode = WAL")
            found = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, VERSION):
                raise StateError(
                    f"{self.path}: a newer andon wrote it (version {found}, this one knows {VERSION}). "
                    "Remove the file, or name another in console.store: what is in it can be read anew."
                )
            self._writer.executescript(_SCHEMA)
            self._writer.execute(f"PRAGMA user_version = {VERSION}")
            self.path.chmod(0o600)  # the secret of sessions is in it
        except (sqlite3.Error, OSError) as error:
            raise StateError(
                f"{self.path}: the console's store can't be opened ({error}). Mend or remove the file, or name another "
                "in console.store: what is in it can be read anew."
            ) from error

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, one thread at a time.

        Raises: StateError if the file can't be written, as on a full disk. Nothing of the transaction is kept then.
        """
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise StateError(f"{self.path}: can't be written ({error}).") from error
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, which sees one state of the file."""
        connection = self._open()
        try:
            connection.execute("PRAGMA query_only = ON")
            yield connection
        finally:
            connection.close()

    @property
    def size(self) -> int:
        """Bytes of the file that are used."""
        with self.reading() as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)

    def prune(self, now_ms: int) -> None:
        """Let go of what is too old, and of the oldest while there is too much.

        Args:
            now_ms: the time at the plant.
        """
        with self.writing() as connection:
            ids = [row[0] for row in connection.execute("SELECT id FROM series")]
            for level in LEVELS:
                before = now_ms - min(level.keep_ms, self._history_ms)
                for series in ids:
                    connection.execute(
                        "DELETE FROM trend WHERE series = ? AND level = ? AND start < ?", (series, level.number, before)
                    )
            connection.execute("DELETE FROM alert WHERE ts < ?", (now_ms - self._history_ms,))
        while self.size > self._bytes_max and self._cut():
            pass
        with self._lock:
            self._writer.execute("PRAGMA incremental_vacuum")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _cut(self) -> bool:
        """Let go of the oldest tenth of what matters least; False: there is nothing left."""
        with self.writing() as connection:
            for level in LEVELS:
                first, last = connection.execute(
                    "SELECT min(start), max(start) FROM trend WHERE level = ?", (level.number,)
                ).fetchone()
                if first is None or first == last:
                    continue
                bound = first + max(level.step_ms, (last - first) // 10)
                connection.execute("DELETE FROM trend WHERE level = ? AND start < ?", (level.number, bound))
                return True
            first, last = connection.execute("SELECT min(number), max(number) FROM alert").fetchone()
            if first is None or first == last:
                return False
            connection.execute("DELETE FROM alert WHERE number < ?", (first + max(1, (last - first) // 10),))
            return True

    def note(self, name: str, make: bytes) -> bytes:
        """A value that stays the same over restarts: what was noted first under this name."""
        with self.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO note VALUES (?, ?)", (name, make))
            return bytes(connection.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()[0])

    def close(self) -> None:
        """Write all of it into the file itself."""
        with self._lock:
            self._writer.close()
