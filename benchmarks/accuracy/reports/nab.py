"""NAB: andon, its parts, its rivals, and what others published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.accuracy.bootstrap import Interval, interval_of
from benchmarks.accuracy.contenders.andon import Andon, on_rows
from benchmarks.accuracy.contenders.blind import Chance, Clock
from benchmarks.accuracy.contenders.ew import EwDifference, EwValue
from benchmarks.accuracy.contenders.gaussian import WindowedGaussian
from benchmarks.accuracy.contenders.recombined import PARTS, Recombination, alarms_at
from benchmarks.accuracy.contenders.river import AbsoluteDeviation
from benchmarks.accuracy.contenders.row_by_row import RowByRow
from benchmarks.accuracy.corpora.nab import read_labels, read_published_figures, read_streams
from benchmarks.accuracy.laws import RESTARTS, prove
from benchmarks.accuracy.markdown import figure, interval, paragraph, table
from benchmarks.accuracy.reports.report import Report, Size, us_per_value
from benchmarks.accuracy.runs import run
from benchmarks.accuracy.scorers.nab import (
    LOW_FN,
    LOW_FP,
    OUTSIDE,
    PROFILES,
    STANDARD,
    Places,
    Profile,
    Raw,
    best_threshold,
    places_of,
    raw_of,
    score_of,
)
from benchmarks.accuracy.streams import fresh_rows
from detectors.judging import STATE
from detectors.policy import RANK_MIN

if TYPE_CHECKING:
    from benchmarks.accuracy.contenders.judged import Contender
    from benchmarks.accuracy.runs import Run
    from benchmarks.accuracy.streams import Flags, Stream

__all__ = ["report"]

SMOKE = ("artificialWithAnomaly/art_daily_jumpsdown", "realKnownCause/nyc_taxi")
CLOCK_ROWS = 375
"""Of all periods the best on this corpus: the strongest clock there is."""

WORST_DRAWN = 6

PUBLISHED = {
    "ARTime": "ARTime",
    "numenta": "Numenta HTM",
    "contextOSE": "CAD OSE",
    "knncad": "KNN-CAD",
    "relativeEntropy": "relative entropy",
    "randomCutForest": "random cut forest",
    "twitterADVec": "Twitter ADVec",
    "windowedGaussian": "windowed Gaussian",
    "skyline": "Etsy Skyline",
    "random": "random",
}
PUBLISHED_AS = {STANDARD: "standard", LOW_FP: "reward_low_FP_rate", LOW_FN: "reward_low_FN_rate"}

THRESHOLDS = np.round(np.arange(0.30, 0.901, 0.01), 2)
"""Of the rank, for the best one: a hundredth moves the score by less than the interval is wide."""


class Scored(NamedTuple):
    """Figures of one contender."""

    run: Run
    scores: Mapping[str, float]
    """By profile."""
    spread: Interval
    """Of the standard score."""
    found: int
    false: int
    by_category: Mapping[str, float]
    by_labels: bool
    """It has no decision of its own: thresholds were chosen by the labels, for each profile."""


class Corpus(NamedTuple):
    """Streams, and where their rows lie."""

    streams: Sequence[Stream]
    places: Mapping[str, Places]

    @property
    def quiet_rows(self) -> int:
        """Rows that are scored and lie in no window."""
        return sum(int(np.count_nonzero(one.counts & (one.window == OUTSIDE))) for one in self.places.values())


def report(folder: Path, *, size: Size, told: Callable[[str], None]) -> Report:
    """Run all contenders on all streams; in the smoke size few of both."""
    smoke = size is Size.SMOKE
    corpus = _corpus(folder, smoke=smoke)
    andon = Andon("andon, ranked", 'policy = "ranked"')
    contenders = _contenders(andon, size)
    runs = [run(contender, corpus.streams, told) for contender in contenders]
    scored = [_scored(one, corpus) for one in runs]
    parts = [run(Recombination(andon, without), corpus.streams, told) for without in (None, *PARTS)]
    ablated = [_scored(one, corpus) for one in parts]
    proof = prove(andon, corpus.streams, told, restarts=1 if smoke else RESTARTS)
    best, best_at = _best_rank(andon, corpus)
    ours = scored[0]
    figures = {
        **{profile.name: round(ours.scores[profile.name], 2) for profile in PROFILES},
        "standard_interval": [round(ours.spread.low, 1), round(ours.spread.high, 1)],
        "standard_best_threshold": round(best, 2),
        "found": ours.found,
        "windows": sum(place.windows for place in corpus.places.values()),
        "false": ours.false,
        "clock": round(next(one for one in scored if one.run.name.startswith("alarm clock")).scores["standard"], 2),
        "streams": proof.streams,
        "no_look_ahead": proof.prefix,
        "restart_changes_nothing": proof.restart,
        "us_per_value": round(us_per_value(ours.run), 2),
        "bytes_per_series": STATE.itemsize,
    }
    lines = [
        *_caveats(corpus),
        *_table(scored, corpus),
        *_published(folder, smoke=smoke),
        "",
        *paragraph(
            f"andon's score at the threshold of the rank that the labels like best ({best_at:.2f}",
            f"instead of {RANK_MIN:.2f}): {best:.1f}.",
            f"No look ahead: {proof.prefix} of",
            f"{proof.streams} streams say the same of their first rows when the rest is missing. Restarts:",
            f"{proof.restart} of {proof.streams} say the same when saved and started again three times.",
        ),
        *paragraph("By category, standard profile; where nothing is to be found there is no score:"),
        *_categories(scored),
        "",
        *paragraph(
            "What andon combines, each part left out once. Every decision of the",
            "policy counts here; above only",
            "the first of an episode does, which is what people are told:",
        ),
        *_ablations(ablated),
    ]
    faulty = {name: place.window != OUTSIDE for name, place in corpus.places.items()}
    return Report(lines, figures, [*runs, *parts], corpus.streams, faulty, _worth_drawing(runs[0], corpus))


def _corpus(folder: Path, *, smoke: bool) -> Corpus:
    labels = read_labels(folder)
    streams = read_streams(folder, SMOKE if smoke else None)
    return Corpus(streams, {stream.name: places_of(stream.times_ms, labels[stream.name]) for stream in streams})


def _contenders(andon: Andon, size: Size) -> list[Contender]:
    few: list[Contender] = [andon, Andon("andon, as it comes: 0.5 alarms a week"), Clock(CLOCK_ROWS), Chance()]
    if size is Size.SMOKE:
        return few
    slow: list[Contender] = [_river("LODA")] if size is Size.FULL else []
    return [
        *few[:2],
        Andon("andon, 2 alarms a week", "false_alarms_per_week = 2.0"),
        Andon("andon, 5 alarms a week", "false_alarms_per_week = 5.0"),
        _river("HalfSpaceTrees"),
        *slow,
        RowByRow("River StandardAbsoluteDeviation", AbsoluteDeviation),
        RowByRow("windowed Gaussian", WindowedGaussian),
        RowByRow("EW z-score", EwValue),
        RowByRow("EW z-score of differences", EwDifference),
        *few[2:],
    ]


def _river(model: str) -> Andon:
    return Andon(f"River {model} in andon, ranked", f'policy = "ranked", model = "river.anomaly.{model}"')


def _scored(run_: Run, corpus: Corpus) -> Scored:
    own = next(iter(run_.judged.values())).alarms is not None
    detected = {profile: _detected(run_, corpus, profile) for profile in PROFILES}
    raws = {
        profile: {name: raw_of(place, detected[profile][name], profile) for name, place in corpus.places.items()}
        for profile in PROFILES
    }
    standard = raws[STANDARD]
    categories: dict[str, list[Raw]] = {}
    for stream in corpus.streams:
        categories.setdefault(stream.category, []).append(standard[stream.name])
    return Scored(
        run=run_,
        scores={profile.name: score_of(list(raws[profile].values()), profile) for profile in PROFILES},
        spread=interval_of(list(standard.values()), lambda parts: score_of(parts, STANDARD)),
        found=sum(raw.found for raw in standard.values()),
        false=sum(raw.false for raw in standard.values()),
        by_category={name: _score_or_nan(parts) for name, parts in categories.items()},
        by_labels=not own,
    )


def _detected(run_: Run, corpus: Corpus, profile: Profile) -> Mapping[str, Flags]:
    """Its own alarms; of scores alone those over the threshold that the labels like best."""
    alarms = {name: judged.alarms for name, judged in run_.judged.items() if judged.alarms is not None}
    if alarms:
        return alarms
    places = list(corpus.places.values())
    threshold, _ = best_threshold(places, [run_.judged[name].scores for name in corpus.places], profile)
    return {name: run_.judged[name].scores >= threshold for name in corpus.places}


def _best_rank(andon: Andon, corpus: Corpus) -> tuple[float, float]:
    """The best standard score of andon's policy at any threshold of the rank, and that threshold."""
    best, best_at = -np.inf, np.nan
    for threshold in THRESHOLDS.tolist():
        raws = []
        for stream in corpus.streams:
            trace = andon.played(stream).traces[stream.sensors[0]]
            alarms = on_rows(alarms_at(trace["p"], threshold), trace["start"], stream.times_ms, missing=0.0) > 0
            raws.append(raw_of(corpus.places[stream.name], alarms & fresh_rows(stream.times_ms), STANDARD))
        if (score := score_of(raws, STANDARD)) > best:
            best, best_at = score, threshold
    return best, best_at


