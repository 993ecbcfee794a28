"""What happens in a gateway, told to Prometheus and to the log: one method for each happening, and only they do so.

The label `device` is the name of a connection in the settings, a closed list; no label names an asset or a sensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STATES", "Happenings"]

STATES = ("connected", "away", "quarantined")
SUPPRESSED, REFUSED = "suppressed", "refused"
RESULTS = ("reported", SUPPRESSED, REFUSED)
REFUSALS = ("bad_name", "bad_value", "bad_payload", "unknown", "capacity")
DROPS = ("buffer_full", "refused_by_kafka")


class Happenings:
    """The metrics of one gateway."""

    def __init__(self, devices: Iterable[str] = (), registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        on = self.registry
        self._values = Counter(
            "andon_gateway_values", "Values read, by what became of them.", ["device", "result"], registry=on
        )
        self._refusals = Counter(
            "andon_gateway_refusals",
            "Values or payloads that can't be used, by reason.",
            ["device", "reason"],
            registry=on,
        )
        self._state = Gauge(
            "andon_gateway_device_state", "1 for the state that a device is in.", ["device", "state"], registry=on
        )
        self._losses = Counter("andon_gateway_connections_lost", "Connections that broke.", ["device"], registry=on)
        self._quarantines = Counter(
            "andon_gateway_quarantines", "Times at which a device was left alone.", ["device"], registry=on
        )
        self._gaps = Counter(
            "andon_gateway_gaps", "Times at which a device, or the way to it, lost values.", ["device"], registry=on
        )
        self._skew = Gauge(
            "andon_gateway_clock_skew_seconds", "How far a device's clock is ahead of ours.", ["device"], registry=on
        )
        self._published = Counter("andon_gateway_messages_published", "Messages that Kafka has.", registry=on)
        self._dropped = Counter("andon_gateway_messages_dropped", "Messages given up, by why.", ["why"], registry=on)
        self._buffered = Gauge("andon_gateway_buffer_messages", "Messages that wait for Kafka.", registry=on)
        self._bytes = Gauge("andon_gateway_buffer_bytes", "Bytes of messages that wait for Kafka.", registry=on)
        self._retries = Counter("andon_gateway_publish_retries", "Times at which sending began anew.", registry=on)
        self._log = structlog.get_logger("andon.gateway")
        self._told: set[str] = set()
        for device in devices:
            for result in RESULTS:
                self._values.labels(device, result)
            for reason in REFUSALS:
                self._refusals.labels(device, reason)
            for metric in (self._losses, self._quarantines, self._gaps, self._skew):
                metric.labels(device)
            self._be(device, "away")
        for why in DROPS:
            self._dropped.labels(why)

    # ── Devices ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def connected(self, device: str, *, address: str, who: str) -> None:
        """A device answers."""
        self._be(device, "connected")
        self._log.info("device connected", device=device, address=address, who=who)

    def lost(self, device: str, *, why: str, retry_s: float, was_connected: bool) -> None:
        """It doesn't, or no longer."""
        self._be(device, "away")
        if was_connected:
            self._losses.labels(device).inc()
        if was_connected or self._first(f"{device} away"):
            self._log.warning("device away", device=device, why=why, retry_s=round(retry_s, 1))

    def quarantined(self, device: str, *, why: str, for_s: float) -> None:
        """What it says makes no sense."""
        self._be(device, "quarantined")
        self._quarantines.labels(device).inc()
        self._log.error("device quarantined", device=device, why=why, for_s=for_s)

    def values_read(self, device: str, *, reported: int, suppressed: int, refused: int) -> None:
        """What became of a batch of values."""
        self._values.labels(device, "reported").inc(reported)
        self._values.labels(device, SUPPRESSED).inc(suppressed)
        if refused:
            self._values.labels(device, REFUSED).inc(refused)
            self.refused(device, "capacity", count=refused, detail="more series than a connection may have")

    def refused(self, device: str, reason: str, *, count: int = 1, detail: str) -> None:
        """Something that a device said can't be used: logged once for each reason, then counted."""
        self._refusals.labels(device, reason).inc(count)
        if self._first(f"{device} {reason}"):
            self._log.warning(
                "not usable", device=device, reason=reason, detail=detail, note="logged once, then counted"
            )

    def gap(self, device: str, *, why: str) -> None:
        """Values were lost before they came here."""
        self._gaps.labels(device).inc()
        if self._first(f"{device} gap {why}"):
            self._log.warning("values lost by the device", device=device, why=why, note="logged once, then counted")

    def skew_measured(self, device: str, seconds: float) -> None:
        """How far its clock is ahead."""
        self._skew.labels(device).set(seconds)
        if abs(seconds) > 5 and self._first(f"{device} skew"):
            self._log.warning(
                "clock differs", device=device, ahead_s=round(seconds, 1), note='set its clock, or time = "gateway"'
            )

    # ── The way to Kafka ────────────────────────────────────────────────────────────────────────────────────────────

    def published(self, count: int) -> None:
        """Kafka has messages."""
        self._published.inc(count)

    def buffered(self, *, messages: int, size: int) -> None:
        """What waits for Kafka."""
        self._buffered.set(messages)
        self._bytes.set(size)

    def dropped(self, count: int, why: str) -> None:
        """Messages are lost."""
        self._dropped.labels(why).inc(count)
        if self._first(f"dropped {why}"):
            self._log.error("messages dropped", why=why, count=count, note="logged once, then counted")

    def publishing_failed(self, why: str) -> None:
        """Sending begins anew with the oldest message that Kafka doesn't have."""
        self._retries.inc()
        if self._first(f"publish {why}"):
            self._log.warning("kafka doesn't take messages", why=why, note="they wait on the disk; logged once")

    def broker_seen(self) -> None:
        """It takes them again."""
        self._told = {told for told in self._told if not told.startswith("publish ")}

    def started(self, **what: object) -> None:
        """The gateway begins."""
        self._log.info("gateway started", **what)

    def stopped(self, **what: object) -> None:
        """It ends in good order."""
        self._log.info("gateway stopped", **what)

    def _be(self, device: str, state: str) -> None:
        for each in STATES:
            self._state.labels(device, each).set(each == state)

    def _first(self, what: str) -> bool:
        fresh = what not in self._told
        self._told.add(what)
        return fresh
