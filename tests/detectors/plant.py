"""A small plant that speaks: readings for tests, whole or cut into blocks, and what a key group makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from contracts.commands import Command, Origin, Scope, Verb
from contracts.findings import CLOSED, Finding
from contracts.readings import READING, Block, Quality, Rows, SeriesName
from contracts.settings import Settings
from detectors.samples import Counts, Samples

T0 = 1_700_000_040_000
"""A full minute."""
GOOD, UNCERTAIN, BAD = int(Quality.GOOD), int(Quality.UNCERTAIN), int(Quality.BAD)
PRESS = (("press", "temp"),)


def command_of(verb: Verb, asset: str, sensor: str | None = None, **more: Any) -> Command:
    """A command of Maria's, about an asset or one of its sensors."""
    origin = Origin(topic="andon.commands", partition=1, offset=7, ts_ms=T0, key=asset.encode(), value=b"{}")
    return Command(verb=verb, asset=asset, by="maria", origin=origin, scope=Scope(sensor), **more)


class Outcome(NamedTuple):
    """All that a stream led to."""

    findings: list[Finding]
    closed: Rows
    counts: Counts


def settings_of(
    rule: dict[str, Any] | None = None,
    *,
    clock: str = "event",
    window_s: float = 60.0,
    late_s: float = 5.0,
    maintenance: Sequence[dict[str, Any]] = (),
    running: dict[str, Any] | None = None,
) -> Settings:
    """One rule for all series; silence isn't judged unless the rule says so."""
    return Settings.model_validate(
        {
            "service": {"clock": clock},
            "rules": [{"stale": False, **(rule or {})}],
            "assets": [{"window_s": window_s, "late_s_max": late_s, "running": running}],
            "maintenance": list(maintenance),
        }
    )


def rows_of(readings: Iterable[Sequence[float]], *, first_offset: int = 0) -> Rows:
    """Rows of (series, seconds after T0, value) or (series, seconds, value, quality)."""
    listed = list(readings)
    rows = np.zeros(len(listed), READING)
    for row, (series, seconds, value, *quality) in zip(rows, listed, strict=True):
        row["series"] = series
        row["ts"] = T0 + round(seconds * 1000)
        row["value"] = value
        row["quality"] = quality[0] if quality else GOOD
    rows["offset"] = np.arange(first_offset, first_offset + len(rows))
    return rows


def block_of(rows: Rows, names: Sequence[tuple[str, str]] = (), *, lane: int = 0, arrived_s: float = 0.0) -> Block:
    """A block of these rows that announces these series, numbered from 0."""
    return Block(
        lane=lane,
        rows=rows,
        names=tuple(SeriesName(number, asset, sensor) for number, (asset, sensor) in enumerate(names)),
        sources=("readings/0", "readings/1"),
        arrived_ms=T0 + round(arrived_s * 1000),
    )


def pieces(rows: Rows, cuts: Iterable[int]) -> list[Rows]:
    """The rows, cut before these indexes."""
    inside = sorted({cut for cut in cuts if 0 < cut < len(rows)})
    return [part.copy() for part in np.split(rows, inside) if len(part)]


def feed(samples: Samples, parts: Sequence[Rows], names: Sequence[tuple[str, str]]) -> Outcome:
    """Feed rows block by block; the first block announces all names."""
    findings: list[Finding] = []
    closed = [np.zeros(0, CLOSED)]
    counts = np.zeros(len(Counts._fields), np.int64)
    for number, part in enumerate(parts):
        read = samples.read(block_of(part, names if number == 0 else ()))
        findings += read.findings
        if read.closed is not None:
            closed.append(read.closed.rows)
        counts += read.counts
    return Outcome(findings, np.concatenate(closed), Counts(*counts.tolist()))


def outcome(
    settings: Settings,
    readings: Iterable[Sequence[float]],
    *,
    names: Sequence[tuple[str, str]] = PRESS,
    cuts: Iterable[int] = (),
) -> Outcome:
    """What a fresh key group makes of these readings."""
    return feed(Samples(settings), pieces(rows_of(readings), cuts), names)


def told(findings: Iterable[Finding]) -> list[tuple[str, bool, float, float]]:
    """(rule, active, onset, ts) of each finding, times in seconds after T0."""
    return [
        (finding.rule, finding.active, (finding.onset_ts - T0) / 1000, (finding.ts - T0) / 1000) for finding in findings
    ]