def _worth_drawing(run_: Run, corpus: Corpus) -> tuple[str, ...]:
    """Machines with a known cause, and those streams on which andon is worst."""
    detected = _detected(run_, corpus, STANDARD)
    points = {name: raw_of(place, detected[name], STANDARD).points for name, place in corpus.places.items()}
    known = [stream.name for stream in corpus.streams if stream.category == "realKnownCause"]
    return tuple(dict.fromkeys([*known, *sorted(points, key=lambda name: points[name])[:WORST_DRAWN]]))


def _score_or_nan(raws: Sequence[Raw]) -> float:
    return score_of(raws, STANDARD) if any(raw.windows for raw in raws) else np.nan


def _caveats(corpus: Corpus) -> list[str]:
    windows = sum(place.windows for place in corpus.places.values())
    rows = sum(len(stream.times_ms) for stream in corpus.streams)
    return paragraph(
        f"{len(corpus.streams)} streams, {rows:,} rows, {windows} anomalies. The settings of",
        "andon were chosen with this",
        "corpus in sight; they are the same for every stream and every corpus. Published detectors were told each",
        "stream's minimum and maximum beforehand, and their thresholds, as those marked *, were chosen by the labels;",
        "andon knows neither. An alarm clock that looks at no data has a score too: compare with that, not with 0.",
        "Intervals: 95 % of 2000 draws of the streams.",
    )


