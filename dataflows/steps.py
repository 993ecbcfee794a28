"""The three stateful steps of the flow: Bytewax around the pure cores of detection and alarms.

There is one object of each for every key group. They time, count and pass on; what a reading means is decided in
`detectors` and `alarms`.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from bytewax.operators import StatefulBatchLogic

from alarms.lifecycle import Alarms
from contracts.alerts import AlertRecord, priority_of
from contracts.findings import Closed, Finding
from contracts.readings import Block, Reject, Tick
from detectors.samples import Samples
from detectors.windows import Learning, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.settings import Settings
    from dataflows.happenings import Happenings

__all__ = ["AlarmsStep", "Findings", "Item", "SamplesStep", "WindowsStep"]

Findings: TypeAlias = tuple[Finding, ...]
Item: TypeAlias = Block | Tick | Reject | Closed | Findings | AlertRecord
"""All that travels between the steps, always with the key of its group."""


class SamplesStep(StatefulBatchLogic[Item, Item, dict[str, Any]]):
    """Every reading: order, limits, rate, flatline, silence; and the windows that close."""

    def __init__(self, samples: Samples, happenings: Happenings) -> None:
        self._samples = samples
        self._happenings = happenings
        self._series = self._assets = self._bytes = 0
        self._count_series()

    @classmethod
    def builder(cls, settings: Settings, happenings: Happenings) -> Callable[[dict[str, Any] | None], SamplesStep]:
        """What Bytewax calls for a key group's first item, or with its saved state."""
        return lambda saved: cls(Samples.restore(settings, saved) if saved else Samples(settings), happenings)

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Blocks and ticks in; findings and closed windows out. What a source found itself passes by."""
        began = perf_counter()
        out: list[Item] = []
        for item in values:
            if isinstance(item, Block):
                findings, closed, counts = self._samples.read(item)
                self._happenings.readings_judged(**counts._asdict())
                if closed is not None:
                    self._happenings.windows_closed(len(closed.rows))
                    out.append(closed)
                if findings:
                    out.append(tuple(findings))
            elif isinstance(item, Tick):
                if not self._samples.empty and (findings := self._samples.tick(item)):
                    out.append(tuple(findings))
            else:
                out.append(item)
        self._count_series()
        self._happenings.stage_took("samples", perf_counter() - began)
        return out, self._samples.empty

    def snapshot(self) -> dict[str, Any]:
        """A copy, as plain data."""
        began = perf_counter()
        saved = self._samples.snapshot()
        self._bytes = _taken(self._happenings, "samples", saved, began=began, bytes_before=self._bytes)
        return saved

    def _count_series(self) -> None:
        series, assets = self._samples.series_count, self._samples.asset_count
        if series != self._series or assets != self._assets:
            self._happenings.series_grew(series=series - self._series, assets=assets - self._assets)
            self._series, self._assets = series, assets


class WindowsStep(StatefulBatchLogic[Item, Item, dict[str, Any]]):
    """Every closed window: the learned detectors."""

    def __init__(self, windows: Windows, happenings: Happenings) -> None:
        self._windows = windows
        self._happenings = happenings
        self._bytes = 0
        self._learning = Learning(0, 0, 0)
        happenings.learner_met(windows.warming)
        for restarted in windows.restarted:
            happenings.model_restarted(asset=restarted.asset, sensor=restarted.sensor, reason=restarted.reason)
        self._count_learning()

    @classmethod
    def builder(cls, settings: Settings, happenings: Happenings) -> Callable[[dict[str, Any] | None], WindowsStep]:
        """What Bytewax calls for a key group's first closed window, or with its saved state."""
        return lambda saved: cls(Windows.restore(settings, saved) if saved else Windows(settings), happenings)

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Closed windows in, findings out."""
        began = perf_counter()
        out: list[Item] = []
        for item in values:
            assert isinstance(item, Closed)
            if findings := self._windows.judge(item):
                out.append(tuple(findings))
        self._count_learning()
        self._happenings.stage_took("windows", perf_counter() - began)
        return out, False

    def snapshot(self) -> dict[str, Any]:
        """A copy, as plain data."""
        began = perf_counter()
        saved = self._windows.snapshot()
        self._bytes = _taken(self._happenings, "windows", saved, began=began, bytes_before=self._bytes)
        return saved

    def _count_learning(self) -> None:
        now, before = self._windows.learning(), self._learning
        if now != before:
            self._happenings.learning_changed(
                warming=now.warming - before.warming,
                learning=now.learning - before.learning,
                paused=now.paused - before.paused,
            )
            self._learning = now


class AlarmsStep(StatefulBatchLogic[Item, Item, dict[str, Any]]):
    """Every finding: the alarm lifecycle."""

    def __init__(self, alarms: Alarms, happenings: Happenings) -> None:
        self._alarms = alarms
        self._happenings = happenings
        self._bytes = 0
        for (_asset, _sensor, kind, _rule), severity in alarms.active():
            happenings.alarm_restored(kind, priority_of(severity))

    @classmethod
    def builder(cls, settings: Settings, happenings: Happenings) -> Callable[[dict[str, Any] | None], AlarmsStep]:
        """What Bytewax calls for a key group's first finding, or with its saved state."""
        return lambda saved: cls(Alarms.restore(settings, saved) if saved else Alarms(settings), happenings)

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Findings in, transitions out."""
        began = perf_counter()
        out: list[Item] = []
        for item in values:
            assert isinstance(item, tuple)
            for finding in item:
                if record := self._alarms.decide(finding):
                    self._happenings.alarm_changed(record)
                    out.append(record)
        self._happenings.stage_took("alarms", perf_counter() - began)
        return out, self._alarms.empty

    def snapshot(self) -> dict[str, Any]:
        """A copy, as plain data."""
        began = perf_counter()
        saved = self._alarms.snapshot()
        self._bytes = _taken(self._happenings, "alarms", saved, began=began, bytes_before=self._bytes)
        return saved


def _taken(happenings: Happenings, step: str, saved: dict[str, Any], *, began: float, bytes_before: int) -> int:
    """Tell of a snapshot; returns its size: bytes of arrays, and a fair guess for the rest."""
    size = sum(part.nbytes if isinstance(part, np.ndarray) else 64 * _length(part) for part in saved.values())
    happenings.snapshot_taken(step, seconds=perf_counter() - began, bytes_before=bytes_before, bytes_after=size)
    return size


def _length(part: object) -> int:
    return len(part) if isinstance(part, list | tuple | dict) else 1
