"""Who doesn't judge yet, or not as usual, and why: the lists of `/status`, from what the dataflow tells.

Every list is bounded; how many there are in all is told by the figures beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from andon.printing import lasting
from contracts.calendar import Calendar

if TYPE_CHECKING:
    from contracts.settings import Settings
    from dataflows.happenings import Happenings, Named, Refused
    from detectors.windows import Paused, Warming

__all__ = ["status_lists"]

_SETTING = {"sensors": "service.sensors_per_asset_max", "series": "service.series_per_group_max"}


def status_lists(settings: Settings, happenings: Happenings, *, now_ms: int) -> dict[str, list[dict[str, Any]]]:
    """Who warms up, is paused, out of service, at rest, adjusted, or refused; a sensor of None is the asset as a whole.

    Args:
        now_ms: wall clock; whether it is maintenance now is told by it.
    """
    out = happenings.out_of_service()
    calendar = Calendar(settings)
    return {
        "warming": [
            {"asset": one.asset, "sensor": one.sensor, "seen": one.seen, "needed": one.needed}
            | {"why": _why_warming(one, settings)}
            for one in happenings.warming()
        ],
        "paused": [
            {"asset": one.asset, "sensor": one.sensor, "why": _why_paused(one, out, calendar, now_ms)}
            for one in happenings.paused()
        ],
        "out_of_service": [{"asset": asset, "sensor": sensor} for asset, sensor in out],
        "resting": [
            {"asset": asset, "sensor": sensor, "why": _why_resting(asset, settings)}
            for asset, sensor in happenings.resting()
        ],
        "adjusted": [
            {"asset": one.asset, "sensor": one.sensor, "raised_by": round(one.raised_by, 3)}
            for one in happenings.adjusted()
        ],
        "refused": [one._asdict() | {"why": _why_refused(one)} for one in happenings.refused()],
    }


def _why_warming(one: Warming, settings: Settings) -> str:
    left = one.needed - one.seen
    window_s = settings.asset(one.asset).window_ms / 1000
    data = f"{lasting(left * window_s)} of data" if window_s else f"{left} readings"
    return f"warming {one.seen}/{one.needed} windows: {data} to go"


def _why_paused(one: Paused, out: list[Named], calendar: Calendar, now_ms: int) -> str:
    if one.confirmed:
        return "its alarm was called true: nothing is learned until it ends"
    if (one.asset, None) in out or (one.asset, one.sensor) in out:
        return "out of service"
    if span := calendar.covering(one.asset, now_ms):
        return "maintenance" if span.comment is None else f"maintenance: {span.comment}"
    return "its newest window has readings that aren't learned from: of uncertain quality, or of a pause that is over"


def _why_resting(asset: str, settings: Settings) -> str:
    running = settings.asset(asset).running
    by = f" by its {running.sensor}" if running is not None else ""
    return f"it doesn't run{by}: nothing is judged or learned by the learned detectors"


def _why_refused(one: Refused) -> str:
    whose = one.asset if one.rule == "sensors" else f"the key group of {one.asset}"
    return f"{whose} has as many {one.rule} as {_SETTING[one.rule]} allows ({one.bound}): new ones are refused"
