"""Which devices there are: one record for each on the inventory topic.

It is written when something about a device changes, and now and then. A device that has been away for `vanished_s` is
absent; before that it may be restarting. What it says of itself is asked at every connection. The records go the way of
the readings, over the buffer, so that none is lost or comes out of order.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from contracts.inventory import DeviceRecord
from gateways.buffer import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.gateways import Connection
    from contracts.settings import Settings
    from gateways.forwarder import Forwarder
    from gateways.link import Link

__all__ = ["REPEAT_MS", "Census", "configuration_of"]

REPEAT_MS = 60_000
"""Between two records that only say that a device is still as it was."""

_UNTOLD = ("schema_", "ts", "seen_ts")
"""What changes without being a change."""

State = Literal["present", "absent", "quarantined"]


class Census:
    """The devices of one gateway.

    Args:
        protocols: of the links, in their order.
        topic: of the inventory.
        started_ms: our clock when the gateway began.
    """

    def __init__(
        self,
        links: Sequence[Link],
        *,
        settings: Settings,
        protocols: Sequence[str],
        topic: str,
        forwarder: Forwarder,
        started_ms: int,
    ) -> None:
        self._links = links
        self._protocols = protocols
        self._settings = settings
        self._topic = topic
        self._forwarder = forwarder
        self._started_ms = started_ms
        self._told: dict[str, DeviceRecord] = {}

    def take(self, now_ms: int) -> None:
        """Look at all devices; to be called every second or so."""
        messages = []
        for link, protocol in zip(self._links, self._protocols, strict=True):
            record = self._record(link, protocol, now_ms)
            if record is not None and self._is_news(record):
                self._told[record.device] = record
                messages.append(Message(record.key.encode(), record.body()))
        if messages:
            self._forwarder.put(self._topic, messages)

    def _is_news(self, record: DeviceRecord) -> bool:
        told = self._told.get(record.device)
        if told is None or record.ts - told.ts >= REPEAT_MS:
            return True
        return any(
            getattr(record, name) != getattr(told, name) for name in DeviceRecord.model_fields if name not in _UNTOLD
        )

    def _record(self, link: Link, protocol: str, now_ms: int) -> DeviceRecord | None:
        """What is to be said of a device now; None while it isn't known."""
        name = link.connection.name
        told = self._told.get(name)
        state = self._state(link, now_ms)
        if state is None:
            if told is None:
                return None
            state, why = told.state, told.why  # it may be restarting
        else:
            why = "" if state == "present" else link.fault
        same = told is not None and told.state == state
        return DeviceRecord(
            site=self._settings.site.name,
            gateway=self._settings.gateway.name,
            device=name,
            protocol=protocol,
            address=link.address,
            **link.description._asdict(),
            configuration=configuration_of(link.connection),
            state=state,
            why=told.why if same and told is not None else why,
            since_ts=told.since_ts if same and told is not None else now_ms,
            seen_ts=link.seen_ms,
            ts=now_ms,
        )

    def _state(self, link: Link, now_ms: int) -> State | None:
        if link.state == "connected":
            return "present"
        if link.state == "quarantined":
            return "quarantined"
        away_ms = now_ms - max(link.seen_ms, self._started_ms)
        return "absent" if away_ms >= self._settings.gateway.vanished_s * 1000 else None


def configuration_of(connection: Connection) -> str:
    """Names what is read of a device (16 hex digits); where it is, and who asks, is no part of that."""
    shown = connection.model_dump_json(exclude={"host", "url", "port", "user", "password_file", "client_id"})
    return blake2b(shown.encode(), digest_size=8).hexdigest()
