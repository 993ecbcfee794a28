"""The flow's source of devices: what gateways say of them becomes findings of kind `inventory`.

    appeared   a device that was never there before; the finding stands for NEWS_MS
    changed    vendor, model, firmware, serial, address, or what is read of it; the finding stands for NEWS_MS
    vanished   it is absent; the finding ends when it is back

What is on the topic when a fresh state directory is first used is the plant as it is, and no news.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from pydantic import ValidationError

from contracts.errors import StateError
from contracts.findings import Finding, Kind
from contracts.inventory import IDENTITY, DeviceRecord
from contracts.readings import group_key, group_of
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dataflows.lanes import LaneSurroundings
    from dataflows.steps import Item

__all__ = ["DEVICES_MAX", "NEWS_MS", "Inventory", "KafkaInventory"]

VERSION = 1
PART = "inventory-00"
"""The name under which the position is stored. A schema: never change it."""

NEWS_MS = 24 * 3600 * 1000
"""A new or changed device is news for a day: the next shift must see it too."""
DEVICES_MAX = 10_000
"""Of a site. More are not watched."""
IDLE_S = 0.25
POLL_MAX = 100


class Inventory:
    """What is known of all devices. Pure: records in, findings out; deterministic in the records."""

    def __init__(self, saved: Mapping[str, dict[str, Any]] | None = None) -> None:
        self._passed_over: Counter[str] = Counter()
        self._known: dict[str, dict[str, Any]] = {key: dict(row) for key, row in (saved or {}).items()}

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """A copy, as plain data."""
        return {key: {**row, "standing": dict(row["standing"])} for key, row in self._known.items()}

    def take(self, body: bytes | None, *, news: bool) -> list[Finding]:
        """What one record says that wasn't known.

        Args:
            body: of the record; None, a tombstone, leaves what is known as it is.
            news: False while the plant is met for the first time.
        """
        if body is None:
            return []
        try:
            record = DeviceRecord.model_validate_json(body)
        except ValidationError:
            self._passed_over["unreadable"] += 1
            return []
        row = self._known.get(record.key)
        if row is None and len(self._known) >= DEVICES_MAX:
            self._passed_over["too_many"] += 1
            return []
        return list(self._judged(record, row, news=news))

    def take_passed_over(self) -> Counter[str]:
        """How many records said nothing that could be taken since the last call, by why (`happenings.PASSED_OVER`)."""
        passed_over, self._passed_over = self._passed_over, Counter()
        return passed_over

    def _judged(self, record: DeviceRecord, row: dict[str, Any] | None, *, news: bool) -> Iterator[Finding]:
        identity = {name: getattr(record, name) for name in IDENTITY}
        if row is None:
            row = self._known[record.key] = {"identity": identity, "standing": {}}
            if news:
                yield self._raised(row, record, "appeared", address=record.address, model=_who(record))
        before = row["identity"]
        # What a device that is away says of itself is what the gateway last heard, or nothing.
        changed = [name for name in IDENTITY if identity[name] != before[name]] if record.state == "present" else []
        if changed:
            row["identity"] = identity
            told = {
                f"{name}_{when}": row_[name] for name in changed for when, row_ in (("from", before), ("to", identity))
            }
            if "changed" in row["standing"]:
                yield self._cleared(row, record, "changed")
            yield self._raised(row, record, "changed", what=", ".join(changed), **told)
        if record.state == "present" and "vanished" in row["standing"]:
            yield self._cleared(row, record, "vanished")
        elif record.state != "present" and "vanished" not in row["standing"]:
            yield self._raised(row, record, "vanished", state=record.state, why=record.why, address=record.address)
        for rule in ("appeared", "changed"):
            if rule in row["standing"] and record.ts - row["standing"][rule] >= NEWS_MS:
                yield self._cleared(row, record, rule)

    def _raised(self, row: dict[str, Any], record: DeviceRecord, rule: str, **evidence: str) -> Finding:
        row["standing"][rule] = record.ts
        return _finding(record, rule, active=True, onset_ts=record.ts, **evidence)

    def _cleared(self, row: dict[str, Any], record: DeviceRecord, rule: str) -> Finding:
        return _finding(record, rule, active=False, onset_ts=row["standing"].pop(rule))


def _who(record: DeviceRecord) -> str:
    return " ".join(part for part in (record.vendor, record.model, record.firmware) if part)


def _finding(record: DeviceRecord, rule: str, *, active: bool, onset_ts: int, **evidence: str) -> Finding:
    return Finding(
        asset=record.device,
        sensor=None,
        kind=Kind.INVENTORY,
        rule=rule,
        active=active,
        onset_ts=onset_ts,
        ts=record.ts,
        evidence={"gateway": record.gateway, "protocol": record.protocol, **evidence},
    )


class KafkaInventory(FixedPartitionedSource[tuple[str, "Item"], dict[str, Any]]):
    """The inventory topic, from its beginning on a fresh state directory.

    Guarantees: at least once, in the order of each partition. A record that comes twice says nothing new the second
    time. Nothing here blocks or sleeps.
    """

    def __init__(self, surroundings: LaneSurroundings, *, topic: str, partition_count: int) -> None:
        self._surroundings = surroundings
        self._topic = topic
        self._partition_count = partition_count

    def list_parts(self) -> list[str]:
        """The one part, in the first process."""
        return [PART] if self._surroundings.standing.share.has(0) else []

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, Any] | None) -> _Devices:  # noqa: ARG002
        """Go on where the snapshot was taken.

        Raises: SourceError if the broker doesn't answer, or saved positions are gone and may not be given up.
        """
        with self._surroundings.telling():
            return self._open(resume_state)

    def _open(self, resume_state: dict[str, Any] | None) -> _Devices:
        if resume_state is not None and resume_state.get("version") != VERSION:
            raise StateError(f"{PART}: version {resume_state.get('version')!r} is saved, this andon knows {VERSION}.")
        around = self._surroundings
        topic_ids = resume_state.get("topic_ids", {}) if resume_state else {}
        reader = Reader(
            around.settings,
            tuple(Partition(self._topic, number) for number in range(self._partition_count)),
            saved=resume_state["positions"] if resume_state else None,
            start=Start("earliest", "earliest"),  # compaction takes old records, and none of them is missed
            anew=around.topic_ids.anew(topic_ids),
            counts={self._topic: self._partition_count},
            happenings=around.happenings,
            open_consumer=around.open_consumer,
        )
        return _Devices(reader, around, resume_state, around.topic_ids.saved(topic_ids, [self._topic]))


class _Devices(StatefulSourcePartition[tuple[str, "Item"], dict[str, Any]]):
    def __init__(
        self,
        reader: Reader,
        surroundings: LaneSurroundings,
        saved: dict[str, Any] | None,
        topic_ids: dict[str, str],
    ) -> None:
        self._reader = reader
        self._topic_ids = topic_ids
        self._surroundings = surroundings
        self._inventory = Inventory(saved["devices"] if saved else None)
        self._met = bool(saved and saved["met"])
        """The plant as it was at the beginning is known."""

    def next_batch(self) -> list[tuple[str, Item]]:
        """What the records that are there now say.

        Raises: StopIteration when asked to stop; SourceError where reading can't go on.
        """
        with self._surroundings.telling():
            return self._next()

    def _next(self) -> list[tuple[str, Item]]:
        if self._surroundings.stop.is_set():
            raise StopIteration
        groups = self._surroundings.settings.service.key_groups
        out: list[tuple[str, Item]] = []
        for message in self._reader.poll(POLL_MAX).messages:
            found = self._inventory.take(message.value(), news=self._met)
            out += [(group_key(group_of(finding.asset, groups)), (finding,)) for finding in found]
        for why, count in self._inventory.take_passed_over().items():
            self._surroundings.happenings.devices_passed_over(why, count)
        if not self._met and self._reader.reached(self._reader.ends_at_start):
            self._met = True
        return out

    def next_awake(self) -> datetime:
        """A little later: nothing here is in a hurry, and asking costs."""
        return datetime.now(UTC) + timedelta(seconds=IDLE_S)

    def snapshot(self) -> dict[str, Any]:
        """The next unread offset of each partition, and what is known."""
        return {
            "version": VERSION,
            "positions": self._reader.saved_positions(),
            "topic_ids": self._topic_ids,
            "met": self._met,
            "devices": self._inventory.snapshot(),
        }

    def close(self) -> None:
        """Whoever runs the flow lets go of the broker."""
        self._surroundings.closed.append((self._reader, None))
