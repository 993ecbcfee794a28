"""How the lanes of this process stand: written by the lanes, read by the health server from its own thread.

Every write replaces one value whole, so a reader needs no lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LaneStanding", "Standing"]


class LaneStanding(NamedTuple):
    """One lane."""

    positions: Mapping[str, int]
    """`topic/partition` → next offset."""
    lag_rows: Mapping[str, int]
    """`topic/partition` → messages not read yet; without those that nothing is known of yet."""
    caught_up: bool
    resumed: bool
    """It went on from a saved position."""


class Standing:
    """The lanes of this process, and when their broker was last seen."""

    def __init__(self, lanes: int) -> None:
        self.lane_count = lanes
        self.lanes: dict[str, LaneStanding] = {}
        self.running = False
        """The flow has begun to move: the saved state is back."""
        self.reading = False
        """The first messages came."""
        self.broker_seen_ms: int | None = None
        """Wall clock, ms; the oldest of the lanes' would be truer, any is enough to tell a dead broker."""
        self.ended: set[str] = set()
        """Lanes that have read up to where their partitions ended at the start."""
        self.commands_open = True
        """It is known where to read commands, or nobody reads them."""
        self.commands_ended = True
        """The commands that were there at the start have been read, or nobody reads commands."""

    @property
    def built(self) -> bool:
        """All lanes are there."""
        return len(self.lanes) == self.lane_count

    @property
    def all_ended(self) -> bool:
        """All lanes have read up to where their partitions ended at the start."""
        return len(self.ended) == self.lane_count
