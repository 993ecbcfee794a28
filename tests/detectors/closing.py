"""Closed windows for tests: from a table of means, a row for each time and a column for each series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from contracts.alerts import alert_id
from contracts.commands import Command, Origin, Verb, Verdict
from contracts.findings import CLOSED, Closed, Finding
from contracts.readings import SeriesName
from contracts.settings import Settings
from detectors.windows import Windows

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000
"""A full minute."""


def settings_of(*, anomaly: Any = None, drift: Any = None, window_s: float = 60.0) -> Settings:
    """Settings of one rule for all; None leaves the default, False switches off."""
    return Settings.model_validate(
        {"rules": [{"anomaly": anomaly, "drift": drift}], "assets": [{"window_s": window_s}]},
    )


def closed_of(
    means: Any,
    *,
    first: int = 0,
    window_ms: int = MINUTE_MS,
    learn: Any = None,
    names: Sequence[tuple[str, str]] | None = None,
    step_ms: int | None = None,
) -> Closed:
    """Windows `first`, `first` + 1 …, in each of which all series close one, in the order of the columns.

    Args:
        means: shape (times, series) or (times,).
        window_ms: 0 makes every reading a window of its own, `step_ms` apart.
        learn: as means; None: all are learned.
        names: asset and sensor by column; None: an asset each, `asset-0` …, with a sensor `temp`.
    """
    table = np.asarray(means, np.float64)
    table = table.reshape(len(table), -1)
    times, series = table.shape
    step_ms = step_ms or window_ms
    rows = np.zeros(table.size, CLOSED)
    rows["start"] = START_MS + step_ms * np.repeat(np.arange(first, first + times), series)
    rows["end"] = rows["start"] + window_ms
    rows["mean"] = table.ravel()
    rows["slot"] = np.tile(np.arange(series), times)
    rows["offset"] = np.arange(len(rows)) + first * series
    rows["count"] = 60
    rows["learn"] = 1 if learn is None else np.asarray(learn).ravel()
    names = names or [(f"asset-{column}", "temp") for column in range(series)]
    return Closed(
        rows=rows,
        names=tuple(SeriesName(number, asset, sensor) for number, (asset, sensor) in enumerate(names)),
        sources=("readings/0",),
    )


def cut(closed: Closed, sizes: Sequence[int]) -> Iterator[Closed]:
    """The same windows in pieces of these sizes, and the rest; only the first piece has names."""
    first = 0
    for size in (*sizes, len(closed.rows)):
        rows = closed.rows[first : first + size]
        if len(rows):
            yield Closed(rows=rows, names=closed.names if first == 0 else (), sources=closed.sources)
        first += size


def feedback_of(verdict: Verdict, asset: str, sensor: str | None, onset_ts: int) -> Command:
    """What Maria says of the anomaly that began at `onset_ts`; a sensor of None: of the asset's."""
    rule = "sensor" if sensor else "asset"
    return Command(
        verb=Verb.FEEDBACK,
        asset=asset,
        by="maria",
        origin=Origin(topic="andon.commands", partition=1, offset=7, ts_ms=onset_ts, key=None, value=b"{}"),
        alert_id=alert_id(asset=asset, sensor=sensor, kind="anomaly", rule=rule, onset_ts=onset_ts),
        verdict=verdict,
    )


def judged(settings: Settings, closed: Closed) -> list[Finding]:
    """What a fresh key group finds."""
    return Windows(settings).judge(closed)


def noise(*, seed: int, times: int, series: int = 1, autocorrelation: float = 0.0) -> Any:
    """AR(1) noise of standard deviation 1 around 20, shape (times, series)."""
    steps = np.random.default_rng(seed).normal(size=(times, series))
    rho = autocorrelation
    out = np.empty_like(steps)
    out[0] = steps[0]
    for i in range(1, times):
        out[i] = rho * out[i - 1] + np.sqrt(1 - rho * rho) * steps[i]
    return out + 20.0
