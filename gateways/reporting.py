"""Report by exception: what is worth a message, and what was said long enough ago to be said again.

A value is reported when it moved by more than its deadband from the one last reported, when its quality changed, and
otherwise once in every heartbeat: so that `stale` still tells a dead sensor from a quiet one. Sources that tell only
changes of themselves are spoken for: while they are connected, what they said last is repeated at each heartbeat.

Cost: about .3 µs a value. State: one small list for each sensor, bounded by SERIES_MAX.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gateways.seam import BAD, GOOD, Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateways.seam import Value

__all__ = ["SERIES_MAX", "Reporting"]

SERIES_MAX = 200_000
"""Of one connection. A device that makes up names is stopped here, and what is refused is counted."""

_VALUE, _TS, _QUALITY, _DEADBAND, _SAID_BY_US = range(5)
"""Fields of what is kept of a series."""


class Reporting:
    """What one connection has reported.

    Args:
        deadband: of a series (asset, sensor), in its own unit.
        heartbeat_ms: between two reports of a value that doesn't move.
    """

    def __init__(self, *, deadband: Callable[[str, str], float], heartbeat_ms: int) -> None:
        self.suppressed = 0
        """Values that weren't worth a message."""
        self.refused = 0
        """Values of series beyond SERIES_MAX, and what never was a number."""
        self.series_count = 0
        self._deadband = deadband
        self._heartbeat_ms = heartbeat_ms
        self._assets: dict[str, dict[str, list[Value]]] = {}

    def filter(self, frames: Iterable[Frame]) -> list[Frame]:
        """The frames with what is worth telling; empty ones are left out. Their times must be given.

        A value that is no finite number means that the device has none: the last one is told, of bad quality.
        """
        told = []
        suppressed, heartbeat_ms = 0, self._heartbeat_ms
        for frame in frames:
            asset, ts, quality, values = frame
            known = self._assets.get(asset)
            if known is None:
                known = self._assets[asset] = {}
            kept: dict[str, Value] = {}
            gone: dict[str, Value] = {}
            for sensor, value in values.items():
                last = known.get(sensor)
                if last is not None and quality == last[2]:  # nearly all: what follows takes the rest
                    moved = abs(value - last[0])
                    if moved <= last[3] and ts - last[1] < heartbeat_ms:
                        suppressed += 1
                        continue
                    if moved < inf and ts > last[1]:
                        last[0], last[1], last[4] = value, ts, False
                        kept[sensor] = value
                        continue
                if value - value != 0:  # NaN or infinite
                    if last is None:
                        self.refused += 1
                    elif last[2] != BAD:
                        last[1], last[2], last[4] = max(ts, int(last[1]) + 1), BAD, True
                        gone[sensor] = last[0]
                elif last is None:
                    if self.series_count >= SERIES_MAX:
                        self.refused += 1
                        continue
                    self.series_count += 1
                    known[sensor] = [value, ts, quality, self._deadband(asset, sensor), False]
                    kept[sensor] = value
                elif abs(value - last[0]) > last[3] or quality != last[2] or ts - last[1] >= heartbeat_ms:
                    if ts <= last[1]:
                        if last[4]:  # our own repetition was dated later than this change
                            ts = int(last[1]) + 1
                        elif 0 < last[1] - ts < heartbeat_ms:  # older news: what was said stays the last
                            kept[sensor] = value
                            continue
                    last[0], last[1], last[2], last[4] = value, ts, quality, False
                    kept[sensor] = value
                else:
                    suppressed += 1
            if kept:
                told.append(Frame(asset, ts, quality, kept))
            if gone:
                told.append(Frame(asset, max(ts, *(int(known[sensor][1]) for sensor in gone)), BAD, gone))
        self.suppressed += suppressed
        return told

    def repeat(self, until_ms: int) -> list[Frame]:
        """What was last said of each series, where that is a heartbeat ago: it holds up to `until_ms`."""
        frames = []
        for asset, known in self._assets.items():
            due: dict[str, Value] = {}
            for sensor, last in known.items():
                if last[_QUALITY] == GOOD and until_ms - last[_TS] >= self._heartbeat_ms:
                    last[_TS], last[_SAID_BY_US] = until_ms, True
                    due[sensor] = last[_VALUE]
            if due:
                frames.append(Frame(asset, until_ms, GOOD, due))
        return frames

    def lose(self, now_ms: int, *, asset: str | None = None) -> list[Frame]:
        """Mark the gap: the last value of every series, or of one asset's, of bad quality from now on."""
        frames = []
        for name, known in self._assets.items():
            lost = [(sensor, last) for sensor, last in known.items() if last[_QUALITY] != BAD]
            if not lost or (asset is not None and name != asset):
                continue
            ts_ms = int(max(now_ms, *(last[_TS] + 1 for _, last in lost)))
            for _, last in lost:
                last[_TS], last[_QUALITY], last[_SAID_BY_US] = ts_ms, BAD, True
            frames.append(Frame(name, ts_ms, BAD, {sensor: last[_VALUE] for sensor, last in lost}))
        return frames
