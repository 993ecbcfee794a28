"""The sensors' windows of one asset side by side, as one row, for a detector that sees all of them together.

A row is taken when every sensor known so far has closed its window, or when one of them has closed a later window. A
sensor without a window in the row (silent, or no usable value) stands in it with its last value. A window that comes
after its row was taken only brings its value up to date. The first row waits for a later window: until then nobody
knows which sensors there are.

Cost: a dictionary entry per sensor, Python's speed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Join", "JoinedRow"]


class JoinedRow(NamedTuple):
    """One row of an asset."""

    start: int
    end: int
    readings: int
    """In all the windows."""
    learn: bool
    """False: an uncertain reading is in one of them."""
    means: dict[str, float]
    """Of all sensors that ever had a value, in the order in which they first had one."""


class Join:
    """Collects the windows of one asset."""

    def __init__(self) -> None:
        self._latest: dict[str, float] = {}
        self._known: dict[str, None] = {}  # sensors of the rows so far; a dict, because a set has no order
        self._reported: dict[str, None] = {}  # sensors of the open row
        self._open: tuple[int, int] | None = None  # start, end
        self._taken: int | None = None  # start of the newest row that was taken
        self._count = 0
        self._learn = True

    def add(self, sensor: str, *, start: int, end: int, mean: float | None, count: int, learn: bool) -> list[JoinedRow]:
        """Take in a window that closed; return the rows that are complete by it, oldest first.

        Args:
            mean: None if the window has no usable value.
        """
        rows: list[JoinedRow] = []
        if self._open is not None and start > self._open[0]:
            rows.append(self._take())
        late = (self._taken is not None and start <= self._taken) or (self._open is not None and start < self._open[0])
        if mean is not None:
            self._latest[sensor] = mean
        if late:
            self._known[sensor] = None
            return rows
        self._open = (start, end)
        self._reported[sensor] = None
        self._count += count
        self._learn = self._learn and learn
        if self._known and all(known in self._reported for known in self._known):
            rows.append(self._take())
        return rows

    def _take(self) -> JoinedRow:
        assert self._open is not None, "a row is taken only while one is open"
        row = JoinedRow(*self._open, self._count, self._learn, dict(self._latest))
        self._known.update(self._reported)
        self._taken = row.start
        self._reported, self._open, self._count, self._learn = {}, None, 0, True
        return row

    def snapshot(self) -> dict[str, Any]:
        """Plain data: built-in types only."""
        return {
            "latest": dict(self._latest),
            "known": list(self._known),
            "reported": list(self._reported),
            "open": None if self._open is None else list(self._open),
            "taken": self._taken,
            "count": self._count,
            "learn": self._learn,
        }

    @classmethod
    def restore(cls, snapshot: dict[str, Any]) -> Join:
        """The join as it was saved."""
        restored = cls()
        restored._latest = dict(snapshot["latest"])
        restored._known = dict.fromkeys(snapshot["known"])
        restored._reported = dict.fromkeys(snapshot["reported"])
        restored._open = None if snapshot["open"] is None else (snapshot["open"][0], snapshot["open"][1])
        restored._taken = snapshot["taken"]
        restored._count = snapshot["count"]
        restored._learn = snapshot["learn"]
        return restored
