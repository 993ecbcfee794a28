"""andon's drift alarms on streams, through its own dataflow: when it says that a level has moved, and what found it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from andon.replay.playing import play
from benchmarks.accuracy.contenders.andon import settings_text
from benchmarks.accuracy.contenders.recording import StreamsRecording
from contracts.alerts import Transition
from contracts.findings import Kind
from contracts.loading import parse

if TYPE_CHECKING:
    from benchmarks.accuracy.streams import Stream
    from contracts.alerts import Alert

__all__ = ["drifts_of"]

BY_LEVEL = "level"
"""In the evidence: not an anomaly that was held until it was the new normal."""


def drifts_of(streams: Sequence[Stream]) -> dict[str, list[int]]:
    """Times (ms) at which Page and Hinkley's test raised a drift, rising, by name of the stream."""
    found: dict[str, list[int]] = {stream.name: [] for stream in streams}

    def take(alert: Alert) -> None:
        drift = alert.kind is Kind.DRIFT and alert.transition is Transition.RAISED
        if drift and alert.evidence.get("found_by") == BY_LEVEL:
            found[alert.asset].append(alert.ts)

    play(
        StreamsRecording(streams),
        parse(settings_text(), "drift", {}),
        on_alert=take,
        on_reject=_ignore,
        on_progress=_ignore,
        stop=Event(),
    )
    return {name: sorted(times) for name, times in found.items()}


def _ignore(*_told: object) -> None:
    """Only alerts are looked at."""
