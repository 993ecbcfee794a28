"""What became of a recording, told on standard error: what was bad, what was left out, what was too short."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contracts.readings import Reject
    from dataflows.happenings import Happenings
    from dataflows.sheets import Tally
    from detectors.windows import Warming

__all__ = ["Account"]

REJECTS_SHOWN = 10
"""Bad lines that are told one by one; all are counted."""
DETAIL_SHOWN = 120
WARMING_SHOWN = 3


class Account:
    """Counts while a recording is played, and tells in the end."""

    def __init__(self) -> None:
        self.readings = 0
        self.reject_count = 0
        self._rejects: list[Reject] = []

    def set_aside(self, reject: Reject) -> None:
        """A line or a value is bad."""
        self.reject_count += 1
        if len(self._rejects) < REJECTS_SHOWN:
            self._rejects.append(reject)

    def of_input(self, tally: Tally) -> Iterator[str]:
        """What was bad, and what was left out without being wrong; line by line."""
        for reject in self._rejects:
            detail = reject.detail if len(reject.detail) <= DETAIL_SHOWN else f"{reject.detail[:DETAIL_SHOWN]}…"
            yield f"{reject.topic} line {reject.offset}: {reject.reason}: {detail}"
        if self.reject_count > len(self._rejects):
            yield f"… and {self.reject_count - len(self._rejects):,} more bad lines or values"
        if tally.empty_cells:
            yield f"{tally.empty_cells:,} empty cells passed over"
        if tally.text_columns:
            yield f"no sensors, because they hold text: {', '.join(tally.text_columns)}"
        if not self.readings:
            yield "No reading could be read."

    def of_run(self, happenings: Happenings, raised: Mapping[str, int], *, seconds: float) -> Iterator[str]:
        """What was found, how much was read and how fast; line by line.

        Args:
            raised: alarms by kind.
            seconds: how long it took.
        """
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(raised.items())) or "none"
        sample = happenings.registry.get_sample_value
        windows = sample("andon_windows_closed_total") or 0
        odd = {
            result: int(sample("andon_readings_total", {"result": result}) or 0)
            for result in ("late", "duplicate", "out_of_order")
        }
        came = "".join(f", {count:,} {result.replace('_', ' ')}" for result, count in odd.items() if count)
        if warming := happenings.warming():
            yield _too_short(warming)
        rate = self.readings / max(seconds, 1e-9)
        yield (
            f"{self.readings:,} readings{came}, {self.reject_count:,} bad; "
            f"windows: {int(windows):,}; alarms raised: {kinds}; "
            f"{seconds:.1f} s, {rate:,.0f} readings/s"
        )


def _too_short(warming: list[Warming]) -> str:
    """Whom the learned detectors didn't judge, because the recording ended before they had learned."""
    shown = [
        f"{one.asset} {one.sensor or 'as a whole'} ({one.seen} of {one.needed})" for one in warming[:WARMING_SHOWN]
    ]
    others = " and others" if len(warming) > WARMING_SHOWN else ""
    return (
        f"too few windows for the learned detectors: {', '.join(shown)}{others}. They need a longer recording, or a "
        "shorter window_s."
    )
