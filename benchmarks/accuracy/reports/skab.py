"""SKAB: rows in alarm on 34 experiments with one fault each, and on a run without a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.accuracy.bootstrap import Interval, interval_of
from benchmarks.accuracy.contenders.andon import Andon
from benchmarks.accuracy.contenders.any_sensor import AnySensor
from benchmarks.accuracy.contenders.blind import Always, Chance
from benchmarks.accuracy.contenders.ew import EwDifference, EwValue
from benchmarks.accuracy.contenders.pca import FrozenPca
from benchmarks.accuracy.contenders.row_by_row import RowByRow
from benchmarks.accuracy.corpora.skab import FAULTLESS, TRAINING_ROWS, read_labels, read_streams
from benchmarks.accuracy.laws import RESTARTS, prove
from benchmarks.accuracy.markdown import figure, interval, paragraph, table
from benchmarks.accuracy.reports.report import Report, Size, us_per_value
from benchmarks.accuracy.runs import run
from benchmarks.accuracy.scorers.rows import Counts, best_f1_threshold, counts_of, total

if TYPE_CHECKING:
    from benchmarks.accuracy.contenders.judged import Contender
    from benchmarks.accuracy.runs import Run
    from benchmarks.accuracy.streams import Flags, Stream

__all__ = ["report"]

SMOKE = ("valve1/0", "other/1", "anomaly-free/anomaly-free")

DRAWN = ("valve1/0", "valve2/0", "other/1", "other/9", "other/13", "anomaly-free/anomaly-free")

PUBLISHED = (
    ("convolutional autoencoder", 0.79, 13.69, 17.77),
    ("MSET", 0.73, 20.82, 20.08),
    ("LSTM autoencoder", 0.68, 14.24, 35.56),
    ("T² and Q (PCA)", 0.67, 13.95, 36.32),
    ("LSTM", 0.64, 15.4, 39.93),
    ("isolation forest", 0.4, 6.86, 72.09),
)
"""F1, FAR % and MAR % from the leaderboard in SKAB's README (v0.9)."""


class Scored(NamedTuple):
    """Figures of one contender."""

    run: Run
    counts: Counts
    spread: Interval
    """Of F1."""
    by_category: Mapping[str, Counts]
    faultless: float
    """Share of the rows of the run without a fault that are in alarm."""
    by_labels: bool
    """It has no alarm state: its threshold was chosen by the labels."""


def report(folder: Path, *, size: Size, told: Callable[[str], None]) -> Report:
    """Run all contenders on all experiments; in the smoke size few of both."""
    smoke = size is Size.SMOKE
    streams = read_streams(folder, SMOKE if smoke else None)
    labels = read_labels(folder)
    andon = Andon("andon, ranked", 'policy = "ranked"')
    runs = [run(contender, streams, told) for contender in _contenders(andon, smoke=smoke)]
    scored = [_scored(one, streams, labels) for one in runs]
    proof = prove(andon, streams, told, restarts=1 if smoke else RESTARTS)
    ours = scored[0]
    figures = {
        "f1": round(ours.counts.f1, 4),
        "f1_interval": [round(ours.spread.low, 3), round(ours.spread.high, 3)],
        "far": round(100 * ours.counts.far, 2),
        "mar": round(100 * ours.counts.mar, 2),
        "faultless_in_alarm": round(100 * ours.faultless, 2),
        "always_f1": round(next(one for one in scored if one.run.name == Always.name).counts.f1, 4),
        "streams": proof.streams,
        "no_look_ahead": proof.prefix,
        "restart_changes_nothing": proof.restart,
        "us_per_value": round(us_per_value(ours.run), 2),
    }
    rows = sum(len(stream.times_ms) for stream in streams)
    lines = [
        *paragraph(
            f"{len(streams)} runs of 8 sensors at 1 Hz, {rows:,} rows. A row is in alarm while",
            "the alarm of the asset (its",
            "incident) is active. Rows after the first 400 of each run are scored, on a fresh state for each. Some",
            "constants of andon's alarm state and group monitor were chosen with this corpus",
            "in sight. Every row an alarm",
            "has an F1 too: compare with that. Thresholds of those marked * were chosen by",
            "the labels. Published figures are those of SKAB's own leaderboard. Half an alarm a",
            "week is one in 1.2 million rows at 1 Hz: what andon tells as it comes of the first",
            "twenty minutes of an asset, it tells on an advance on this budget.",
        ),
        *_table(scored),
        *([] if smoke else _published()),
        "",
        *paragraph(
            f"No look ahead: {proof.prefix} of {proof.streams} runs. Restarts change nothing: {proof.restart} of",
            f"{proof.streams} runs.",
        ),
        *paragraph("F1 / FAR % by kind of experiment:"),
        *_categories(scored),
    ]
    faulty = {stream.name: labels.get(stream.name, np.zeros(len(stream.times_ms), np.bool_)) for stream in streams}
    return Report(lines, figures, runs, streams, faulty, [name for name in DRAWN if name in faulty])


