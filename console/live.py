"""What stands now and each change of it, for any number of screens at once.

One table, and one ring of numbered events that all screens read: a screen that was away for a moment goes on at the
number that it saw last; one that was away for longer, or was served by a process that is gone, gets the whole table. So
nothing is queued per screen, memory is bounded, and a slow screen holds up nobody.

Changes within PAUSE_S go out together, the newest of each key: an eye follows ten changes a second, not five hundred.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from console.plant import Clock, HeardAlert, Standing, StateRecord
    from contracts.alerts import Alert

__all__ = ["PAUSE_S", "Live"]

PAUSE_S = 0.1

HEALTH_S = 2.0
"""Between two words about clocks and heartbeats: a screen that hears none for longer knows that it is cut off."""

RING_BYTES_MAX = 16 * 1024 * 1024
RING_EVENTS_MAX = 2_000
"""Some three minutes at ten a second."""

CHANGES_MAX = 500
"""Of one event: a screen takes the next one when it has drawn this."""


class Live:
    """The table, its changes, and who wants to know of them."""

    def __init__(self, table: Standing, clock: Callable[[], Clock]) -> None:
        self._table = table
        self._clock = clock
        self._lock = Lock()
        self._raw: dict[str, bytes] = {}
        self._dirty: dict[str, None] = {}
        self._alerts: list[bytes] = []
        self._complete = False
        self._boot = uuid4().hex[:12]
        self._ring: deque[bytes] = deque()
        self._ring_bytes = 0
        self._first = 1
        self._next = 1
        self._more: asyncio.Event | None = None
        self._whole: tuple[int, bytes] = (0, b"")
        self._closed = False
        self.screens = 0

    @property
    def table(self) -> Standing:
        """What stands."""
        return self._table

    def take(self, records: Iterable[StateRecord], *, complete: bool) -> None:
        """Records of the alarm-state topic, from any one thread.

        Args:
            complete: all that was there at the start has been taken. Until then screens are told to wait: half of what
                stands would look like all of it.
        """
        with self._lock:
            for record in records:
                changed = self._table.take(record.key, record.value)
                if changed is None:
                    continue
                if record.value is None:
                    self._raw.pop(changed, None)
                else:
                    self._raw[changed] = record.value.replace(b"\n", b" ").replace(b"\r", b" ")
                if changed not in self._table.heartbeats and not changed.startswith("_heartbeat/"):
                    self._dirty[changed] = None
            self._complete = self._complete or complete

    def tell(self, fresh: Iterable[tuple[HeardAlert, Alert]]) -> None:
        """Transitions that are new."""
        told = [
            orjson.dumps(
                {
                    "event_id": heard.event_id,
                    "alert_id": alert.alert_id,
                    "asset": alert.asset,
                    "sensor": alert.sensor,
                    "transition": alert.transition,
                    "annunciated": alert.annunciated,
                    "priority": alert.priority,
                    "ts": alert.ts,
                    "message": alert.message,
                    "by": alert.by,
                }
            )
            for heard, alert in fresh
        ]
        with self._lock:
            self._alerts += told

    async def run(self) -> None:
        """Let events out, until it is cancelled."""
        health_due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            if now >= health_due:
                self._emit("health", orjson.dumps(self.health()))
                health_due = now + HEALTH_S
            self._let_out()
            await asyncio.sleep(PAUSE_S)

    async def events(self, last: str) -> AsyncIterator[bytes]:
        """Events as they travel, for one screen, until it is closed.

        Args:
            last: the id of the last event that the screen has; empty for none.
        """
        self.screens += 1
        try:
            at = self._number_of(last)
            while not self._closed:
                if at is None or at < self._first:
                    if not self._complete:
                        yield b"event: reading\ndata: {}\n\n"
                        await self._wait()
                        continue
                    number, whole = self._snapshot()
                    yield whole
                    at = number + 1
                parts = []
                while at < self._next:
                    parts.append(self._ring[at - self._first])
                    at += 1
                if parts:
                    yield b"".join(parts)
                else:
                    await self._wait()
        finally:
            self.screens -= 1

    def close(self) -> None:
        """Let all screens go: they come back by themselves, to whoever serves then."""
        self._closed = True
        if self._more is not None:
            self._more.set()

    def health(self) -> dict[str, Any]:
        """Clock, heartbeats and what couldn't be read."""
        with self._lock:
            return self._health()

    def _health(self) -> dict[str, Any]:
        clock = self._clock()
        watching = self._table.watching(clock.now_ms)
        return {
            "now": clock.now_ms,
            "speed": clock.speed,
            "complete": self._complete,
            "unreadable": self._table.unreadable,
            "watching": {"state": watching.state, "since": watching.since_ts, "fault": watching.fault},
        }

    def _let_out(self) -> None:
        with self._lock:
            if not self._complete:
                self._dirty.clear()
                self._alerts.clear()
                return
            dirty, self._dirty = list(self._dirty), {}
            alerts, self._alerts = self._alerts, []
            parts = [(key, self._raw.get(key)) for key in dirty]
        for begin in range(0, len(parts), CHANGES_MAX):
            some = parts[begin : begin + CHANGES_MAX]
            rows = b",".join(orjson.dumps(key) + b":" + (raw or b"null") for key, raw in some)
            self._emit("change", b"{" + rows + b"}")
        for begin in range(0, len(alerts), CHANGES_MAX):
            self._emit("alerts", b"[" + b",".join(alerts[begin : begin + CHANGES_MAX]) + b"]")

    def _emit(self, name: str, data: bytes) -> None:
        """One more event on the ring. Only ever called in the loop's thread."""
        event = b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (self._boot.encode(), self._next, name.encode(), data)
        self._ring.append(event)
        self._ring_bytes += len(event)
        self._next += 1
        while len(self._ring) > RING_EVENTS_MAX or (self._ring_bytes > RING_BYTES_MAX and len(self._ring) > 1):
            self._ring_bytes -= len(self._ring.popleft())
            self._first += 1
        if self._more is not None:
            self._more.set()
            self._more = None

    async def _wait(self) -> None:
        """Until there is one more event."""
        if self._more is None:
            self._more = asyncio.Event()
        await self._more.wait()

    def _snapshot(self) -> tuple[int, bytes]:
        """The whole table, as one event: the number of the newest event that it holds, and its bytes."""
        number = self._next - 1
        if self._whole[0] != number or not self._whole[1]:
            with self._lock:
                self._make_whole(number)
        return self._whole

    def _make_whole(self, number: int) -> None:
        # What is dirty is in it already, and will be told once more: setting a key twice changes nothing.
        rows = b",".join(
            orjson.dumps(key) + b":" + raw for key, raw in self._raw.items() if not key.startswith("_heartbeat/")
        )
        data = b'{"health":' + orjson.dumps(self._health()) + b',"rows":{' + rows + b"}}"
        head = b"id: %s-%d\nevent: snapshot\ndata: " % (self._boot.encode(), number)
        self._whole = (number, head + data + b"\n\n")

    def _number_of(self, last: str) -> int | None:
        """The number after the last one that a screen has; None: it has nothing of ours."""
        boot, _, number = last.partition("-")
        if boot != self._boot or not number.isdigit() or int(number) >= self._next:
            return None
        return int(number) + 1
