"""How far a device's clock is ahead of ours, from the times that it gives and when they arrive.

What arrives was on its way for a while, which makes the device look behind. So the largest difference within a while is
the nearest to the truth; the smallest delay remains in it (NTP's clock filter rests on the same thought).
"""

from __future__ import annotations

__all__ = ["Skew"]

WHILE_MS = 60_000


class Skew:
    """The clock of one device."""

    def __init__(self) -> None:
        self.ms: int | None = None
        """How far it is ahead; negative: behind. None: it gave no time yet."""
        self._best: int | None = None
        self._until_ms = 0

    def take(self, device_ms: int, now_ms: int) -> None:
        """A time that the device gave, and ours when it came."""
        ahead = device_ms - now_ms
        if self._best is None or ahead > self._best:
            self._best = ahead
        if self.ms is None or self._best > self.ms:
            self.ms = self._best
        if now_ms >= self._until_ms:
            if self._until_ms:
                self.ms = self._best
                self._best = ahead
            self._until_ms = now_ms + WHILE_MS
