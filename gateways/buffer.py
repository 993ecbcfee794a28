"""Store and forward: messages wait on the local disk until Kafka has them.

SQLite in WAL mode, one row for each *pack* of messages that arrived together, so that a disk's write serves hundreds
of readings. `append` returns when the pack is on the disk (synchronous = FULL): after that neither kill -9 nor a power
cut loses it. Packs are handed out in their order and stay until `forget` is told that Kafka has them: what was on its
way in a crash is sent twice, never not at all.

Bounded by bytes. When it is full, the oldest packs or the new one are given up, and the caller is told how many
messages that were.
"""

from __future__ import annotations

import fcntl
import sqlite3
from array import array
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, NamedTuple, Self

from contracts.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Buffer", "Message", "Pack"]

_SCHEMA = 1
_FILE = "buffer.sqlite3"


class Message(NamedTuple):
    """One Kafka message."""

    key: bytes
    value: bytes


class Pack(NamedTuple):
    """Messages of one topic that were stored together."""

    number: int
    topic: str
    messages: tuple[Message, ...]


class Buffer:
    """The packs on the disk. Of one thread; a context manager.

    Args:
        folder: is made where it is missing; of one gateway only.
        bytes_max: of all messages in it.
        drop_oldest: what is given up when it is full: the oldest, or what comes now.

    Raises: StateError if another process has the folder, or what is in it can't be used.
    """

    def __init__(self, folder: Path, *, bytes_max: int, drop_oldest: bool) -> None:
        self._bytes_max = bytes_max
        self._drop_oldest = drop_oldest
        self._path = folder / _FILE
        self._opened = ExitStack()
        self.messages = 0
        """That wait."""
        self.bytes = 0
        """Of them."""
        with ExitStack() as opened:  # what is open is closed again when the rest can't be
            self._take_over(folder, opened)
            self._rows = self._open(opened)
            self._opened = opened.pop_all()

    def append(self, topic: str, messages: Sequence[Message]) -> int:
        """Put messages on the disk; returns how many were given up because it is full.

        Raises: StateError if the disk doesn't take them.
        """
        body = _packed(messages)
        dropped = 0
        try:
            self._rows.execute("BEGIN IMMEDIATE")
            if self.bytes + len(body) > self._bytes_max:
                if not self._drop_oldest or len(body) > self._bytes_max:
                    self._rows.execute("COMMIT")
                    return len(messages)
                dropped = self._make_room(len(body))
            self._rows.execute(
                "INSERT INTO packs (topic, messages, bytes, body) VALUES (?, ?, ?, ?)",
                (topic, len(messages), len(body), body),
            )
            self._rows.execute("COMMIT")
        except sqlite3.Error as error:
            raise StateError(f"{self._path}: the disk doesn't take more ({error}).") from error
        self.messages += len(messages)
        self.bytes += len(body)
        return dropped

    def read(self, after: int, *, packs_max: int) -> list[Pack]:
        """The packs that follow one, in their order; 0 is before the first."""
        asked = "SELECT number, topic, body FROM packs WHERE number > ? ORDER BY number LIMIT ?"
        try:
            return [
                Pack(number, topic, _unpacked(body))
                for number, topic, body in self._rows.execute(asked, (after, packs_max))
            ]
        except sqlite3.Error as error:
            raise StateError(f"{self._path}: the buffer can't be read ({error}).") from error

    def forget(self, through: int) -> None:
        """Kafka has all packs up to this one.

        Raises: StateError if the disk doesn't take that.
        """
        asked = "DELETE FROM packs WHERE number <= ? RETURNING messages, bytes"
        try:
            self._count_off(self._rows.execute(asked, (through,)).fetchall())
        except sqlite3.Error as error:
            raise StateError(f"{self._path}: the buffer can't be written ({error}).") from error

    def close(self) -> None:
        """Let go of the files."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _take_over(self, folder: Path, opened: ExitStack) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = opened.enter_context((folder / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(f"{folder}: another gateway uses this buffer. Give each its own buffer_dir.") from None
        except OSError as error:
            raise StateError(f"{folder}: the buffer can't be opened ({error.strerror}).") from error

    def _open(self, opened: ExitStack) -> sqlite3.Connection:
        try:
            rows = opened.enter_context(
                closing(sqlite3.connect(self._path, isolation_level=None, check_same_thread=False))
            )
            rows.execute("PRAGMA journal_mode = WAL")
            rows.execute("PRAGMA synchronous = FULL")
            (version,) = rows.execute("PRAGMA user_version").fetchone()
            if version not in {0, _SCHEMA}:
                raise StateError(f"{self._path}: version {version} of the buffer, this andon knows {_SCHEMA}.")
            rows.execute(
                "CREATE TABLE IF NOT EXISTS packs (number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL,"
                " messages INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL)"
            )
            rows.execute(f"PRAGMA user_version = {_SCHEMA}")
            asked = "SELECT COALESCE(SUM(messages), 0), COALESCE(SUM(bytes), 0) FROM packs"
            self.messages, self.bytes = rows.execute(asked).fetchone()
        except sqlite3.Error as error:
            raise StateError(
                f"{self._path}: the buffer can't be used ({error}). Move it away to go on without what is in it."
            ) from error
        return rows

    def _make_room(self, wanted: int) -> int:
        """Give up the oldest packs, a sixteenth of the bound at once: not one for one with each that comes."""
        room = max(wanted, self._bytes_max // 16)
        freed, through = 0, 0
        for number, size in self._rows.execute("SELECT number, bytes FROM packs ORDER BY number"):
            freed, through = freed + size, number
            if self.bytes - freed + room <= self._bytes_max:
                break
        before = self.messages
        self.forget(through)
        return before - self.messages

    def _count_off(self, gone: Sequence[tuple[int, int]]) -> None:
        self.messages -= sum(messages for messages, _ in gone)
        self.bytes -= sum(size for _, size in gone)


def _packed(messages: Sequence[Message]) -> bytes:
    """Count and lengths, then the bytes."""
    lengths = array("I", [len(messages)])
    parts: list[bytes] = []
    for message in messages:
        lengths.append(len(message.key))
        lengths.append(len(message.value))
        parts += message
    return b"".join((lengths.tobytes(), *parts))


def _unpacked(body: bytes) -> tuple[Message, ...]:
    lengths = array("I")
    size = lengths.itemsize
    lengths.frombytes(body[:size])
    count = lengths[0]
    at = size * (1 + 2 * count)
    lengths.frombytes(body[size:at])
    messages = []
    for number in range(count):
        middle = at + lengths[1 + 2 * number]
        end = middle + lengths[2 + 2 * number]
        messages.append(Message(body[at:middle], body[middle:end]))
        at = end
    return tuple(messages)
