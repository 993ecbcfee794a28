"""The flow's source of commands: what people ask of alarms. One partition, so that commands keep their order.

After a start a command waits until what was in Kafka then has gone through the flow, in every process, and until the
silences that the alarm-state topic knows are known here: it is about alarms that the backlog raises. The same source
then has the rest of that topic compared, see `dataflows.recorded`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from contracts.codec import Refusal
from contracts.commands import Origin, decode_command
from contracts.errors import StateError
from contracts.readings import group_key, group_of
from contracts.signatures import HEADER
from dataflows.cluster import Told
from dataflows.decode import REJECT_KEY
from dataflows.guard import Guard, keys_of, may_say
from dataflows.lanes import tell_if_open
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader
from dataflows.recorded import Recollection

if TYPE_CHECKING:
    from confluent_kafka import Message

    from contracts.signatures import Key
    from dataflows.happenings import Happenings
    from dataflows.lanes import LaneSurroundings
    from dataflows.steps import Item

__all__ = ["KafkaCommands", "NoCommands", "command_item"]

VERSION = 1

PART = "commands-00"
"""The name under which the position is stored. A schema: never change it."""

IDLE_S = 0.005
"""Every source gates every snapshot, so it may not sleep longer."""

POLL_COMMANDS_MAX = 100
"""Some milliseconds of work."""

SNAPSHOTS_BEFORE_COMPARISON = 2
"""After the first one, all that the backlog led to has gone through the flow, in every process; one more for good
measure: nothing is in a hurry."""


def command_item(
    origin: Origin, *, key_groups: int, happenings: Happenings, judged: Key | Refusal | None = None
) -> tuple[str, Item]:
    """One message of the commands topic as it enters the flow: a command for its asset's key group, or a refusal.

    Args:
        judged: whose command it is, None where nobody has to prove that; or why it isn't let in.
    """
    decoded = judged if isinstance(judged, Refusal) else decode_command(origin)
    if not isinstance(decoded, Refusal) and not isinstance(judged, Refusal):
        decoded = may_say(judged, decoded) or decoded
    if not isinstance(decoded, Refusal):
        return group_key(group_of(decoded.asset, key_groups)), decoded
    happenings.command_refused(decoded.reason)
    return REJECT_KEY, origin.refused(decoded)


class KafkaCommands(FixedPartitionedSource[tuple[str, "Item"], dict[str, Any]]):
    """The commands topic. On a fresh state directory it begins with the next command: old ones are about old alarms.

    Guarantees: at least once, in the order of each partition. A command that comes twice, after a crash, leads to the
    same transition with the same id. Nothing here blocks or sleeps. Where no commands are taken the topic isn't opened.
    """

    def __init__(self, surroundings: LaneSurroundings, *, partition_count: int, alarm_partition_count: int) -> None:
        """Commands of a topic.

        Args:
            partition_count: of the commands topic.
            alarm_partition_count: of the alarm-state topic.

        Raises: ConfigError if the keys of those who may command can't be read.
        """
        self._surroundings = surroundings
        self._partition_count = partition_count
        self._alarm_partition_count = alarm_partition_count
        self._keys = keys_of(surroundings.settings)
        surroundings.standing.commands_open = not self.list_parts()
        surroundings.standing.commands_ended = False

    def list_parts(self) -> list[str]:
        """The one part, in the first process."""
        return [PART] if self._surroundings.standing.share.has(0) else []

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, Any] | None) -> _Commands:  # noqa: ARG002
        """Go on where the snapshot was taken.

        Raises: SourceError if the broker doesn't answer, or saved positions are gone and may not be given up.
        """
        with self._surroundings.telling():
            return self._open(resume_state)

    def _open(self, resume_state: dict[str, Any] | None) -> _Commands:
        around = self._surroundings
        if resume_state is not None and resume_state.get("version") != VERSION:
            raise StateError(f"{PART}: version {resume_state.get('version')!r} is saved, this andon knows {VERSION}.")
        recollection = None
        if around.settings.service.clock == "wall":  # by the event clock the same readings always say the same
            recollection = Recollection(around, partition_count=self._alarm_partition_count)
        reader: Reader | None = None
        topic_ids: dict[str, str] = (resume_state or {}).get("topic_ids", {})
        if around.settings.commands.accept != "none":
            topic = around.settings.kafka.commands
            # Without a position commands weren't taken before: what has piled up meanwhile was meant for nobody.
            reader = Reader(
                around.settings,
                tuple(Partition(topic, number) for number in range(self._partition_count)),
                saved=(resume_state or {}).get("positions") or None,
                start=Start("latest", around.settings.service.on_lost_offsets),
                anew=around.topic_ids.anew(topic_ids),
                counts={topic: self._partition_count},
                happenings=around.happenings,
                open_consumer=around.open_consumer,
            )
            topic_ids = around.topic_ids.saved(topic_ids, [topic])
        guard = Guard(around.settings, self._keys, (resume_state or {}).get("seen", ()))
        return _Commands(reader, guard=guard, surroundings=around, recollection=recollection, topic_ids=topic_ids)


class _Commands(StatefulSourcePartition[tuple[str, "Item"], dict[str, Any]]):
    def __init__(
        self,
        reader: Reader | None,
        *,
        guard: Guard,
        surroundings: LaneSurroundings,
        recollection: Recollection | None,
        topic_ids: dict[str, str],
    ) -> None:
        self._surroundings = surroundings
        self._committable: dict[str, int] | None = None
        self._recollection = recollection
        self._recalled = False
        self._snapshots = 0
        self._reader = reader
        self._guard = guard
        self._topic_ids = topic_ids
        surroundings.standing.commands_open = True
        tell_if_open(surroundings)

    def next_batch(self) -> list[tuple[str, Item]]:
        """The commands that are there now; after a start, when it is time for them.

        Raises: StopIteration when asked to stop; SourceError where reading can't go on.
        """
        with self._surroundings.telling():
            return self._next()

    def _next(self) -> list[tuple[str, Item]]:
        around = self._surroundings
        if around.stop.is_set():
            raise StopIteration
        if self._recollection is not None and not self._recollection.complete:
            self._recollection.read()
            return []
        if not around.standing.backlog_through:
            return []
        if self._recollection is not None and not self._recalled:
            self._recalled = True
            return self._recollection.silences(around.now_ms())
        messages = self._reader.poll(POLL_COMMANDS_MAX).messages if self._reader is not None else ()
        out = [self._item(message) for message in messages]
        out += self._judge_end()
        if self._recollection is not None and self._snapshots >= SNAPSHOTS_BEFORE_COMPARISON:
            out += self._compare(self._recollection)
        return out

    def next_awake(self) -> datetime:
        """A little later."""
        return datetime.now(UTC) + timedelta(seconds=IDLE_S)

    def snapshot(self) -> dict[str, Any]:
        """The next unread offset of each partition, its topic's id, and which signed commands were there."""
        self._snapshots += self._surroundings.standing.commands_ended
        saved: dict[str, Any] = {"version": VERSION, "positions": {}}
        if self._reader is not None:
            before, self._committable = self._committable, self._reader.saved_positions()
            if before is not None:
                self._reader.commit(before)
            saved["positions"] = self._committable
        if self._topic_ids:
            saved["topic_ids"] = self._topic_ids
        if seen := self._guard.seen():
            saved["seen"] = seen
        return saved

    def close(self) -> None:
        """Let go of what is only read at the start; the rest is for whoever runs the flow."""
        if self._recollection is not None:
            self._recollection.close()
        if self._reader is not None:
            self._surroundings.closed.append((self._reader, self._committable))

    def _item(self, message: Message) -> tuple[str, Item]:
        origin = Origin(
            topic=message.topic() or "",
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            ts_ms=message.timestamp()[1],
            key=message.key(),
            value=message.value(),
        )
        headers: Any = message.headers() or ()
        signatures = [value for name, value in headers if name == HEADER]
        judged = self._guard.judge(origin, signatures, stamped_by=message.timestamp()[0])
        around = self._surroundings
        return command_item(
            origin, key_groups=around.settings.service.key_groups, happenings=around.happenings, judged=judged
        )

    def _compare(self, recollection: Recollection) -> list[tuple[str, Item]]:
        """Say what was recorded to all key groups, once, and let go of it."""
        now_ms = self._surroundings.now_ms()
        self._recollection = None
        self._surroundings.happenings.alarm_states_compared()
        if self._surroundings.pulse is not None:
            self._surroundings.pulse.forget(recollection.gone(now_ms))
        return recollection.compared(now_ms)

    def _judge_end(self) -> list[tuple[str, Item]]:
        ended = self._surroundings.standing.commands_ended
        if ended or not (self._reader is None or self._reader.reached(self._reader.ends_at_start)):
            return []
        return self._surroundings.tell(Told.COMMANDS_ENDED, PART)


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
