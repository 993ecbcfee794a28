"""What EEMUA 191 and ISA-18.2 ask of alarms, for one person who watches, and whether the figures meet it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from andon.printing import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from andon.report.figures import Figures

__all__ = ["PRIORITY_TARGETS", "Verdict", "verdicts"]

PRIORITY_TARGETS = {"low": 0.80, "medium": 0.15, "high": 0.05, "critical": 0.01}
"""ISA-18.2's mix for four priorities: about 80, 15 and 5 %, and less than 1 % of the highest."""

PRIORITIES_JUDGED_MIN = 20
"""One alarm is 5 % of these: of fewer, no share of 5 % can be told."""

TOP_TEN_JUDGED_MIN = 200
"""Different alarms. Ten are 5 % of these: of fewer, the ten most frequent always make more."""

FEW_ALARMS = "too few alarms"
FEW_DIFFERENT = "too few different alarms"
NO_TARGET = "no target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One figure against its target."""

    figure: str
    name: str
    """For people."""
    value: float | None
    """None: there is nothing that it could be taken of."""
    shown: str
    target: str
    met: bool | None
    """None: it can't be judged."""
    why: str = ""
    """It can't be judged."""


def verdicts(figures: Figures) -> list[Verdict]:
    """Every figure that has a target, the most telling ones first, and how soon people answered."""
    return [*_rates(figures), *_useless(figures), *_priorities(figures), _acknowledging(figures)]


def _rates(figures: Figures) -> Iterator[Verdict]:
    rate = figures.rate
    yield _at_most("per_10min_mean", "alarms per 10 min, mean", rate.per_10min_mean, 1, f"{rate.per_10min_mean:.3g}")
    yield _at_most("per_10min_peak", "alarms per 10 min, peak", rate.per_10min_peak, 10, f"{rate.per_10min_peak:,}")
    yield _at_most("per_hour_mean", "alarms per hour, mean", rate.per_hour_mean, 6, f"{rate.per_hour_mean:.3g}")
    yield _at_most("per_day_mean", "alarms per day, mean", rate.per_day_mean, 150, f"{rate.per_day_mean:,.0f}")
    yield _below("periods_above_10", "share of 10 min with more than 10", rate.share_above["10"], 0.01)
    yield _below("flood_time_share", "time in flood", figures.flood_time_share, 0.01)


def _useless(figures: Figures) -> Iterator[Verdict]:
    share = figures.top_ten_share
    few = figures.alarms < TOP_TEN_JUDGED_MIN
    yield Verdict(
        figure="top_ten_share",
        name="share of the ten most frequent",
        value=share if figures.alarms else None,
        shown=_percent(share) if figures.alarms else "none",
        target="at most 5 %",
        met=None if few else share <= 0.05,
        why=FEW_DIFFERENT if few else "",
    )
    yield _at_most("chattering", "chattering alarms", len(figures.chattering), 0, f"{len(figures.chattering):,}")
    fleeting = sum(one.count for one in figures.fleeting)
    yield _at_most("fleeting", "fleeting alarms, over within 60 s", fleeting, 0, f"{fleeting:,}")
    yield _at_most("stale_peak", "stale alarms at a time, over 24 h", figures.stale_peak, 4, f"{figures.stale_peak:,}")


def _priorities(figures: Figures) -> Iterator[Verdict]:
    """Each priority together with those above it: more low ones than asked for are no fault."""
    few = figures.annunciated < PRIORITIES_JUDGED_MIN
    for name, names, most in (
        ("critical", ("critical",), 0.01),
        ("high or critical", ("critical", "high"), 0.05),
        ("medium or above", ("critical", "high", "medium"), 0.20),
    ):
        # From counts, or 0.01 + 0.04 could come out as more than 0.05.
        share = sum(figures.priorities[each].count for each in names) / max(1, figures.annunciated)
        yield Verdict(
            figure=f"priority_{name.replace(' ', '_')}",
            name=f"share of priority {name}",
            value=share if figures.annunciated else None,
            shown=_percent(share) if figures.annunciated else "none",
            target=f"at most {_percent(most)}",
            met=None if few else share <= most,
            why=FEW_ALARMS if few else "",
        )


def _acknowledging(figures: Figures) -> Verdict:
    median_s = figures.acknowledging.median_s
    return Verdict(
        figure="acknowledge_median_s",
        name="time to acknowledge, median",
        value=median_s,
        shown="none" if median_s is None else lasting(median_s),
        target="",
        met=None,
        why=NO_TARGET,
    )


def _at_most(figure: str, name: str, value: float, most: int, shown: str) -> Verdict:
    target = f"at most {most}" if most else "0"
    return Verdict(figure=figure, name=name, value=value, shown=shown, target=target, met=value <= most)


def _below(figure: str, name: str, share: float, bound: float) -> Verdict:
    target = f"less than {_percent(bound)}"
    return Verdict(figure=figure, name=name, value=share, shown=_percent(share), target=target, met=share < bound)


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
