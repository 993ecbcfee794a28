"""What is allowed in the settings and was hardly meant: rules that never apply, maintenance that is over."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from contracts.calendar import WEEK_MS, merged, spans_of
from contracts.errors import Problem
from contracts.settings import AssetSettings, Limit, Maintenance, Rule, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.calendar import Span

__all__ = ["ANY_SENSOR", "WARMUP_WINDOWS", "YEAR_MS", "advice", "covers", "window_advice"]

WARMUP_WINDOWS = 150
"""Windows that a learned detector sees before it tells anything."""

WARMUP_S_MAX = 7 * 86400
"""Nobody waits longer than a week for the first judgement."""

SHELVE_H_MAX = 7 * 24
"""After a week of holidays nobody remembers what was shelved, and why."""

YEAR_MS = 53 * WEEK_MS
"""Over which weekly entries are compared: clocks have changed both ways in it."""

ANY_SENSOR = "any other sensor"
"""A name that only patterns for all sensors match."""


def advice(settings: Settings, *, now_ms: int) -> tuple[Problem, ...]:
    """All that looks unwise, in the order of the file.

    Args:
        now_ms: what is over by then (ms since the epoch) is said; 0: nothing is.
    """
    parts = (_rules(settings), _assets(settings), _maintenance(settings, now_ms), _service(settings), _alarms(settings))
    return tuple(problem for part in parts for problem in part)


def window_advice(settings: Settings, asset: str) -> str:
    """Why the windows of an asset look unwise, in one sentence; empty when they don't."""
    window_s = settings.asset(asset).window_ms / 1000
    if window_s * WARMUP_WINDOWS > WARMUP_S_MAX:
        days = window_s * WARMUP_WINDOWS / 86400
        return f"with windows of {window_s:g} s the learned detectors judge after {days:.0f} days: shorten window_s."
    stale = settings.rule(asset, ANY_SENSOR).stale
    if window_s and stale is not None and stale.after_s != "auto" and stale.after_s > 10 * window_s:
        return (
            f"sensors may be silent for {stale.after_s:g} s, and a window has {window_s:g} s: if readings come less "
            "than once a window, set window_s = 0, and every reading is judged."
        )
    return ""


class _Part(NamedTuple):
    """One entry of a list in which the first match wins per key."""

    key: str
    asset: str
    sensor: str
    given: frozenset[str]


def _rules(settings: Settings) -> Iterator[Problem]:
    parts = [
        _Part(f"rules[{number}]", rule.asset, rule.sensor, _given(rule))
        for number, rule in enumerate(settings.rules, 1)
    ]
    yield from _never(parts)
    for number, rule in enumerate(settings.rules, 1):
        if isinstance(rule.limit, Limit):
            for name in sorted(rule.limit.severity):
                if getattr(rule.limit, name) is None:
                    key = f"rules[{number}].limit.severity.{name}"
                    yield Problem(key, "is the severity of a limit that isn't given.", f"Give {name} too, or drop it.")


def _assets(settings: Settings) -> Iterator[Problem]:
    parts = [
        _Part(f"assets[{number}]", part.asset, "*", _given(part)) for number, part in enumerate(settings.assets, 1)
    ]
    yield from _never(parts)
    for number, part in enumerate(settings.assets, 1):
        window_s = settings.asset(part.asset).window_ms / 1000
        if part.late_s_max is not None and part.window_s is None and 0 < window_s < part.late_s_max:
            fault = f"is {part.late_s_max:g}, longer than a window of {window_s:g} s: the window's length counts."
            yield Problem(f"assets[{number}].late_s_max", fault, "Lengthen window_s, or shorten late_s_max.")
        if part.window_s and part.window_s * WARMUP_WINDOWS > WARMUP_S_MAX:
            days = part.window_s * WARMUP_WINDOWS / 86400
            fault = (
                f"is {part.window_s:g}: the learned detectors judge after {WARMUP_WINDOWS} windows, {days:.0f} days."
            )
            yield Problem(f"assets[{number}].window_s", fault, "Shorten it.")


