"""What the alarm-state topic said when the process started: read once, compared with what is known here, and mended.

After a crash the process goes on from its last snapshot and decides again what it had decided since. Most of that comes
out the same; a silence that only a tick had noticed doesn't, nor does what a person did to it. So the topic is read
from its beginning to where it ended at the start, and given to every key group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from contracts.alarm_states import AlarmRecord, Heartbeat, Recorded, alarm_key, parse_key
from contracts.findings import Kind
from contracts.readings import group_key, group_of
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader
from dataflows.steps import FloodRecorded, Recall

if TYPE_CHECKING:
    from confluent_kafka import Message

    from dataflows.lanes import LaneSurroundings
    from dataflows.steps import Item

__all__ = ["Recollection"]

POLL_RECORDS_MAX = 500
"""Some milliseconds of work: no source may hold the others up."""

RECORDS_MAX = 1_000_000
"""Alarms and holds that are compared. Beyond it what is left out stays as it is, and that is told."""

GONE_MS = 24 * 3_600_000
"""A process whose heartbeat is older was replaced by one of another name: in a container its name is its host's."""


class Recollection:
    """The newest record of each key. Memory: what stands, not what was ever said."""

    def __init__(self, surroundings: LaneSurroundings, *, partition_count: int, records_max: int = RECORDS_MAX) -> None:
        """Open the topic, and note where it ends now.

        Raises: SourceError if the broker doesn't answer.
        """
        settings = surroundings.settings
        self._happenings = surroundings.happenings
        self._key_groups = settings.service.key_groups
        self._site = settings.site.name
        self._flood_key = alarm_key(asset=self._site, sensor=None, kind=Kind.FLOOD, rule="site")
        self._groups: dict[str, dict[str, bytes]] = {}
        self._flood: dict[str, bytes] = {}
        self._heartbeats: dict[str, bytes] = {}
        self._records_max = records_max
        self._count = self._left_out = self._unreadable = 0
        self._reader: Reader | None = Reader(
            settings,
            tuple(Partition(settings.kafka.alarms, number) for number in range(partition_count)),
            saved=None,
            start=Start("earliest", "earliest"),
            happenings=surroundings.happenings,
            open_consumer=surroundings.open_consumer,
        )

    @property
    def complete(self) -> bool:
        """All that was there at the start has been read."""
        return self._reader is None

    def read(self) -> None:
        """Take some of what is there. Never waits.

        Raises: SourceError where reading can't go on.
        """
        if self._reader is None:
            return
        batch = self._reader.poll(POLL_RECORDS_MAX)
        ends = self._reader.ends_at_start
        for message, partition, offset in zip(batch.messages, batch.partitions, batch.offsets, strict=True):
            if offset < ends[self._reader.partitions[partition]]:  # what comes later is our own
                self._take(message)
        if self._reader.reached(ends):
            self.close()
            self._happenings.alarm_states_read(
                records=self._count, left_out=self._left_out, unreadable=self._unreadable
            )

    def silences(self, now_ms: int) -> list[tuple[str, Item]]:
        """The stale alarms of each key group that has some."""
        found = {
            group: _records({key: body for key, body in records.items() if _is_silence(key)})
            for group, records in self._groups.items()
        }
        return [(group, Recall(Recorded(records, now_ms))) for group, records in sorted(found.items()) if records]

    def compared(self, now_ms: int) -> list[tuple[str, Item]]:
        """All of it: one item for every key group, also where nothing was recorded, and one for the site's flood."""
        groups = [group_key(group) for group in range(self._key_groups)]
        of_flood = FloodRecorded(_records(self._flood))
        return [
            *((group, Recorded(_records(self._groups.get(group, {})), now_ms)) for group in groups),
            (groups[group_of(self._site, self._key_groups)], of_flood),
        ]

    def gone(self, now_ms: int) -> list[str]:
        """The keys of heartbeats of this site that have been silent for a day."""
        return [key for key, body in self._heartbeats.items() if self._is_gone(body, now_ms)]

    def close(self) -> None:
        """Let go of the broker, without waiting for it."""
        if self._reader is not None:
            self._reader.leave()
            self._reader = None

    def _take(self, message: Message) -> None:
        key = (message.key() or b"").decode("utf-8", "replace")
        parsed = parse_key(key)
        if parsed is None:
            self._unreadable += 1
            return
        sort, name = parsed
        if sort == "heartbeat":
            records = self._heartbeats
        elif key == self._flood_key:
            records = self._flood
        else:
            records = self._groups.setdefault(group_key(group_of(name, self._key_groups)), {})
        body = message.value()
        if body is None:
            self._count -= records.pop(key, None) is not None
        elif key in records:
            records[key] = body
        elif self._count >= self._records_max:
            self._left_out += 1
        else:
            records[key] = body
            self._count += 1

    def _is_gone(self, body: bytes, now_ms: int) -> bool:
        try:
            heartbeat = Heartbeat.model_validate_json(body)
        except ValidationError:
            return False
        return heartbeat.site == self._site and now_ms - heartbeat.ts > GONE_MS


def _records(records: dict[str, bytes]) -> tuple[AlarmRecord, ...]:
    return tuple(AlarmRecord(key, body) for key, body in records.items())


def _is_silence(key: str) -> bool:
    _asset, _sensor, kind, *others = key.split("/")
    return kind == Kind.STALE and len(others) == 1
