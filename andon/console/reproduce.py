"""The commands that show again how an alarm came: what a doubter types."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from contracts.findings import Kind

if TYPE_CHECKING:
    from contracts.alerts import Alert

__all__ = ["commands_for"]

HOUR_MS = 3_600_000
_LEAD_MS = {Kind.ANOMALY: 4 * 24 * HOUR_MS, Kind.DRIFT: 8 * 24 * HOUR_MS}
"""What detectors have to hear before they judge: those that learn need days."""
TAIL_MS = 60_000


def commands_for(first: Alert, until_ms: int, *, file: str) -> list[str]:
    """Record the readings that led to it, and play them through the same detectors.

    Args:
        first: its first transition that is known.
        until_ms: time of its newest one.
        file: of the settings.
    """
    begin = _clock(first.onset_ts - _LEAD_MS.get(first.kind, HOUR_MS))
    end = _clock(until_ms + TAIL_MS + 999)
    recording = f"alarm-{first.alert_id[:8]}.ndjson"
    settings = f" --settings {shlex.quote(file)}"
    told = f".alert_id == {chr(34)}{first.alert_id}{chr(34)}"
    return [
        f"andon record{settings} --out {recording} --from {begin} --to {end}",
        f"andon replay{settings} {recording} --json | jq {shlex.quote(f'select({told})')}",
    ]


def _clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
