"""The real flow between two lists, for tests that need no broker."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from contracts.alarm_states import Recorded, parse_key
from contracts.commands import Command, Origin
from contracts.readings import Tick, group_key, group_of
from dataflows.collect import Hand
from dataflows.commands import command_item
from dataflows.decode import Decoder
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from dataflows.polls import joined

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.alarm_states import AlarmRecord
    from contracts.alerts import AlertRecord
    from contracts.readings import Reject
    from contracts.settings import Settings
    from dataflows.steps import Item

__all__ = ["Crash", "Message", "Result", "Said", "compacted", "message", "run_flow", "sorted_bodies"]

TOPIC = "readings"
COMMANDS = "commands"
PARTITIONS = 4


class Message(NamedTuple):
    """A Kafka message of the list at the beginning of the flow."""

    key: bytes
    value: bytes


class Said(NamedTuple):
    """What comes by the source of commands after so many messages."""

    after: int
    what: bytes | dict[str, Any] | Command | Tick | Recorded
    """A command as it travels, or decoded; or what a lane, or the alarm-state topic, would say to every key group."""
    ts_ms: int | None = None
    """Kafka's timestamp of a command that travels; None: the event time of the message before it."""


class Crash(Exception):  # noqa: N818 - it is not an error, it is what the test wants
    """Ends the flow in the middle, as a power cut would."""


class Result(NamedTuple):
    """The three lists at the end of the flow."""

    alerts: list[AlertRecord]
    rejects: list[Reject]
    states: list[AlarmRecord]
    """What goes to the alarm-state topic."""


def message(asset: str, sensor: str, ts: int, value: float, **more: Any) -> Message:
    """One reading as a producer sends it."""
    document = {"asset": asset, "sensor": sensor, "ts": ts, "value": value, **more}
    return Message(asset.encode(), orjson.dumps(document))


def sorted_bodies(alerts: Iterable[AlertRecord]) -> list[bytes]:
    """Bodies in the one order in which two runs can be compared; without floods, which hang on the order of groups."""
    return [
        record.alert.body()
        for record in sorted(
            (record for record in alerts if record.alert.kind != "flood"),
            key=lambda record: (
                record.alert.ts,
                record.alert.asset,
                record.alert.sensor or "",
                record.alert.kind,
                record.alert.rule,
                record.alert.transition,
            ),
        )
    ]


def compacted(states: Iterable[AlarmRecord]) -> dict[str, bytes]:
    """What a reader of the alarm-state topic has in the end: the newest body of each key that stands."""
    newest = {record.key: record.body for record in states}
    return {key: body for key, body in newest.items() if body is not None}


def run_flow(
    settings: Settings,
    messages: Sequence[Message],
    *,
    batch: int = 1000,
    crash_after: int | None = None,
    recovery: RecoveryConfig | None = None,
    commands: Sequence[Said] = (),
    happenings: Happenings | None = None,
) -> Result:
    """Put messages through the flow of `dataflows.detect.build`.

    Args:
        settings: its number of lanes is the number of the source's parts.
        messages: each goes to the partition of its key, as in Kafka.
        batch: messages in one poll.
        crash_after: raise `Crash` inside of the source when a lane has handed out so many messages.
        recovery: where snapshots are kept; each batch is then an epoch of its own.
        commands: what people say, in the order of `after`: the messages before it have gone through the flow by then.
        happenings: where what happens is counted.
    """
    result = Result([], [], [])
    happenings = happenings or Happenings()
    script = _Script(settings, messages, commands, happenings)
    source = _Lanes(settings, messages, batch, crash_after, script)
    sinks = Sinks(Hand(result.alerts.append), Hand(result.rejects.append), Hand(result.states.append))
    flow = build(settings, source, _Commands(script), sinks, happenings)
    epoch = timedelta(0) if recovery else timedelta(seconds=10)
    try:
        cluster_main(flow, [], 0, epoch_interval=epoch, recovery_config=recovery)
    except BytewaxRuntimeError as error:
        if crash_after is None:
            raise
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, Crash):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
    return result


class _Script:
    """Which message and which command comes next, for all parts of both sources."""

    def __init__(
        self, settings: Settings, messages: Sequence[Message], commands: Sequence[Said], happenings: Happenings
    ) -> None:
        self.settings = settings
        self.happenings = happenings
        self.messages = messages
        self.commands = [said._replace(after=min(said.after, len(messages))) for said in commands]
        self.handed_out = 0
        """Messages."""
        self.said = 0
        """Commands that have gone through the flow."""

    @property
    def messages_max(self) -> int:
        """Messages from this one on wait for a command."""
        return self.commands[self.said].after if self.said < len(self.commands) else len(self.messages)

    def items(self, number: int) -> list[tuple[str, Item]]:
        """What a command is in the flow."""
        said = self.commands[number]
        what = said.what
        groups = range(self.settings.service.key_groups)
        if isinstance(what, Command):
            return [(self._home(what.asset), what)]
        if isinstance(what, Tick):
            return [(group_key(group), what) for group in groups]
        if isinstance(what, Recorded):
            return [(group_key(group), self._part(what, group)) for group in groups]
        value = what if isinstance(what, bytes) else orjson.dumps(what)
        ts_ms = said.ts_ms if said.ts_ms is not None else _ts(self.messages[said.after - 1])
        origin = Origin(topic=COMMANDS, partition=0, offset=number, ts_ms=ts_ms, key=None, value=value)
        return [command_item(origin, key_groups=len(groups), happenings=self.happenings)]

    def _home(self, asset: str) -> str:
        return group_key(group_of(asset, self.settings.service.key_groups))

    def _part(self, recorded: Recorded, group: int) -> Recorded:
        homes = [(parse_key(record.key), record) for record in recorded.records]
        mine = [record for parsed, record in homes if parsed and self._home(parsed[1]) == group_key(group)]
        return Recorded(tuple(mine), recorded.now_ms)


