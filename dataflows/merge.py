"""Several partitions as one sequence: by the time at which the broker had a message, each partition in its own order.

The order depends on what the partitions hold, not on when it arrives: two readers of the same messages agree. A
partition's times may go back (a producer's clock); a message then counts as old as the oldest that stands before it.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Merge"]

T = TypeVar("T")


class Merge(Generic[T]):
    """Queues of partitions, and whose turn it is. Unbounded: who fills it looks at `weight`.

    Args:
        partitions: how many there are; of two messages of one time, that of the lower number comes first.
    """

    def __init__(self, partitions: int) -> None:
        self._queues: list[deque[tuple[int, int, T]]] = [deque() for _ in range(partitions)]
        self._newest = [0] * partitions
        self._weights = [0] * partitions
        self._awaited = [True] * partitions
        self._missing = partitions
        """Partitions that nothing is queued of, and that may still have the next message."""
        self._heads: list[tuple[int, int]] = []

    def add(self, partition: int, ts_ms: int, item: T, weight: int) -> None:
        """The next message of a partition.

        Args:
            ts_ms: its time; negative where it has none.
            weight: what it adds to the partition's `weight` while it waits: bytes.
        """
        queue = self._queues[partition]
        ts = self._newest[partition] = max(self._newest[partition], ts_ms)
        if not queue:
            heappush(self._heads, (ts, partition))
            self._missing -= self._awaited[partition]
        queue.append((ts, weight, item))
        self._weights[partition] += weight
        self._awaited[partition] = True

    def rest(self, partition: int) -> None:
        """A partition has nothing more, for now or for ever: the others don't wait for it."""
        if self._awaited[partition]:
            self._awaited[partition] = False
            self._missing -= not self._queues[partition]

    def weight(self, partition: int) -> int:
        """Of the messages of a partition that wait."""
        return self._weights[partition]

    def take(self) -> Iterator[T]:
        """All messages whose turn is certain: no awaited partition can have an older one."""
        while self._heads and not self._missing:
            _, partition = heappop(self._heads)
            queue = self._queues[partition]
            _, weight, item = queue.popleft()
            self._weights[partition] -= weight
            if queue:
                heappush(self._heads, (queue[0][0], partition))
            else:
                self._missing += self._awaited[partition]
            yield item
