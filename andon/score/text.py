"""A score as people read it, and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from andon.plain_text import one_line
from andon.printing import clock_of, lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from andon.score.labels import Label
    from andon.score.scoring import Event, Score

__all__ = ["document_of", "named", "shown"]

EVENTS_SHOWN = 40
ASSETS_NAMED = 3


def shown(score: Score, *, tolerance_ms: int) -> Group:
    """Figures, then each label with how it was told."""
    figures = Table(box=None, show_header=False, pad_edge=False)
    figures.add_column(style="bold")
    figures.add_column(justify="right")
    figures.add_column(style="dim")
    for row in _figures(score, tolerance_ms):
        figures.add_row(*row)
    events = Table(box=None, pad_edge=False, title_justify="left")
    for head in ("label", "of", "told", "by"):
        events.add_column(head, overflow="fold")
    for event in score.events[:EVENTS_SHOWN]:
        events.add_row(*_row(event))
    more = len(score.events) - EVENTS_SHOWN
    return Group(figures, Text(), events, *([Text(f"and {more:,} more", style="dim")] if more > 0 else []))


def _figures(score: Score, tolerance_ms: int) -> Iterator[tuple[str, str, str]]:
    events = len(score.events)
    wide = f", {lasting(tolerance_ms / 1000)} around them counted in" if tolerance_ms else ""
    yield "events detected", f"{score.detected} of {events}", _standing(score)
    yield "precision", _number(score.precision), "detected / (detected + false alarms)"
    yield "recall", _number(score.recall), "detected / labelled"
    yield "event F1", _number(score.f1), ""
    slowest = f"longest {_time(score.delay_max_s)}" if score.delay_max_s is not None else ""
    yield "time to detect, median", _time(score.delay_median_s), slowest
    yield "false alarms", f"{score.false_alarms:,}", f"of {score.raises:,} raised; outside of every label{wide}"
    days = f"{score.assets:,} assets, {score.asset_days:,.3g} days of them"
    yield "false alarms per asset-day", _number(score.false_alarms_per_asset_day), days
    load = f"EEMUA 191: at most 6; most in ten minutes {score.alarms_per_10min_peak}"
    yield "alarms per hour", _number(score.alarms_per_hour), load
    for kind, count in score.kinds.items():
        yield f"  {kind}", f"{count.raises:,}", f"{count.false_alarms:,} of them false"


def _standing(score: Score) -> str:
    return f"{score.standing} of them by an alarm that stood before" if score.standing else ""


def _row(event: Event) -> tuple[str, str, str, str]:
    label, alarm = event.label, event.alarm
    span = f"{clock_of(label.start)} – {clock_of(label.end)}"
    if alarm is None:
        return span, named(label), "missed", ""
    told = "stood before" if event.delay_ms is None else f"after {_time(event.delay_ms / 1000)}"
    return span, named(label), told, one_line(alarm.message)


def named(label: Label) -> str:
    """What a label is about."""
    assets = sorted(label.assets)
    more = f" and {len(assets) - ASSETS_NAMED} more" if len(assets) > ASSETS_NAMED else ""
    sensor = f" {label.sensor}" if label.sensor else ""
    return one_line(f"{', '.join(assets[:ASSETS_NAMED])}{more}{sensor}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3g}"


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else lasting(seconds)


def document_of(score: Score, *, tolerance_ms: int, left_out: int) -> dict[str, Any]:
    """All of it.

    Args:
        left_out: labels of what isn't in the recording.
    """
    return {
        "schema": 1,
        "labels": len(score.events),
        "labels_left_out": left_out,
        "tolerance_ms": tolerance_ms,
        "detected": score.detected,
        "standing": score.standing,
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "delay_median_s": score.delay_median_s,
        "delay_max_s": score.delay_max_s,
        "raises": score.raises,
        "false_alarms": score.false_alarms,
        "assets": score.assets,
        "asset_days": score.asset_days,
        "false_alarms_per_asset_day": score.false_alarms_per_asset_day,
        "hours": score.hours,
        "alarms_per_hour": score.alarms_per_hour,
        "alarms_per_10min_peak": score.alarms_per_10min_peak,
        "kinds": {kind: count._asdict() for kind, count in score.kinds.items()},
        "events": [
            {
                "start": event.label.start,
                "end": event.label.end,
                "assets": sorted(event.label.assets),
                "sensor": event.label.sensor,
                "detected": event.alarm is not None,
                "delay_ms": event.delay_ms,
                "by": None if event.alarm is None else event.alarm.message,
            }
            for event in score.events
        ],
    }
