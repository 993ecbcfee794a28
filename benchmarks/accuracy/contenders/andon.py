"""andon itself: the streams go through the dataflow of `andon run` and `andon replay`, one after another.

Each row is a window of its own (`window_s = 0`), and each stream an asset on a fresh state; everything else is as it
comes out of the box, but for the settings of the anomaly detector that a contender is about. What is measured is what
the product's tracer tells of each window.

A row that is late or a duplicate never reaches the detectors: it carries the score and the state of the row before it,
and no alarm.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from andon.engine import run_flow
from andon.state import open_state
from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.contenders.recording import StreamRecording
from benchmarks.accuracy.streams import fresh_rows
from contracts.alerts import Transition
from contracts.findings import Kind
from contracts.loading import parse
from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback
from detectors.policy import REFRACTORY, WARMUP
from detectors.trace import TRACE

if TYPE_CHECKING:
    from bytewax.recovery import RecoveryConfig

    from benchmarks.accuracy.streams import Flags, Floats, Moments, Stream
    from contracts.alerts import AlertRecord
    from contracts.readings import Rows
    from detectors.trace import Trace

__all__ = ["ASSET", "Andon", "Played", "on_rows", "policy_alarms", "settings_text"]

ASSET = None
"""Stands for the sensor of an asset's own rows."""


class Played(NamedTuple):
    """What the flow told of one stream."""

    traces: dict[str | None, Rows]
    """Records of TRACE by sensor, in the order of time; those of the asset as a whole under ASSET."""
    raised: tuple[tuple[str | None, int], ...]
    """Sensor and time (ms) of each anomaly that was raised as an alert."""


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
        self._state_bytes = 0

    @property
    def state_bytes(self) -> int:
        """Of the windows step, as the product saves it; a stream is run for it once more."""
        return self._state_bytes

    def judge(self, stream: Stream) -> Judged:
        """One sensor: its P (rank), and the alarms of the policy. More: those of the asset."""
        played = self.play(stream)
        ranked = self.settings.rule(stream.name, stream.sensors[0]).anomaly
        score = "p" if ranked is not None and ranked.policy == "ranked" else "surprise"
        if ASSET in played.traces or len(stream.sensors) == 1:
            trace = played.traces[ASSET if ASSET in played.traces else stream.sensors[0]]
            scores = on_rows(trace[score], trace["start"], stream.times_ms, missing=np.nan)
            alarms = on_rows(policy_alarms(trace, score), trace["start"], stream.times_ms, missing=0.0) > 0
            alarms &= fresh_rows(stream.times_ms)
            active = on_rows(trace["active"], trace["start"], stream.times_ms, missing=0.0) > 0
            return Judged(scores, alarms, active)
        return self._any_sensor(played, score, stream.times_ms)

    def play(self, stream: Stream, recovery: RecoveryConfig | None = None) -> Played:
        """Run a stream through the flow; with `recovery`, from what is saved there, and save in the end."""
        rows: dict[str | None, list[Rows]] = {}
        raised: list[tuple[str | None, int]] = []

        def trace(seen: Trace) -> None:
            for slot in np.unique(seen.rows["slot"]).tolist():
                rows.setdefault(seen.names[slot][1], []).append(seen.rows[seen.rows["slot"] == slot])

        def take(record: AlertRecord) -> None:
            alert = record.alert
            if alert.kind is Kind.ANOMALY and alert.transition is Transition.RAISED:
                raised.append((alert.sensor, alert.ts))

        happenings = Happenings()
        source = Playback(StreamRecording(stream), self.settings, pace=Pace(), happenings=happenings)
        sinks = Sinks(alerts=Hand(take), dead_letters=Hand(_ignore), alarms=Hand(_ignore))
        flow = build(self.settings, source, NoCommands(), sinks, happenings, tracer=trace)
        run_flow(flow, epoch_s=3600.0, recovery=recovery)
        if recovery is not None:
            labels = {"step": "windows"}
            self._state_bytes = int(happenings.registry.get_sample_value("andon_snapshot_bytes", labels) or 0)
        traces = {sensor: np.concatenate(parts) for sensor, parts in rows.items()}
        return Played(traces, tuple(sorted(raised, key=lambda one: (one[1], one[0] or ""))))

    def play_in_parts(self, stream: Stream, cuts: tuple[int, ...]) -> Played:
        """Stop before each of these rows, save, and go on from what was saved, as a service that is restarted."""
        bounds = (0, *cuts, len(stream.times_ms))
        played: list[Played] = []
        with TemporaryDirectory(prefix="andon-bench-") as folder, open_state(Path(folder), self.settings) as recovery:
            for first, last in pairwise(bounds):
                played.append(self.play(stream.part(first, last), recovery))
        sensors = dict.fromkeys(sensor for part in played for sensor in part.traces)
        none = np.zeros(0, TRACE)
        return Played(
            {sensor: np.concatenate([part.traces.get(sensor, none) for part in played]) for sensor in sensors},
            tuple(raise_ for part in played for raise_ in part.raised),
        )

    def _any_sensor(self, played: Played, score: str, times_ms: Moments) -> Judged:
        """An asset without a judgement of its own: what any of its sensors says."""
        traces = [trace for sensor, trace in played.traces.items() if sensor is not ASSET]
        scores = np.fmax.reduce([on_rows(one[score], one["start"], times_ms, missing=np.nan) for one in traces])
        active = np.maximum.reduce([on_rows(one["active"], one["start"], times_ms, missing=0.0) for one in traces]) > 0
        raised = np.maximum.reduce([on_rows(one["raised"], one["start"], times_ms, missing=0.0) for one in traces]) > 0
        return Judged(scores, raised & fresh_rows(times_ms), active)


def policy_alarms(trace: Rows, score: str) -> Flags:
    """Each alarm that the policy decided on, also while one is active already; not those of the warm-up.

    People are told only of the first one of an episode; a benchmark that asks what was noticed counts each.

    Args:
        trace: records of one series, dtype TRACE, shape (n,).
        score: the field that the threshold is of: "p" or "surprise".
    """
    alarms = np.zeros(len(trace), np.bool_)
    latest = -REFRACTORY
    for row in np.flatnonzero(trace[score] >= trace["threshold"]).tolist():
        if row - latest >= REFRACTORY:
            latest = row
            alarms[row] = row >= WARMUP
    return alarms


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


def _ignore(_record: object) -> None:
    """The tracer and the alerts tell what is measured."""
