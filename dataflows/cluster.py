"""One process's share of a cluster, and what the processes of a cluster tell each other.

News travel in the flow, as readings do: they need no other connection, and between two processes they come after the
readings that were sent before them. A process that stands alone has nobody to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALONE", "Ears", "News", "Share", "Told", "to_all"]


class Share(NamedTuple):
    """Which of the numbered parts of the flow (lanes, sinks) live in this process: every `processes`-th one.

    Bytewax would deal them out itself, the first ones to the first process until none is left.
    """

    process: int
    """From 0."""
    processes: int

    @property
    def name(self) -> str:
        """Of this process, among those of its cluster."""
        return str(self.process)

    def has(self, number: int) -> bool:
        """Whether part `number` lives here."""
        return number % self.processes == self.process


ALONE = Share(0, 1)


class Told(StrEnum):
    """What there is to tell."""

    LANE_ENDED = "lane ended"
    """The lane has read up to where its partitions ended at the start."""
    BACKLOG_THROUGH = "backlog through"
    """This process knows that of all lanes, so whatever they sent before has gone through it."""
    COMMANDS_ENDED = "commands ended"
    """The commands that were there at the start have been read."""
    STOPPING = "stopping"
    """This process was asked to stop: all stop, because none can go on without the others."""


@dataclass(frozen=True, slots=True)
class News:
    """For every process of the cluster."""

    told: Told
    by: str
    """The lane or the process."""


def to_all(news: News, share: Share) -> list[tuple[str, News]]:
    """The news as they enter the flow: once for each process, under the name of its ear; none if there is but one."""
    return [(_ear(process), news) for process in range(share.processes)] if share.processes > 1 else []


class Ears(FixedPartitionedSink[News, None]):
    """Where news leave the flow: in every process, those that are meant for it.

    There are as many ears as lanes, since Bytewax wants to find all parts again that there ever were; those beyond the
    number of processes hear nothing.
    """

    def __init__(self, hear: Callable[[News], None], *, lanes: int, share: Share) -> None:
        self._hear = hear
        self._lanes = lanes
        self._share = share

    def list_parts(self) -> list[str]:
        """The names of the ears of this process. A schema: never change them."""
        return [_ear(number) for number in range(self._lanes) if self._share.has(number)]

    def part_fn(self, item_key: str) -> int:
        """The place of an ear among all, by its name."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Ear:  # noqa: ARG002
        """An ear, which remembers nothing."""
        return _Ear(self._hear)


class _Ear(StatefulSinkPartition[News, None]):
    def __init__(self, hear: Callable[[News], None]) -> None:
        self._hear = hear

    def write_batch(self, values: list[News]) -> None:
        for news in values:
            self._hear(news)

    def snapshot(self) -> None:
        """Nothing to save."""


def _ear(number: int) -> str:
    return f"{number:03d}"