def _contenders(andon: Andon, *, smoke: bool) -> list[Contender]:
    if smoke:
        return [andon, AnySensor(andon), Always()]
    default = Andon("andon, as it comes: 0.5 alarms a week")
    model = 'policy = "ranked", model = "river.anomaly.HalfSpaceTrees", per = "asset"'
    return [
        andon,
        default,
        AnySensor(andon),
        AnySensor(default),
        Andon("River HalfSpaceTrees in andon, ranked", model),
        FrozenPca(TRAINING_ROWS),
        RowByRow("EW z-score", EwValue),
        RowByRow("EW z-score of differences", EwDifference),
        Chance(),
        Always(),
    ]


def _scored(run_: Run, streams: Sequence[Stream], labels: Mapping[str, Flags]) -> Scored:
    active, by_labels = _active(run_, labels)
    counts = {
        name: counts_of(faulty[TRAINING_ROWS:], active[name]) for name, faulty in labels.items() if name in active
    }
    categories: dict[str, list[Counts]] = {}
    for stream in streams:
        if stream.name in counts:
            categories.setdefault(stream.category, []).append(counts[stream.name])
    faultless = [active[stream.name] for stream in streams if stream.category == FAULTLESS]
    return Scored(
        run=run_,
        counts=total(list(counts.values())),
        spread=interval_of(list(counts.values()), lambda parts: total(parts).f1),
        by_category={category: total(parts) for category, parts in categories.items()},
        faultless=float(np.concatenate(faultless).mean()),
        by_labels=by_labels,
    )


def _active(run_: Run, labels: Mapping[str, Flags]) -> tuple[dict[str, Flags], bool]:
    """Which of the scored rows are in alarm; and whether that was chosen by the labels."""
    states = {name: one.active[TRAINING_ROWS:] for name, one in run_.judged.items() if one.active is not None}
    if states:
        return states, False
    scores = {name: one.scores[TRAINING_ROWS:] for name, one in run_.judged.items()}
    names = [name for name in labels if name in scores]
    threshold = best_f1_threshold([labels[name][TRAINING_ROWS:] for name in names], [scores[name] for name in names])
    return {name: score >= threshold for name, score in scores.items()}, True


def _table(scored: Sequence[Scored]) -> list[str]:
    header = ["contender", "F1", "95 %", "FAR %", "MAR %", "faultless run: rows in alarm %", "µs a value"]
    rows = [
        [
            f"{one.run.name}{' *' if one.by_labels else ''}",
            figure(one.counts.f1, 3),
            interval(one.spread, 3),
            figure(100 * one.counts.far),
            figure(100 * one.counts.mar),
            figure(100 * one.faultless),
            figure(us_per_value(one.run)),
        ]
        for one in scored
    ]
    return table(header, rows)


def _published() -> list[str]:
    return [
        f"| published: {name} | {figure(f1, 2)} | – | {figure(far)} | {figure(mar)} | – | – |"
        for name, f1, far, mar in PUBLISHED
    ]


def _categories(scored: Sequence[Scored]) -> list[str]:
    names = list(scored[0].by_category)
    rows = [
        [
            one.run.name,
            *(f"{figure(one.by_category[name].f1, 3)} / {figure(100 * one.by_category[name].far)}" for name in names),
        ]
        for one in scored
    ]
    return table(["contender", *names], rows)
