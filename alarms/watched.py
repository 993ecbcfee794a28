"""Whether the settings still watch what an alarm is about: an alarm whose rule is gone would stand for ever."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from contracts.findings import Kind

if TYPE_CHECKING:
    from contracts.settings import ResolvedRule, Settings

__all__ = ["is_watched"]


def is_watched(settings: Settings, *, asset: str, sensor: str, kind: Kind, rule: str) -> bool:
    """Whether detection can still say that this is over; `sensor` is "" for an asset as a whole."""
    if kind in (Kind.CAPACITY, Kind.FLOOD, Kind.INVENTORY):
        return True
    resolved = settings.rule(asset, sensor)
    if sensor:
        return _has(resolved, kind, rule)
    # Whose sensors an asset has isn't known here: any rule for some of them may be the one.
    return getattr(resolved, kind) is not None or any(
        getattr(one, kind) for one in settings.rules if fnmatchcase(asset, one.asset)
    )


def _has(resolved: ResolvedRule, kind: Kind, rule: str) -> bool:
    if kind is Kind.LIMIT:
        return resolved.limit is not None and getattr(resolved.limit, rule, None) is not None
    if kind is Kind.RATE:
        return resolved.rate is not None and getattr(resolved.rate, f"{rule}_max_per_s", None) is not None
    return getattr(resolved, kind) is not None
