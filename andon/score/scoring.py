"""How well alarms tell what labels say: pure figures of both.

An *event* is a label. A *raise* is an alarm's beginning that was annunciated; it is *in* a label of its asset (and of
its sensor, if the label names one and the alarm isn't the asset's own) when it comes not before its start and not after
its end, each widened by the tolerance.

    detected     a raise is in the event, or an alarm of before stands when it begins
    false alarm  a raise in no label
    recall       detected events / events
    precision    detected events / (detected events + false alarms): an event told five times counts once
    event F1     the harmonic mean of both

The time to detect is from the start of an event to the first raise in it; an alarm that stood before has none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from andon.replay.spans import span_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from andon.replay.spans import AlarmSpan
    from andon.replay.witness import Presence
    from andon.score.labels import Label

__all__ = ["Event", "OfKind", "Score", "asset_days", "recorded_ms", "score"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PERIOD_MS = 600_000
"""EEMUA 191 counts alarms by ten minutes."""


class Event(NamedTuple):
    """A label, and how it was told."""

    label: Label
    alarm: AlarmSpan | None
    """The first raise in it, or the alarm that stood when it began; None: missed."""
    delay_ms: int | None
    """From its start to the raise; None: missed, or an alarm stood before."""


class OfKind(NamedTuple):
    """The raises of one kind."""

    raises: int
    false_alarms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What came out. None: there is nothing to divide by."""

    events: tuple[Event, ...]
    detected: int
    standing: int
    """Of the detected, those where an alarm of before stood and nothing was raised."""
    raises: int
    false_alarms: int
    kinds: Mapping[str, OfKind]
    precision: float | None
    recall: float | None
    f1: float | None
    delay_median_s: float | None
    delay_max_s: float | None
    assets: int
    asset_days: float
    false_alarms_per_asset_day: float | None
    hours: float
    """Recorded time of the plant: where anything spoke."""
    alarms_per_hour: float | None
    alarms_per_10min_peak: int


def score(
    alarms: Iterable[AlarmSpan], labels: Sequence[Label], presences: Sequence[Presence], *, tolerance_ms: int = 0
) -> Score:
    """Compare what was told with what happened.

    Args:
        alarms: of the recording, in any order.
        labels: of the recording.
        presences: its assets, and when they spoke.
        tolerance_ms: how long before its start and after its end a label still counts.
    """
    raises = sorted((alarm for alarm in alarms if alarm.annunciated), key=span_order)
    by_asset: dict[str, list[AlarmSpan]] = defaultdict(list)
    for alarm in raises:
        by_asset[alarm.asset].append(alarm)
    told: set[AlarmSpan] = set()
    events: list[Event] = []
    for label in labels:
        concerned = [alarm for asset in label.assets for alarm in by_asset[asset] if _concerns(label, alarm)]
        within = [
            alarm for alarm in concerned if label.start - tolerance_ms <= alarm.raised_ts <= label.end + tolerance_ms
        ]
        told.update(within)
        before = [alarm for alarm in concerned if alarm.raised_ts < label.start and _stands(alarm, label.start)]
        if within:
            first = min(within, key=span_order)
            events.append(Event(label, first, max(0, first.raised_ts - label.start)))
        else:
            events.append(Event(label, min(before, key=span_order, default=None), None))
    false = [alarm for alarm in raises if alarm not in told]
    detected = sum(event.alarm is not None for event in events)
    precision = _share(detected, detected + len(false))
    recall = _share(detected, len(events))
    delays_s = [event.delay_ms / 1000 for event in events if event.delay_ms is not None]
    by_kind, false_by_kind = Counter(one.kind for one in raises), Counter(one.kind for one in false)
    days = asset_days(presences)
    hours = recorded_ms(presences) / HOUR_MS
    return Score(
        events=tuple(events),
        detected=detected,
        standing=detected - len(delays_s),
        raises=len(raises),
        false_alarms=len(false),
        kinds={kind: OfKind(count, false_by_kind[kind]) for kind, count in sorted(by_kind.items())},
        precision=precision,
        recall=recall,
        f1=_harmonic(precision, recall),
        delay_median_s=median(delays_s) if delays_s else None,
        delay_max_s=max(delays_s, default=None),
        assets=len({there.asset for there in presences}),
        asset_days=days,
        false_alarms_per_asset_day=_share(len(false), days),
        hours=hours,
        alarms_per_hour=_share(len(raises), hours),
        alarms_per_10min_peak=max(Counter(one.raised_ts // PERIOD_MS for one in raises).values(), default=0),
    )


def asset_days(presences: Iterable[Presence]) -> float:
    """Recorded time of all assets together, each asset's own."""
    own: dict[str, list[Presence]] = defaultdict(list)
    for there in presences:
        own[there.asset].append(there)
    return sum(map(recorded_ms, own.values())) / DAY_MS


def recorded_ms(presences: Iterable[Presence]) -> int:
    """How long any of them spoke: times at which several did count once."""
    total = reached = 0
    for there in sorted(presences, key=lambda there: there.first_ts):
        total += max(0, there.last_ts - max(there.first_ts, reached))
        reached = max(reached, there.last_ts)
    return total


def _concerns(label: Label, alarm: AlarmSpan) -> bool:
    return label.sensor is None or alarm.sensor is None or alarm.sensor == label.sensor


def _stands(alarm: AlarmSpan, ts: int) -> bool:
    return alarm.cleared_ts is None or alarm.cleared_ts > ts


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _harmonic(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0