def _table(scored: Sequence[Scored], corpus: Corpus) -> list[str]:
    """All contenders; the bytes are those of the state that a series has in memory."""
    windows = sum(place.windows for place in corpus.places.values())
    header = [
        "contender",
        "standard",
        "95 %",
        "low FP",
        "low FN",
        f"found of {windows}",
        "false",
        "a 10,000 rows",
        "µs a value",
        "bytes a series",
    ]
    rows = [
        [
            f"{one.run.name}{' *' if one.by_labels else ''}",
            figure(one.scores["standard"]),
            interval(one.spread),
            figure(one.scores["low_fp"]),
            figure(one.scores["low_fn"]),
            str(one.found),
            str(one.false),
            figure(1e4 * one.false / corpus.quiet_rows),
            figure(us_per_value(one.run)),
            figure(STATE.itemsize if one.run.name.startswith("andon") else one.run.state_bytes, 0),
        ]
        for one in scored
    ]
    return table(header, rows)


def _published(folder: Path, *, smoke: bool) -> list[str]:
    """Lines of the same table; a part of the corpus can't be compared with figures of the whole."""
    if smoke:
        return []
    figures = read_published_figures(folder)
    return [
        f"| published: {name} * | {' | '.join(cells)} |"
        for detector, name in PUBLISHED.items()
        for known in [figures[detector]]
        for cells in [
            [
                figure(known[PUBLISHED_AS[STANDARD]]),
                "–",
                figure(known[PUBLISHED_AS[LOW_FP]]),
                figure(known[PUBLISHED_AS[LOW_FN]]),
                *["–"] * 5,
            ]
        ]
    ]


def _categories(scored: Sequence[Scored]) -> list[str]:
    names = [name for name, value in scored[0].by_category.items() if not np.isnan(value)]
    return table(
        ["contender", *names],
        [[one.run.name, *(figure(one.by_category[name]) for name in names)] for one in scored],
    )


def _ablations(ablated: Sequence[Scored]) -> list[str]:
    return table(
        ["parts", "standard", "95 %", "low FP", "low FN", "found", "false"],
        [
            [
                one.run.name,
                figure(one.scores["standard"]),
                interval(one.spread),
                figure(one.scores["low_fp"]),
                figure(one.scores["low_fn"]),
                str(one.found),
                str(one.false),
            ]
            for one in ablated
        ],
    )
