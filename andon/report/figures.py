"""The figures of EEMUA 191 and ISA-18.2: how many alarms people got, and which of them were of no use.

Pure: alerts of any order in, figures out. An alarm counts when it is raised and annunciated, at the time of the alert
itself. Alarms of kind `flood` sum up others: they count nowhere, floods are found anew from the alarms that made them.

The time is cut into whole periods of ten minutes, back from its end. What was raised before its beginning is used where
it matters: a flood, a stale alarm or one that waits for a person may have begun earlier.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from sys import intern
from typing import TYPE_CHECKING, NamedTuple

from alarms.flood import Flood, Raise
from contracts.alarm_states import alarm_key
from contracts.alerts import AlertRecord, Priority, State, Transition
from contracts.findings import Kind
from contracts.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contracts.alerts import Alert

__all__ = [
    "Acknowledging",
    "Counted",
    "Event",
    "Figures",
    "FloodSpan",
    "HeldBack",
    "Period",
    "Portion",
    "Rate",
    "StaleAlarm",
    "event_of",
    "figures",
]

TEN_MIN_MS = 600_000
DAY_MS = 86_400_000

ABOVE = (1, 2, 5, 10)
"""Alarms in ten minutes: about the most that is comfortable, that can be managed, that is hard, and that is a flood."""

CHATTERING_RAISES = 3
CHATTERING_MS = 60_000
"""Three within a minute: ISA-18.2's usual measure, and that of our own lifecycle."""

FLEETING_MS = 60_000
"""It was over before a person could have looked into it."""

STALE_MS = DAY_MS

TOP = 10


class Event(NamedTuple):
    """What the figures need of an alert."""

    ts: int
    """Event time of the transition, ms since the epoch."""
    transition: Transition
    state: State
    annunciated: bool
    alert_id: str
    site: str
    asset: str
    sensor: str | None
    kind: str
    rule: str
    priority: Priority
    onset_ts: int

    @property
    def alarm(self) -> str:
        """The alarm's name: its key on the alarm-state topic."""
        return alarm_key(asset=self.asset, sensor=self.sensor, kind=self.kind, rule=self.rule)


