"""How the lanes of this process stand, and what it knows of the others: written by the flow, read by the health server.

Every write replaces one value whole, so a reader needs no lock, though it has a thread of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dataflows.cluster import ALONE, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataflows.cluster import News, Share

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
    """The lanes of this process, when their broker was last seen, and how far the cluster is."""

    def __init__(self, lanes: int, share: Share = ALONE) -> None:
        """Nothing is there yet.

        Args:
            lanes: of the cluster.
            share: what of it lives in this process.
        """
        self.share = share
        self.lane_count = sum(share.has(lane) for lane in range(lanes))
        """Lanes of this process."""
        self._lanes_of_all = lanes
        self.lanes: dict[str, LaneStanding] = {}
        self.running = False
        """The flow has begun to move: the saved state is back."""
        self.asked = 0
        """How often lanes were asked for readings: it stands still while the flow does."""
        self.stopping = False
        """It has told the others that it stops."""
        self.reading = False
        """The first messages came."""
        self.broker_seen_ms: int | None = None
        """Wall clock, ms; the oldest of the lanes' would be truer, any is enough to tell a dead broker."""
        self.ended: set[str] = set()
        """Lanes of the cluster that have read up to where their partitions ended at the start …"""
        self.through: set[str] = set()
        """… and processes that know it of all of them."""
        self.commands_open = True
        """It is known where to read commands, or nobody reads them."""
        self.commands_ended = True
        """The commands that were there at the start have been read, or nobody reads commands."""

    @property
    def built(self) -> bool:
        """All lanes of this process are there."""
        return len(self.lanes) == self.lane_count

    @property
    def all_ended(self) -> bool:
        """All lanes of the cluster have read up to where their partitions ended at the start."""
        return len(self.ended) == self._lanes_of_all

    @property
    def backlog_through(self) -> bool:
        """All that was in Kafka at the start has gone through the flow: what is sent now comes after it, anywhere."""
        return self.all_ended and len(self.through | {self.share.name}) == self.share.processes

    @property
    def caught_up(self) -> bool:
        """All that was in Kafka at the start has been read, commands too."""
        return self.all_ended and self.commands_ended

    def hear(self, news: News) -> None:
        """Something is so, here or in another process. Hearing it twice changes nothing."""
        if news.told is Told.LANE_ENDED:
            self.ended.add(news.by)
        elif news.told is Told.BACKLOG_THROUGH:
            self.through.add(news.by)
        elif news.told is Told.COMMANDS_ENDED:
            self.commands_ended = True