def _maintenance(settings: Settings, now_ms: int) -> Iterator[Problem]:
    entries = settings.maintenance
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    for number, entry in enumerate(entries, 1):
        key = f"maintenance[{number}]"
        # Of two entries that say the same, the later one is superfluous.
        wider = [
            position
            for position, other in enumerate(entries, 1)
            if position != number
            and _is_within(entry, other, now_ms)
            and (position < number or not _is_within(other, entry, now_ms))
        ]
        if entry.end is not None and entry.end <= now and settings.service.clock == "wall":
            yield Problem(key, f"ended at {entry.end}.", "Drop it.")
        elif wider:
            yield Problem(key, f"changes nothing: maintenance[{wider[0]}] covers all of it.", "Drop it.")
        elif sum(span.end - span.start for span in _coming(entry, now_ms)) > 0.99 * YEAR_MS:
            fault = "never ends: no alarm of these assets is ever annunciated."
            yield Problem(key, fault, "Shorten for_h, or take the assets out of service by a command.")


def _is_within(entry: Maintenance, other: Maintenance, now_ms: int) -> bool:
    """Whether all that an entry says is said by another one, of its own sort, too."""
    if not covers(other.asset, entry.asset):
        return False
    if entry.start and entry.end and other.start and other.end:
        return other.start <= entry.start and entry.end <= other.end
    own, others = _coming(entry, now_ms), _coming(other, now_ms)
    return bool(own) and all(any(wide.start <= span.start and span.end <= wide.end for wide in others) for span in own)


def _coming(entry: Maintenance, now_ms: int) -> list[Span]:
    """The coming year of an entry that comes every week; nothing of one that comes once."""
    return merged(spans_of(entry, now_ms, now_ms + YEAR_MS)) if entry.days else []


def _alarms(settings: Settings) -> Iterator[Problem]:
    if settings.alarms.shelve_max_h > SHELVE_H_MAX:
        days = settings.alarms.shelve_max_h / 24
        fault = f"lets alarms be shelved for {days:.3g} days: what is held back so long is forgotten."
        yield Problem("alarms.shelve_max_h", fault, f"Give at most {SHELVE_H_MAX}; suppress what is meant to last.")


def _service(settings: Settings) -> Iterator[Problem]:
    if settings.service.clock == "event":
        fault = 'is "event": an asset that falls silent as a whole is never noticed.'
        yield Problem("service.clock", fault, 'Leave it at "wall", except for recordings.')


def _given(part: Rule | AssetSettings) -> frozenset[str]:
    names = set(type(part).model_fields) - {"asset", "sensor"}
    return frozenset(name for name in names if getattr(part, name) is not None)


def _never(parts: list[_Part]) -> Iterator[Problem]:
    """Entries that say nothing, or all of whose keys an earlier entry has for the same names."""
    for number, part in enumerate(parts):
        if not part.given:
            yield Problem(part.key, "sets nothing.", "Give it a key, or drop it.")
            continue
        earlier = {
            name: other.key
            for other in reversed(parts[:number])
            for name in part.given & other.given
            if covers(other.asset, part.asset) and covers(other.sensor, part.sensor)
        }
        if earlier.keys() == part.given:
            by = " and ".join(sorted(set(earlier.values()), key=[other.key for other in parts].index))
            yield Problem(part.key, f"never applies, because of {by} before it.", "Put the narrower one first.")


def covers(wide: str, narrow: str) -> bool:
    """Whether each name that `narrow` matches is matched by `wide` too. False also where that can't be told easily.

    Read as a name, a pattern has `*` and `?` where its names have other characters. What `*` in the wide pattern takes
    up may be anything, so these may stand for themselves, as long as no other wild card has to match them.
    """
    return wide in ("*", narrow) or ("[" not in wide + narrow and "?" not in wide and fnmatchcase(narrow, wide))