class Period(NamedTuple):
    """From `start` to before `end` (ms since the epoch): whole periods of ten minutes, at least one."""

    start: int
    end: int

    @classmethod
    def covering(cls, start: int, end: int) -> Period:
        """The shortest one that ends at `end` and holds `start`."""
        count = max(1, -(-(end - start) // TEN_MIN_MS))
        return cls(end - count * TEN_MIN_MS, end)

    @property
    def lasting_ms(self) -> int:
        """How long it is."""
        return self.end - self.start

    @property
    def ten_min_count(self) -> int:
        """How many periods of ten minutes it has."""
        return self.lasting_ms // TEN_MIN_MS

    def holds(self, ts: int) -> bool:
        """Whether a time is within."""
        return self.start <= ts < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast alarms came."""

    per_10min: list[int]
    """Of each ten minutes, the first ones first."""
    per_10min_mean: float
    per_10min_peak: int
    share_above: dict[str, float]
    """Share of the ten-minute periods with more alarms than 1, 2, 5 and 10."""
    per_hour_mean: float
    per_hour_peak: int
    """In any six of the ten minutes, one after another."""
    per_day_mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodSpan:
    """One flood."""

    start_ts: int
    end_ts: int | None
    """None: it wasn't over at the end of the time."""
    raised: int
    peak_per_10min: int
    first_up: list[str]
    top_assets: list[str]


@dataclass(frozen=True, slots=True)
class Portion:
    """How many of all."""

    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Counted:
    """An alarm, and how often."""

    alarm: str
    count: int
    share: float
    """Of all that were annunciated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleAlarm:
    """An alarm that stayed for more than a day."""

    alarm: str
    priority: Priority
    since_ts: int
    until_ts: int | None
    """None: it was still there at the end of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledging:
    """How soon people answered."""

    count: int
    median_s: float | None
    max_s: float | None
    waiting: int
    """Annunciated, and not acknowledged at the end of the time though they still stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """What people hold back."""

    sort: str
    """shelved, suppressed or out_of_service."""
    what: str
    """Key of the hold: `press-1/temp/*/*/hold`."""
    by: str
    since_ts: int
    until_ts: int | None
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of one period of time."""

    sites: list[str]
    start_ts: int
    end_ts: int
    annunciated: int
    """Alarms that were raised and annunciated."""
    not_annunciated: int
    """Raised while shelved, suppressed, out of service, or covered by hh or ll."""
    returned: int
    """Conditions that ended."""
    rate: Rate
    floods: list[FloodSpan]
    flood_time_share: float
    priorities: dict[str, Portion]
    kinds: dict[str, int]
    assets: dict[str, int]
    """By how many alarms, the most first."""
    alarms: int
    """Different ones."""
    top_ten: list[Counted]
    top_ten_share: float
    chattering: list[Counted]
    """Raised three times or more within 60 s; the count is of those raises."""
    fleeting: list[Counted]
    """Over within 60 s and not acknowledged; those that chatter are counted there."""
    stale: list[StaleAlarm]
    stale_peak: int
    """The most that were stale at the same time."""
    acknowledging: Acknowledging
    held: list[HeldBack] | None
    """Now; None where only alerts are known, which don't tell."""


def event_of(alert: Alert) -> Event:
    """What the figures need of an alert; names, which come again and again, are kept once."""
    return Event(
        alert.ts,
        alert.transition,
        alert.state,
        alert.annunciated,
        alert.alert_id,
        intern(alert.site),
        intern(alert.asset),
        None if alert.sensor is None else intern(alert.sensor),
        alert.kind.value,
        intern(alert.rule),
        alert.priority,
        alert.onset_ts,
    )


def figures(events: Iterable[Event], period: Period, *, held: list[HeldBack] | None = None) -> Figures:
    """All figures of a period.

    Args:
        events: each transition once; also from before the period, as far back as is known.
        held: what people hold back now, if that is known.
    """
    known = [event for event in events if event.kind != Kind.FLOOD and event.ts < period.end]
    known.sort(key=lambda event: event.ts)  # stable: at one time the order of arrival counts
    raises = [event for event in known if event.transition is Transition.RAISED]
    within = [event for event in raises if event.ts >= period.start]
    shown = [event for event in within if event.annunciated]
    episodes = _episodes(known)
    floods = _floods([event for event in raises if event.annunciated], period)
    alarms = Counter(event.alarm for event in shown)
    chattering = _chattering(shown)
    stale = _stale(episodes, period)
    return Figures(
        sites=sorted({event.site for event in known}),
        start_ts=period.start,
        end_ts=period.end,
        annunciated=len(shown),
        not_annunciated=len(within) - len(shown),
        returned=sum(1 for one in episodes if one.over_ts is not None and period.holds(one.over_ts)),
        rate=_rate(shown, period),
        floods=floods,
        flood_time_share=_flood_time_share(floods, period),
        priorities=_priorities(shown),
        kinds=_most_first(Counter(event.kind for event in shown)),
        assets=_most_first(Counter(event.asset for event in shown)),
        alarms=len(alarms),
        top_ten=_counted(alarms, len(shown))[:TOP],
        top_ten_share=_share(sum(sorted(alarms.values())[-TOP:]), len(shown)),
        chattering=_counted(chattering, len(shown)),
        fleeting=_counted(_fleeting(episodes, shown, chattering), len(shown)),
        stale=stale,
        stale_peak=_stale_peak(stale, period),
        acknowledging=_acknowledging(episodes, period),
        held=held,
    )


@dataclass(slots=True)
class _Episode:
    """One alert id: from the raise to the return, and to what people did about it."""

    alert_id: str
    alarm: str
    priority: Priority
    since_ts: int
    """When it was raised; where that isn't known, its onset."""
    raised_ts: int | None = None
    over_ts: int | None = None
    cleared: bool = False
    """It was over because its condition ended."""
    acknowledged_ts: int | None = None
    annunciated: bool = True
    """As its newest transition was, while it was active."""
    waiting: bool = False
    """Its newest state asks for a person."""


_UNACKNOWLEDGED = (State.ACTIVE_UNACKED, State.RETURNED_UNACKED)
_OVER = (State.NORMAL, State.RETURNED_UNACKED)


def _episodes(known: Iterable[Event]) -> list[_Episode]:
    """What became of each alarm; events in order of time."""
    episodes: dict[str, _Episode] = {}
    for event in known:
        episode = episodes.get(event.alert_id)
        if episode is None:
            episode = _Episode(event.alert_id, event.alarm, event.priority, event.onset_ts)
            episodes[event.alert_id] = episode
        if event.transition is Transition.RAISED and episode.raised_ts is None:
            episode.raised_ts = episode.since_ts = event.ts
        if event.transition is Transition.ACKNOWLEDGED and episode.acknowledged_ts is None:
            episode.acknowledged_ts = event.ts
        if episode.over_ts is None:
            if event.state in _OVER:
                episode.over_ts = event.ts
                episode.cleared = event.transition is Transition.CLEARED
            else:
                episode.annunciated = event.annunciated
        episode.waiting = event.state in _UNACKNOWLEDGED
    return list(episodes.values())


def _rate(shown: Sequence[Event], period: Period) -> Rate:
    counts = [0] * period.ten_min_count
    for event in shown:
        counts[(event.ts - period.start) // TEN_MIN_MS] += 1
    return Rate(
        per_10min=counts,
        per_10min_mean=len(shown) / len(counts),
        per_10min_peak=max(counts),
        share_above={str(above): sum(1 for count in counts if count > above) / len(counts) for above in ABOVE},
        per_hour_mean=len(shown) * 6 / len(counts),
        per_hour_peak=_peak_of(counts, 6),
        per_day_mean=len(shown) * 144 / len(counts),
    )


def _peak_of(counts: Sequence[int], neighbours: int) -> int:
    """The largest sum of so many neighbours, or of all if there are fewer."""
    sums = [0, *accumulate(counts)]
    width = min(neighbours, len(counts))
    return max(upto - before for before, upto in zip(sums, sums[width:], strict=False))


def _floods(raises: Sequence[Event], period: Period) -> list[FloodSpan]:
    """Every flood that touches the period, as the service finds them; raises in order of time."""
    flood = Flood(Settings())
    told = flood.add(
        Raise(event.ts, event.asset, event.sensor, event.kind, event.rule, event.priority, event.alert_id)
        for event in raises
    )
    told += flood.tick(period.end + 2 * TEN_MIN_MS)  # what isn't over yet is ended, to know its size
    alerts = [item.alert for item in told if isinstance(item, AlertRecord)]
    return [
        FloodSpan(
            start_ts=begin.onset_ts,
            end_ts=end.ts if end.ts < period.end else None,
            raised=_whole(end.evidence["raised"]),
            peak_per_10min=_whole(end.evidence["peak_per_10min"]),
            first_up=_texts(begin.evidence["first_up"]),
            top_assets=_texts(end.evidence["top_assets"]),
        )
        for begin, end in zip(alerts[::2], alerts[1::2], strict=True)
        if end.ts > period.start
    ]


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _texts(value: object) -> list[str]:
    assert isinstance(value, list)
    return value


def _flood_time_share(floods: Iterable[FloodSpan], period: Period) -> float:
    # Floods follow one another: the next one can only begin with raises that are newer than the end of the one before,
    # or are among the four that were left then. These are counted once.
    covered = 0
    reached = period.start
    for flood in floods:
        end = period.end if flood.end_ts is None else flood.end_ts
        covered += max(0, end - max(reached, flood.start_ts))
        reached = max(reached, end)
    return covered / period.lasting_ms


def _priorities(shown: Sequence[Event]) -> dict[str, Portion]:
    counts = Counter(event.priority for event in shown)
    return {
        priority.value: Portion(counts[priority], _share(counts[priority], len(shown)))
        for priority in reversed(Priority)
    }


def _chattering(shown: Iterable[Event]) -> Counter[str]:
    """Raises that were one of three of the same alarm within 60 s."""
    times: dict[str, list[int]] = {}
    for event in shown:
        times.setdefault(event.alarm, []).append(event.ts)
    found: Counter[str] = Counter()
    for alarm, ordered in times.items():
        close: set[int] = set()
        for place in range(len(ordered) - CHATTERING_RAISES + 1):
            last = place + CHATTERING_RAISES - 1
            if ordered[last] - ordered[place] <= CHATTERING_MS:
                close.update(range(place, last + 1))
        if close:
            found[alarm] = len(close)
    return found


def _fleeting(episodes: Iterable[_Episode], shown: Iterable[Event], chattering: Mapping[str, int]) -> Counter[str]:
    """Raises that were over before anybody could look, of alarms that don't chatter."""
    ours = {event.alert_id for event in shown}
    return Counter(
        one.alarm
        for one in episodes
        if one.alert_id in ours
        and one.alarm not in chattering
        and one.cleared
        and one.over_ts is not None
        and one.over_ts - one.since_ts <= FLEETING_MS
        and (one.acknowledged_ts is None or one.acknowledged_ts > one.over_ts)
    )


def _stale(episodes: Iterable[_Episode], period: Period) -> list[StaleAlarm]:
    """Alarms that had stayed for more than a day, at some time of the period; the oldest first."""
    found = [
        StaleAlarm(alarm=one.alarm, priority=one.priority, since_ts=one.since_ts, until_ts=one.over_ts)
        for one in episodes
        if one.annunciated
        and (period.end if one.over_ts is None else one.over_ts) - one.since_ts > STALE_MS
        and (one.over_ts is None or one.over_ts > period.start)
    ]
    return sorted(found, key=lambda one: (one.since_ts, one.alarm))


def _stale_peak(stale: Iterable[StaleAlarm], period: Period) -> int:
    changes: list[tuple[int, int]] = []
    for one in stale:
        changes.append((max(one.since_ts + STALE_MS, period.start), 1))
        if one.until_ts is not None:
            changes.append((one.until_ts, -1))  # sorted before a beginning at the same time: it is over then
    return max(accumulate(change for _, change in sorted(changes)), default=0)


def _acknowledging(episodes: Sequence[_Episode], period: Period) -> Acknowledging:
    """Of alarms that were acknowledged within the period; only where it is known when they were raised."""
    times_s = [
        max(0, one.acknowledged_ts - one.raised_ts) / 1000
        for one in episodes
        if one.acknowledged_ts is not None and one.raised_ts is not None and period.holds(one.acknowledged_ts)
    ]
    return Acknowledging(
        count=len(times_s),
        median_s=median(times_s) if times_s else None,
        max_s=max(times_s, default=None),
        waiting=sum(1 for one in episodes if one.waiting and one.annunciated),
    )


def _counted(counts: Mapping[str, int], total: int) -> list[Counted]:
    return [Counted(alarm, count, _share(count, total)) for alarm, count in _most_first(counts).items()]


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _share(part: int, total: int) -> float:
    return part / total if total else 0.0
