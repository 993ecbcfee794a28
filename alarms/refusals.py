"""Commands that can't be done, and what would be right: who gave one reads this in its dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alarms.holds import NOTHING, described
from alarms.wording import moment
from contracts.limits import HOLDS_PER_ASSET_MAX, TS_MS_MAX

if TYPE_CHECKING:
    from alarms.alarm import Alarm
    from alarms.asset import Asset
    from alarms.holds import Means
    from contracts.commands import Command, Scope

__all__ = ["acknowledged_already", "no_such_alarm", "not_held", "why_not_held_back"]

NAMED_MAX = 3
"""Alarms, or holds, that are named: enough to see what was mistaken for what."""


def no_such_alarm(command: Command, asset: Asset | None) -> str:
    """No alarm of the asset stands with this alert_id."""
    none = f"{command.asset} has no alarm with this alert_id"
    standing = asset.standing() if asset else []
    if not standing:
        return f"{none}: nothing of it stands now"
    newest = sorted(standing, key=lambda alarm: -alarm.raised_ts)[:NAMED_MAX]
    named = ", ".join(f"{alarm.alert_id} ({_about(alarm)})" for alarm in newest)
    return f"{none}: {len(standing)} of it stand, the newest {named}"


def acknowledged_already(alarm: Alarm) -> str:
    """There is nothing left to acknowledge."""
    by = f" by {alarm.acknowledged.by}" if alarm.acknowledged else ""
    return f"{_about(alarm)} is acknowledged already{by}"


def why_not_held_back(command: Command, asset: Asset | None, scope: Scope, means: Means, *, shelve_max_h: float) -> str:
    """Why a hold can't begin; empty if it can."""
    standing = asset.holds.of(scope) if asset else NOTHING
    if means == "shelved":
        given_ms, until_ms = command.origin.ts_ms, command.until_ms or 0
        latest_ms = min(given_ms + round(shelve_max_h * 3_600_000), TS_MS_MAX)
        if not given_ms < until_ms <= latest_ms:
            return (
                f"until must be after the command itself ({given_ms}) and at most "
                f"alarms.shelve_max_h = {shelve_max_h:g} hours after it ({latest_ms})"
            )
    elif (act := getattr(standing, means)) is not None:
        return f"{described(command.asset, scope)} is {_words(means)} already, by {act.by} since {moment(act.since_ts)}"
    if asset and standing == NOTHING and len(asset.holds) >= HOLDS_PER_ASSET_MAX:
        return (
            f"{command.asset} has {HOLDS_PER_ASSET_MAX} holds, no more are kept: "
            "end some, or hold a whole sensor or the whole asset instead"
        )
    return ""


def not_held(command: Command, asset: Asset | None, scope: Scope, means: Means) -> str:
    """There is no such hold to end."""
    what = f"{described(command.asset, scope)} isn't {_words(means)}"
    held = [described(command.asset, one) for one in asset.holds.scopes(means)] if asset else []
    if not held:
        return f"{what}, and nothing else of {command.asset} is"
    more = f" and {len(held) - NAMED_MAX} more" if len(held) > NAMED_MAX else ""
    return f"{what}: {_words(means)} are {', '.join(held[:NAMED_MAX])}{more}"


def _about(alarm: Alarm) -> str:
    return " ".join(part for part in (alarm.asset, alarm.sensor, alarm.kind, alarm.rule) if part)


def _words(means: Means) -> str:
    return means.replace("_", " ")
