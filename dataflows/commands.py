"""The flow's source of commands: what people ask of alarms. One partition, so that commands keep their order.

In this version no command can be carried out: each one ends as a dead letter that says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from contracts.codec import Refusal
from contracts.commands import Origin, decode_command
from contracts.errors import StateError
from contracts.readings import Reason, Reject
from dataflows.decode import REJECT_KEY
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader

if TYPE_CHECKING:
    from confluent_kafka import Message

    from dataflows.lanes import LaneSurroundings
    from dataflows.statistics import Statistics
    from dataflows.steps import Item

__all__ = ["KafkaCommands", "NoCommands"]

VERSION = 1

PART = "commands-00"
"""The name under which the position is stored. A schema: never change it."""

IDLE_S = 0.005
"""Every source gates every snapshot, so it may not sleep longer."""

POLL_COMMANDS_MAX = 1_000


class KafkaCommands(FixedPartitionedSource[tuple[str, "Item"], dict[str, Any]]):
    """The commands topic. On a fresh state directory it begins with the next command: old ones are about old alarms.

    Guarantees: at least once, in the order of each partition.
    """

    def __init__(self, surroundings: LaneSurroundings, *, partition_count: int) -> None:
        self._surroundings = surroundings
        self._partition_count = partition_count

    def list_parts(self) -> list[str]:
        """The one part."""
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, Any] | None) -> _Commands:  # noqa: ARG002
        """Go on where the snapshot was taken.

        Raises: SourceError if the broker doesn't answer, or saved positions are gone and may not be given up.
        """
        topic = self._surroundings.settings.kafka.commands
        partitions = tuple(Partition(topic, number) for number in range(self._partition_count))
        return _Commands(partitions, saved=resume_state, surroundings=self._surroundings)


class _Commands(StatefulSourcePartition[tuple[str, "Item"], dict[str, Any]]):
    def __init__(
        self, partitions: tuple[Partition, ...], *, saved: dict[str, Any] | None, surroundings: LaneSurroundings
    ) -> None:
        if saved is not None and saved.get("version") != VERSION:
            raise StateError(f"{PART}: version {saved.get('version')!r} is saved, this andon knows {VERSION}.")
        self._surroundings = surroundings
        self._committable: dict[str, int] | None = None
        self._reader = Reader(
            surroundings.settings,
            partitions,
            saved=saved["positions"] if saved else None,
            start=Start("latest", surroundings.settings.service.on_lost_offsets),
            happenings=surroundings.happenings,
            on_statistics=self._learn,
            open_consumer=surroundings.open_consumer,
        )

    def next_batch(self) -> list[tuple[str, Item]]:
        """Refusals of the commands that are there now.

        Raises: StopIteration when asked to stop; SourceError where reading can't go on.
        """
        if self._surroundings.stop.is_set():
            raise StopIteration
        return [(REJECT_KEY, self._refuse(message)) for message in self._reader.poll(POLL_COMMANDS_MAX).messages]

    def next_awake(self) -> datetime:
        """A little later."""
        return datetime.now(UTC) + timedelta(seconds=IDLE_S)

    def snapshot(self) -> dict[str, Any]:
        """The next unread offset of each partition."""
        before, self._committable = self._committable, self._reader.saved_positions()
        if before is not None:
            self._reader.commit(before)
        return {"version": VERSION, "positions": self._committable}

    def close(self) -> None:
        """Let go of the broker."""
        self._reader.close()

    def _refuse(self, message: Message) -> Reject:
        origin = Origin(
            topic=message.topic() or "",
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            ts_ms=message.timestamp()[1],
            key=message.key(),
            value=message.value(),
        )
        decoded = decode_command(origin)
        if not isinstance(decoded, Refusal):
            reject = decoded.refused(f"{decoded.verb} is not available in this version")
        else:
            reject = Reject(
                reason=decoded.reason,
                detail=decoded.detail,
                key=origin.key,
                value=origin.value,
                topic=origin.topic,
                partition=origin.partition,
                offset=origin.offset,
            )
        self._surroundings.happenings.message_rejected(Reason.BAD_COMMAND)
        return reject

    def _learn(self, statistics: Statistics) -> None:
        """The lanes watch the broker; a backlog of commands is at most some people's."""


class NoCommands(FixedPartitionedSource[tuple[str, "Item"], None]):
    """A source of commands that has none and ends at once: for recordings, the simulated plant and tests."""

    def list_parts(self) -> list[str]:
        """The one part."""
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _NoCommands:  # noqa: ARG002
        """Nothing to open."""
        return _NoCommands()


class _NoCommands(StatefulSourcePartition[tuple[str, "Item"], None]):
    def next_batch(self) -> list[tuple[str, Item]]:
        """Nothing, ever."""
        raise StopIteration

    def snapshot(self) -> None:
        """Nothing to save."""
