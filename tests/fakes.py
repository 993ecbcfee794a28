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

from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.decode import Decoder, Poll
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.alerts import AlertRecord
    from contracts.readings import Reject
    from contracts.settings import Settings
    from dataflows.steps import Item

__all__ = ["Crash", "Message", "Result", "message", "run_flow", "sorted_bodies"]

TOPIC = "readings"
PARTITIONS = 4


class Message(NamedTuple):
    """A Kafka message of the list at the beginning of the flow."""

    key: bytes
    value: bytes


class Crash(Exception):  # noqa: N818 - it is not an error, it is what the test wants
    """Ends the flow in the middle, as a power cut would."""


class Result(NamedTuple):
    """The two lists at the end of the flow."""

    alerts: list[AlertRecord]
    rejects: list[Reject]


def message(asset: str, sensor: str, ts: int, value: float, **more: Any) -> Message:
    """One reading as a producer sends it."""
    document = {"asset": asset, "sensor": sensor, "ts": ts, "value": value, **more}
    return Message(asset.encode(), orjson.dumps(document))


def sorted_bodies(alerts: Iterable[AlertRecord]) -> list[bytes]:
    """Bodies in the one order in which two runs can be compared."""
    return [
        record.alert.body()
        for record in sorted(
            alerts,
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


def run_flow(
    settings: Settings,
    messages: Sequence[Message],
    *,
    batch: int = 1000,
    crash_after: int | None = None,
    recovery: RecoveryConfig | None = None,
) -> Result:
    """Put messages through the flow of `dataflows.detect.build`.

    Args:
        settings: its number of lanes is the number of the source's parts.
        messages: each goes to the partition of its key, as in Kafka.
        batch: messages in one poll.
        crash_after: raise `Crash` inside of the source when a lane has handed out so many messages.
        recovery: where snapshots are kept; each batch is then an epoch of its own.
    """
    result = Result([], [])
    source = _Lanes(settings, messages, batch, crash_after)
    flow = build(settings, source, NoCommands(), Sinks(Hand(result.alerts.append), Hand(result.rejects.append)))
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


class _Lanes(FixedPartitionedSource[tuple[str, "Item"], int]):
    def __init__(self, settings: Settings, messages: Sequence[Message], batch: int, crash_after: int | None) -> None:
        self._settings = settings
        self._batch = batch
        self._crash_after = crash_after
        lanes = settings.service.lanes
        self._by_lane: list[list[tuple[int, int, Message]]] = [[] for _ in range(lanes)]
        offsets = [0] * PARTITIONS
        for one in messages:
            partition = zlib.crc32(one.key) % PARTITIONS
            self._by_lane[partition % lanes].append((partition, offsets[partition], one))
            offsets[partition] += 1

    def list_parts(self) -> list[str]:
        return [f"lane-{lane:02d}" for lane in range(self._settings.service.lanes)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Lane:  # noqa: ARG002
        lane = int(for_part.removeprefix("lane-"))
        return _Lane(self._settings, lane, self._by_lane[lane], resume_state or 0, self._batch, self._crash_after)


class _Lane(StatefulSourcePartition[tuple[str, "Item"], int]):
    def __init__(
        self,
        settings: Settings,
        lane: int,
        queue: list[tuple[int, int, Message]],
        position: int,
        batch: int,
        crash_after: int | None,
    ) -> None:
        self._decoder = Decoder(settings, lane=lane, happenings=Happenings())
        self._queue = queue
        self._position = position
        self._batch = batch
        self._crash_at = None if crash_after is None else position + crash_after

    def next_batch(self) -> list[tuple[str, Item]]:
        if self._crash_at is not None and self._position >= self._crash_at:
            raise Crash
        taken = self._queue[self._position : self._position + self._batch]
        if not taken:
            raise StopIteration
        self._position += len(taken)
        keys = [one.key for _, _, one in taken]
        return self._decoder.decode(
            Poll(
                values=[one.value for _, _, one in taken],
                timestamps_ms=np.full(len(taken), -1, np.int64),
                partitions=np.array([partition for partition, _, _ in taken], np.uint16),
                offsets=np.array([offset for _, offset, _ in taken], np.int64),
                sources=tuple((TOPIC, partition) for partition in range(PARTITIONS)),
                key=keys.__getitem__,
            )
        )

    def snapshot(self) -> int:
        return self._position


def fresh_recovery(directory: Path) -> RecoveryConfig:
    """A recovery store in a new directory."""
    directory.mkdir()
    init_db_dir(directory, 2)
    return RecoveryConfig(directory)
