"""Noise: are budgets of false alarms kept, and how soon is a level known to have moved?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.accuracy.contenders.andon import Andon
from benchmarks.accuracy.contenders.drift import drifts_of
from benchmarks.accuracy.corpora.noise import BEGIN_MS, CHANGES, KINDS, ROW_MS, moving, quiet
from benchmarks.accuracy.markdown import figure, paragraph, table
from benchmarks.accuracy.reports.report import Report, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.accuracy.streams import Stream

__all__ = ["report"]

BUDGETS = (10.0, 3.0, 1.0, 0.3)
"""Alarms in 10,000 windows."""
LEARNING_ROWS = 1500
EARLY = 1.0
"""Of the budgets, for what is raised in these first rows."""
WEEK_ROWS = 7 * 86_400_000 / ROW_MS
OVERRUN_MAX = 1.5

DRIFTING = ("normal", "autocorrelated, 0.5", "autocorrelated, 0.9")
MOVES_AT = 6000
"""Row: after the three days in which drift is silent, and the reference phase of 500 rows after them."""
MOVES_FOR = 2000
READY_ROWS = 4820


class Amount(NamedTuple):
    """How much noise is drawn."""

    kinds: Sequence[str]
    streams: int
    rows: int
    moving: int
    """Streams of each change."""


AMOUNTS = {
    Size.SMOKE: Amount(("normal",), 2, 6000, 2),
    Size.USUAL: Amount(tuple(KINDS), 20, 20_000, 30),
    Size.FULL: Amount(tuple(KINDS), 60, 40_000, 60),
}


def report(_folder: Path, *, size: Size, told: Callable[[str], None]) -> Report:
    """The table of budgets, and the table of drifts."""
    amount = AMOUNTS[size]
    raised, early = {}, {}
    for kind in amount.kinds:
        streams = quiet(kind, streams=amount.streams, rows=amount.rows)
        both = {budget: _raised(streams, budget) for budget in BUDGETS}
        raised[kind] = {budget: late for budget, (_, late) in both.items()}
        early[kind] = both[EARLY][0]
        told(f"budgets on {kind}: {', '.join(f'{raised[kind][budget]:.1f} of {budget:g}' for budget in BUDGETS)}")
    false, delays = {}, {}
    for kind in (one for one in DRIFTING if one in amount.kinds):
        streams = quiet(kind, streams=amount.streams, rows=amount.rows)
        false[kind] = _false_drifts(streams)
        delays[kind] = [_delays(kind, number, amount.moving) for number in range(len(CHANGES))]
        told(f"drift on {kind}: {false[kind]:.2f} false in 10,000 windows")
    overruns = {budget: max(raised[kind][budget] / budget for kind in amount.kinds) for budget in BUDGETS}
    figures = {
        "largest_overrun": {f"{budget:g}": round(overrun, 2) for budget, overrun in overruns.items()},
        "false_drifts_per_10k": {kind: round(value, 3) for kind, value in false.items()},
    }
    lines = [
        *paragraph(
            f"Budgets: {amount.streams} streams of {amount.rows:,} windows of each kind of noise, in which there is",
            f"nothing to find. Raised in 10,000 windows after the first {LEARNING_ROWS}, where so many are allowed;",
            f"and in these first windows, where {EARLY:g} is: tails are learned from what is rare.",
        ),
        *_budget_table(raised, early),
        "",
        *paragraph(
            f"The largest overrun is {', '.join(f'{overruns[one]:.1f} times {one:g}' for one in BUDGETS)}."
            f" What was to be kept: {OVERRUN_MAX:g} times."
        ),
        *paragraph(
            f"Drift: {amount.moving} streams of each kind and change, the change in standard deviations of the noise",
            f"at row {MOVES_AT}. Rows until it is told (median), in brackets the share that isn't within {MOVES_FOR},",
            "in per cent; false drifts are counted on the streams above:",
        ),
        *_drift_table(false, delays),
    ]
    return Report(lines, figures, [], [], {}, ())


def _raised(streams: Sequence[Stream], budget: float) -> tuple[float, float]:
    """Alarms in 10,000 windows that are raised where `budget` are allowed: in the first windows, and after them."""
    weekly = budget * WEEK_ROWS / 10_000
    judged = Andon(f"{budget:g}", f"false_alarms_per_week = {weekly!r}").judge(streams)
    alarms = [judged[stream.name].alarms for stream in streams]
    first = [one[:LEARNING_ROWS] for one in alarms if one is not None]
    after = [one[LEARNING_ROWS:] for one in alarms if one is not None]
    return 1e4 * float(np.concatenate(first).mean()), 1e4 * float(np.concatenate(after).mean())


def _false_drifts(streams: Sequence[Stream]) -> float:
    """In 10,000 windows, once drift is looked for."""
    found = drifts_of(streams)
    rows = sum(len(stream.times_ms) - READY_ROWS for stream in streams)
    return 1e4 * sum(len(times) for times in found.values()) / rows


def _delays(kind: str, number: int, streams: int) -> tuple[float, float]:
    """Of one change: the median delay in rows of those that are told, and the share of those that aren't."""
    found = drifts_of(moving(kind, CHANGES[number], streams=streams, at=MOVES_AT, after=MOVES_FOR))
    moved_ms = BEGIN_MS + MOVES_AT * ROW_MS
    first = [next(((ms - moved_ms) / ROW_MS for ms in times if ms >= moved_ms), np.nan) for times in found.values()]
    missed = float(np.isnan(first).mean())
    return (float(np.nanmedian(first)) if missed < 1 else np.nan), missed


def _budget_table(raised: Mapping[str, Mapping[float, float]], early: Mapping[str, float]) -> list[str]:
    header = ["noise", *(f"{budget:g}" for budget in BUDGETS), f"{EARLY:g}, at first"]
    return table(
        header,
        [[kind, *(figure(one[budget]) for budget in BUDGETS), figure(early[kind])] for kind, one in raised.items()],
    )


def _drift_table(false: Mapping[str, float], delays: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    header = ["noise", "false in 10,000", *(change.name for change in CHANGES)]
    rows = [
        [
            kind,
            figure(false[kind], 2),
            *(f"{figure(delay, 0)}{f' ({100 * missed:.0f})' if missed else ''}" for delay, missed in delays[kind]),
        ]
        for kind in delays
    ]
    return table(header, rows)
