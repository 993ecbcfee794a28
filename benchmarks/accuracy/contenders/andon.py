"""andon itself: the streams go through the dataflow of `andon run`, played as `andon replay` plays files.

Each row is a window of its own (`window_s = 0`), and each stream an asset that wasn't met before; everything else is as
it comes out of the box, but for the settings of the anomaly detector that a contender is about. What is measured is
what the product's tracer tells of each window.

A row that is late or a duplicate never reaches the detectors: it carries the score and the state of the row before it,
and no alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from andon.replay.playing import play
from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.contenders.recording import StreamsRecording
from benchmarks.accuracy.streams import fresh_rows
from contracts.alerts import Transition
from contracts.findings import Kind
from contracts.loading import parse
from detectors.trace import TRACE

if TYPE_CHECKING:
    from benchmarks.accuracy.streams import Floats, Moments, Stream
    from contracts.alerts import Alert
    from contracts.readings import Rows
    from detectors.trace import Trace

__all__ = ["ASSET", "Andon", "Collector", "Played", "on_rows", "settings_text"]

ASSET = None
"""Stands for the sensor of an asset's own rows."""


class Played(NamedTuple):
    """What the flow told of one stream."""

    traces: Mapping[str | None, Rows]
    """Records of TRACE by sensor, in the order of time; those of the asset as a whole under ASSET."""
    raised: tuple[tuple[int, str], ...]
    """Time (ms) and sensor ("": the asset) of each anomaly that was raised as an alert, in order."""


class Collector:
    """Takes what comes out of a flow, by asset."""

    def __init__(self) -> None:
        self._traces: dict[str, dict[str | None, list[Rows]]] = {}
        self._raised: dict[str, list[tuple[int, str]]] = {}

    def trace(self, seen: Trace) -> None:
        """Windows that were judged."""
        for slot in np.unique(seen.rows["slot"]).tolist():
            asset, sensor = seen.names[slot]
            parts = self._traces.setdefault(asset, {}).setdefault(sensor, [])
            parts.append(seen.rows[seen.rows["slot"] == slot])

    def take(self, alert: Alert) -> None:
        """An alert; all but raised anomalies are passed over."""
        if alert.kind is Kind.ANOMALY and alert.transition is Transition.RAISED:
            self._raised.setdefault(alert.asset, []).append((alert.ts, alert.sensor or ""))

    def played(self, streams: Sequence[Stream]) -> dict[str, Played]:
        """All of it, by name of the stream."""
        return {
            stream.name: Played(
                {sensor: np.concatenate(parts) for sensor, parts in self._traces.get(stream.name, {}).items()},
                tuple(sorted(self._raised.get(stream.name, []))),
            )
            for stream in streams
        }


def settings_text(anomaly: str = "") -> str:
    """The settings of a contender, as in an andon.toml.

    Args:
        anomaly: what is between the braces of `anomaly = { … }`; empty: the default.
    """
    rule = f'\n[[rules]]\nasset = "*"\nanomaly = {{ {anomaly} }}\n' if anomaly else ""
    return f'[service]\nclock = "event"\nlanes = 1\n\n[[assets]]\nasset = "*"\nwindow_s = 0\n{rule}'


class Andon:
    """The product, with some settings.

    Args:
        name: as in the table.
        anomaly: settings of its anomaly detector, as in `settings_text`.
    """

    def __init__(self, name: str, anomaly: str = "") -> None:
        self.name = name
        self.settings = parse(settings_text(anomaly), name, {})
        self.state_bytes: int | None = None
        self._played: dict[str, Played] = {}

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """One sensor: its score (P or L), and the alarms that people are told of. More: those of the asset."""
        self._played |= self.play(streams)
        return {stream.name: self._judged(stream) for stream in streams}

    def played(self, stream: Stream) -> Played:
        """What the flow told of a stream that was judged; a stream that wasn't is judged."""
        if stream.name not in self._played:
            self.judge([stream])
        return self._played[stream.name]

    def play(self, streams: Sequence[Stream]) -> dict[str, Played]:
        """Run streams through the flow, as `andon replay` does with files; by name of the stream."""
        collector = Collector()
        play(
            StreamsRecording(streams),
            self.settings,
            on_alert=collector.take,
            on_reject=_ignore,
            on_progress=_ignore,
            stop=Event(),
            tracer=collector.trace,
        )
        return collector.played(streams)

    def score_field(self, stream: Stream) -> str:
        """The field of the trace that its policy decides by."""
        anomaly = self.settings.rule(stream.name, stream.sensors[0]).anomaly
        return "p" if anomaly is not None and anomaly.policy == "ranked" else "surprise"

    def _judged(self, stream: Stream) -> Judged:
        traces, score, times = self._played[stream.name].traces, self.score_field(stream), stream.times_ms
        judges = [ASSET] if ASSET in traces else list(stream.sensors)
        said = [traces.get(judge, np.zeros(0, TRACE)) for judge in judges]
        scores = [on_rows(trace[score], trace["start"], times, missing=np.nan) for trace in said]
        raised = [on_rows(trace["raised"], trace["start"], times, missing=0.0) > 0 for trace in said]
        active = [on_rows(trace["active"], trace["start"], times, missing=0.0) > 0 for trace in said]
        return Judged(
            np.fmax.reduce(scores),
            np.logical_or.reduce(raised) & fresh_rows(times),
            np.logical_or.reduce(active),
        )


def on_rows(values: Floats | Rows, starts: Moments, times_ms: Moments, *, missing: float) -> Floats:
    """What was said of windows, on the rows of the stream: each has the newest that was said until it.

    Args:
        values: one a window, shape (m,).
        starts: of the windows, rising, shape (m,).
        times_ms: of the rows, shape (n,).
        missing: for rows before the first window.
    """
    if not len(values):
        return np.full(len(times_ms), missing)
    now = np.maximum.accumulate(times_ms)
    newest = np.searchsorted(starts, now, side="right") - 1
    found: Floats = np.where(newest >= 0, values[np.maximum(newest, 0)].astype(np.float64), missing)
    return found


def _ignore(*_told: object) -> None:
    """The tracer and the alerts tell what is measured."""
