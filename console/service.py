"""The service as its page shows it: what its processes say of themselves, each, and all together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["service_document"]

LISTED_MAX = 100
"""Entries of a list that are handed on; how many there are is said by figures."""

_SUMS = ("lag_rows", "series", "assets")
_LISTS = ("warming", "paused", "refused", "out_of_service", "resting", "adjusted")
_TOLD = ("address", "process", "ready", "unready", "lag_rows", "series", "assets", "version", "settings_hash", "fault")


def service_document(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All processes as one service; {"fault": why, "processes": …} where none answers.

    Args:
        told: what `/status` of each process says, with its `address`; or that, and why it doesn't answer, as `fault`.
    """
    processes = [_process(one) for one in sorted(told, key=lambda one: one.get("process", len(told)))]
    there = [one for one in told if "fault" not in one]
    if not there:
        return {"fault": told[0]["fault"] if told else "nobody was asked", "processes": processes}
    missing = max(one.get("processes", 1) for one in there) - len(there)
    away = [f"{missing} of its processes can't be asked: the figures are without them"] if missing > 0 else []
    return {
        "processes": processes,
        "ready": not away and all(one["ready"] for one in there),
        "unready": [*away, *(_reason(one, why, len(there)) for one in there for why in one.get("unready", []))],
        "version": " and ".join(sorted({one["version"] for one in there})),
        "settings_hash": " and ".join(sorted({one["settings_hash"] for one in there})),
        "lanes": {name: lane for one in there for name, lane in one.get("lanes", {}).items()},
        "learning": _sums([one.get("learning", {}) for one in there]),
        **{name: sum(one.get(name, 0) for one in there) for name in _SUMS},
        **{name: _listed([entry for one in there for entry in one.get(name, [])]) for name in _LISTS},
    }


def _process(one: dict[str, Any]) -> dict[str, Any]:
    told = {name: one[name] for name in _TOLD if name in one}
    return told | {"lanes": len(one.get("lanes", {}))}


def _reason(one: dict[str, Any], why: str, count: int) -> str:
    return why if count == 1 else f"process {one.get('process', 0)}: {why}"


def _listed(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each once: what people hold back is known to all processes."""
    return list({tuple(entry.items()): entry for entry in entries}.values())[:LISTED_MAX]


def _sums(parts: list[dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            found[name] = found.get(name, 0) + value
    return found
