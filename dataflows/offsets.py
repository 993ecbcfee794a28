"""Where a reader of Kafka begins: at its saved position, at a topic's beginning or end, and never past a silent gap.

Pure: what the broker has is given, what is read is returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from contracts.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["Available", "Lost", "Partition", "Start", "beginnings", "lost_message", "partitions_of_lane"]


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Available(NamedTuple):
    """What the broker has of a partition: offsets `first` (inclusive) to `end` (exclusive)."""

    first: int
    end: int


class Start(NamedTuple):
    """Where reading begins when there is no saved position, and when that is no longer there."""

    fresh: Literal["earliest", "latest"]
    """On a fresh state directory."""
    on_lost: Literal["stop", "earliest"]
    """Retention has passed the saved position."""


class Lost(NamedTuple):
    """A position that the broker doesn't have."""

    partition: Partition
    asked: int
    available: Available
    anew: bool = False
    """The topic is another one of the same name, as its id says."""

    @property
    def rows(self) -> int:
        """Messages that expired unread; 0 where the topic was made anew and nobody knows."""
        return 0 if self.anew else max(0, self.available.first - self.asked)


def partitions_of_lane(lane: int, *, lanes: int, counts: Mapping[str, int]) -> tuple[Partition, ...]:
    """The partitions that a lane reads: those whose number leaves `lane` when divided by `lanes`, of every topic.

    Args:
        counts: how many partitions each topic has.
    """
    return tuple(Partition(topic, number) for topic in sorted(counts) for number in range(lane, counts[topic], lanes))


def beginnings(
    available: Mapping[Partition, Available],
    *,
    saved: Mapping[str, int] | None,
    start: Start,
    anew: Collection[str] = (),
) -> tuple[dict[Partition, int], tuple[Lost, ...]]:
    """The offset to read first, for each partition, and the saved positions that were given up.

    A partition without a saved position, while others have one, is new: it is read from its beginning.

    Args:
        available: what the broker has.
        saved: `topic/partition` → next offset; None on a fresh state directory.
        anew: topics that were deleted and made anew since: saved positions say nothing of them, also where they fit.

    Raises: SourceError if saved positions are lost and may not be given up; it names all of them.
    """
    positions: dict[Partition, int] = {}
    lost: list[Lost] = []
    for partition, there in available.items():
        if saved is None:
            positions[partition] = there.first if start.fresh == "earliest" else there.end
        else:
            asked = saved.get(str(partition), there.first)
            remade = partition.topic in anew and str(partition) in saved
            if remade or not there.first <= asked <= there.end:
                lost.append(Lost(partition, asked, there, remade))
                asked = there.first
            positions[partition] = asked
    if lost and start.on_lost == "stop":
        raise SourceError(lost_message(lost))
    return positions, tuple(lost)


def lost_message(lost: Sequence[Lost]) -> str:
    """What is missing, and what a person can do."""
    told = "; ".join(
        f"{each.partition}: asked for offset {each.asked}, offsets {each.available.first} to {each.available.end} are "
        f"available ({_why(each)})"
        for each in lost
    )
    remedy = "" if all(each.anew for each in lost) else "Lengthen the retention of the topic; t"
    return (
        f"kafka: the next messages to read are gone. {told}. {remedy or 'T'}o go on with what is there, set "
        'service.on_lost_offsets = "earliest".'
    )


def _why(lost: Lost) -> str:
    if lost.anew:
        return "the topic was deleted and made anew"
    return f"{lost.rows} messages expired unread" if lost.rows else "was the topic made anew?"
