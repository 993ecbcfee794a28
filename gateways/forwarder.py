"""The thread between the devices and Kafka: takes messages, puts them on the disk, sends them on.

Devices hand messages over without waiting; every `GATHER_S` what has come is written as one pack. The hand-over is
bounded too: when the disk is too slow, devices wait (`room`), and their own queues fill up.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from contracts.errors import AndonError
from gateways.buffer import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateways.buffer import Buffer
    from gateways.happenings import Happenings
    from gateways.publisher import Publisher

__all__ = ["Forwarder"]

GATHER_S = 0.02
"""A write to the disk serves what came in so long: it costs latency, and fewer would wear the disk."""
PACK_MESSAGES_MAX = 5_000
PACK_BYTES_MAX = 4 * 1024 * 1024
WAITING_MESSAGES_MAX = 100_000
"""Between the devices and the disk."""
DRAIN_S = 5.0
"""At the end, for what Kafka doesn't have yet. What remains is sent after the next start."""


class Forwarder:
    """Runs a buffer and its publisher in a thread of its own.

    Args:
        buffer, publisher: belong to this thread from `start` on.
    """

    def __init__(self, buffer: Buffer, publisher: Publisher, happenings: Happenings) -> None:
        self.fault: AndonError | None = None
        """Why it ended by itself: the disk is full or broken."""
        self._buffer = buffer
        self._publisher = publisher
        self._happenings = happenings
        self._waiting: deque[tuple[str, Message]] = deque()
        self._put_count = 0
        self._stored_count = 0
        self._asking: deque[tuple[int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._ended = False
        self._wake = Event()
        self._drain_s = DRAIN_S
        self._thread = Thread(target=self._run, name="forwarder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, topic: str, messages: Iterable[Message]) -> None:
        """Hand messages over. They are safe a moment later, when they are on the disk."""
        items = [(topic, message) for message in messages]
        self._put_count += len(items)
        self._waiting.extend(items)

    async def stored(self) -> None:
        """Wait until all that was handed over is on the disk: at once, not at the next beat."""
        if self._stored_count < self._put_count:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[None] = loop.create_future()
            self._asking.append((self._put_count, loop, done))
            self._wake.set()
            await done

    async def room(self) -> None:
        """Wait until there is room for more."""
        while len(self._waiting) > WAITING_MESSAGES_MAX and self.fault is None:  # noqa: ASYNC110 - of another thread
            await asyncio.sleep(GATHER_S)

    def stop(self, *, drain_s: float = DRAIN_S) -> None:
        """Put all on the disk, give Kafka a moment to take it, and end."""
        self._drain_s = drain_s
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended:
                began = monotonic()
                self._wake.clear()
                self._store()
                self._publisher.work(0)
                self._happenings.buffered(messages=self._buffer.messages, size=self._buffer.bytes)
                if (left := began + GATHER_S - monotonic()) > 0 and not self._ended:
                    self._wake.wait(left)
            self._store()
            deadline = monotonic() + self._drain_s
            while not self._publisher.idle and monotonic() < deadline:
                self._publisher.work(GATHER_S)
            self._publisher.close()
        except AndonError as error:
            self.fault = error

    def _store(self) -> None:
        while self._waiting:
            packs: dict[str, list[Message]] = defaultdict(list)
            size = 0
            for _ in range(min(len(self._waiting), PACK_MESSAGES_MAX)):
                topic, message = self._waiting.popleft()
                packs[topic].append(message)
                size += len(message.key) + len(message.value)
                if size > PACK_BYTES_MAX:
                    break
            for topic, messages in packs.items():
                if dropped := self._buffer.append(topic, messages):
                    self._happenings.dropped(dropped, "buffer_full")
                self._stored_count += len(messages)
        while self._asking and self._asking[0][0] <= self._stored_count:
            _, loop, done = self._asking.popleft()
            loop.call_soon_threadsafe(_tell, done)


def _tell(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
