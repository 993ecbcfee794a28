"""andon asked sensor by sensor: the asset counts as in alarm while one of its sensors is.

It is what one gets without the detectors that see all sensors of an asset together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.accuracy.contenders.andon import on_rows
from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import fresh_rows
from detectors.trace import TRACE

if TYPE_CHECKING:
    from benchmarks.accuracy.contenders.andon import Andon
    from benchmarks.accuracy.streams import Flags, Stream

__all__ = ["AnySensor"]


class AnySensor:
    """What andon told of the same streams, by sensor.

    Args:
        andon: it judges a stream first where it hasn't yet.
    """

    state_bytes = None

    def __init__(self, andon: Andon) -> None:
        self.name = f"{andon.name}, any sensor"
        self._andon = andon

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """The largest score of the sensors, and their alarms together."""
        return {stream.name: self._judged(stream) for stream in streams}

    def _judged(self, stream: Stream) -> Judged:
        played, score, times = self._andon.played(stream), self._andon.score_field(stream), stream.times_ms
        traces = [played.traces.get(sensor, np.zeros(0, TRACE)) for sensor in stream.sensors]
        scores = [on_rows(trace[score], trace["start"], times, missing=np.nan) for trace in traces]

        def any_of(field: str) -> Flags:
            said = [on_rows(trace[field], trace["start"], times, missing=0.0) > 0 for trace in traces]
            flags: Flags = np.logical_or.reduce(said)
            return flags

        return Judged(np.fmax.reduce(scores), any_of("raised") & fresh_rows(times), any_of("active"))
