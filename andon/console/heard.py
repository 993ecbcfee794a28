"""Records of Kafka as the console hears them."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from console.plant import HeardAlert, Readings, StateRecord
from contracts.inventory import DeviceRecord
from contracts.readings import Block, Quality
from dataflows.decode import Decoder
from dataflows.happenings import Happenings
from dataflows.inventory import DEVICES_MAX
from dataflows.polls import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from contracts.settings import Settings

__all__ = ["Devices", "Ear", "alert_of", "state_of"]


def state_of(message: Message) -> StateRecord:
    """A record of the alarm-state topic."""
    return StateRecord(message.key(), message.value())


def alert_of(message: Message) -> HeardAlert:
    """A record of the alert topic. Without an id of its own, its body is its name."""
    headers = {
        name: value.decode("utf-8", "replace")
        for name, value in dict(message.headers() or ()).items()
        if isinstance(value, bytes)
    }
    body = message.value() or b""
    return HeardAlert(
        event_id=headers.get("ce_id") or blake2b(body, digest_size=16).hexdigest(),
        body=body,
        source=headers.get("andon_source", ""),
        config=headers.get("andon_config", ""),
        place=f"{message.topic()}/{message.partition()}/{message.offset()}",
        heard_ms=message.timestamp()[1],
    )


class Devices:
    """The inventory topic: the newest record of each device. What can't be read leaves what was known.

    Bounded as what the service watches: more than DEVICES_MAX aren't shown.
    """

    def __init__(self) -> None:
        self._records: dict[bytes, DeviceRecord] = {}

    def hear(self, message: Message) -> None:
        """One record, or the tombstone of a device."""
        key, value = message.key() or b"", message.value()
        if value is None:
            self._records.pop(key, None)
            return
        if key in self._records or len(self._records) < DEVICES_MAX:
            with suppress(ValidationError):  # by a newer gateway, perhaps
                self._records[key] = DeviceRecord.model_validate_json(value)

    def all(self) -> list[DeviceRecord]:
        """By gateway and name."""
        return sorted(self._records.values(), key=lambda record: (record.gateway, record.device))


class Ear:
    """Decodes readings, as the service does; what it refuses, and what is of bad quality, is not shown."""

    def __init__(self, settings: Settings) -> None:
        self._decoder = Decoder(settings, lane=0, happenings=Happenings())
        self._names: list[tuple[str, str]] = []

    def hear(self, messages: Sequence[Message]) -> Readings | None:
        """The good readings of some messages; None if there are none."""
        sources = sorted({(message.topic() or "", message.partition() or 0) for message in messages})
        place = {source: index for index, source in enumerate(sources)}
        poll = joined(
            [message.value() for message in messages],
            stamps_ms=[message.timestamp()[1] for message in messages],
            partitions=np.array(
                [place[message.topic() or "", message.partition() or 0] for message in messages], np.uint16
            ),
            offsets=np.array([message.offset() or 0 for message in messages], np.int64),
            sources=tuple(sources),
            key=lambda index: messages[index].key(),
        )
        rows: list[Any] = []
        for _, item in self._decoder.decode(poll):
            if isinstance(item, Block):
                for number, asset, sensor in item.names:
                    self._names.extend([("", "")] * (number + 1 - len(self._names)))
                    self._names[number] = (asset, sensor)
                rows.append(item.rows[item.rows["quality"] != Quality.BAD])
        if not rows:
            return None
        together = np.concatenate(rows)
        return Readings(list(self._names), together["series"], together["ts"], together["value"])