class _Lanes(FixedPartitionedSource[tuple[str, "Item"], int]):
    def __init__(
        self, settings: Settings, messages: Sequence[Message], batch: int, crash_after: int | None, script: _Script
    ) -> None:
        self._settings = settings
        self._batch = batch
        self._crash_after = crash_after
        self._script = script
        lanes = settings.service.lanes
        self._by_lane: list[list[_Queued]] = [[] for _ in range(lanes)]
        offsets = [0] * PARTITIONS
        for number, one in enumerate(messages):
            partition = zlib.crc32(one.key) % PARTITIONS
            self._by_lane[partition % lanes].append(_Queued(number, partition, offsets[partition], one))
            offsets[partition] += 1

    def list_parts(self) -> list[str]:
        return [f"lane-{lane:02d}" for lane in range(self._settings.service.lanes)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Lane:  # noqa: ARG002
        lane = int(for_part.removeprefix("lane-"))
        position = resume_state or 0
        self._script.handed_out += position
        return _Lane(self._script, lane, self._by_lane[lane], position, self._batch, self._crash_after)


class _Queued(NamedTuple):
    number: int
    partition: int
    offset: int
    message: Message


class _Lane(StatefulSourcePartition[tuple[str, "Item"], int]):
    def __init__(
        self,
        script: _Script,
        lane: int,
        queue: list[_Queued],
        position: int,
        batch: int,
        crash_after: int | None,
    ) -> None:
        self._script = script
        self._by_wall = script.settings.service.clock == "wall"
        self._decoder = Decoder(script.settings, lane=lane, happenings=script.happenings)
        self._queue = queue
        self._position = position
        self._batch = batch
        self._crash_at = None if crash_after is None else position + crash_after

    def next_batch(self) -> list[tuple[str, Item]]:
        if self._crash_at is not None and self._position >= self._crash_at:
            raise Crash
        if self._position == len(self._queue):
            raise StopIteration
        waiting = self._queue[self._position : self._position + self._batch]
        taken = [queued for queued in waiting if queued.number < self._script.messages_max]
        if not taken:
            return []
        self._position += len(taken)
        self._script.handed_out += len(taken)
        times = [_ts(queued.message) if self._by_wall else -1 for queued in taken]  # files have no Kafka timestamp
        return self._decoder.decode(
            joined(
                [queued.message.value for queued in taken],
                stamps_ms=np.array(times, np.int64),
                partitions=np.array([queued.partition for queued in taken], np.uint16),
                offsets=np.array([queued.offset for queued in taken], np.int64),
                sources=tuple((TOPIC, partition) for partition in range(PARTITIONS)),
                key=[queued.message.key for queued in taken].__getitem__,
            )
        )

    def snapshot(self) -> int:
        return self._position


class _Commands(FixedPartitionedSource[tuple[str, "Item"], int]):
    def __init__(self, script: _Script) -> None:
        self._script = script

    def list_parts(self) -> list[str]:
        return ["commands-00"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _CommandsPart:  # noqa: ARG002
        self._script.said = resume_state or 0
        return _CommandsPart(self._script)


class _CommandsPart(StatefulSourcePartition[tuple[str, "Item"], int]):
    def __init__(self, script: _Script) -> None:
        self._script = script
        self._rounds = 0

    def next_batch(self) -> list[tuple[str, Item]]:
        """A command goes out a round after its messages, and the messages after it go out in the next round."""
        script = self._script
        if script.said == len(script.commands):
            raise StopIteration
        if script.handed_out < script.commands[script.said].after:
            return []
        self._rounds = (self._rounds + 1) % 3
        if self._rounds == 2:
            return script.items(script.said)
        if self._rounds == 0:
            script.said += 1
        return []

    def snapshot(self) -> int:
        return self._script.said + (self._rounds == 2)


def _ts(message: Message) -> int:
    """The event time of a message; -1 where it has none that can be read."""
    try:
        ts = orjson.loads(message.value).get("ts", -1)
    except orjson.JSONDecodeError:
        return -1
    return ts if isinstance(ts, int) else -1


def fresh_recovery(directory: Path) -> RecoveryConfig:
    """A recovery store in a new directory."""
    directory.mkdir()
    init_db_dir(directory, 2)
    return RecoveryConfig(directory)
