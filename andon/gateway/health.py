"""What a gateway tells of itself over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.settings import Settings
    from gateways.happenings import Happenings
    from gateways.link import Link

__all__ = ["GatewayHealth"]


class GatewayHealth:
    """Of one process: `andon.server.Answers`."""

    def __init__(self, settings: Settings, links: Sequence[Link], happenings: Happenings, *, version: str) -> None:
        self._settings = settings
        self._links = links
        self._happenings = happenings
        self._version = version

    def metrics(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        return generate_latest(self._happenings.registry)

    def unready(self) -> list[str]:
        """Devices that aren't read. That Kafka is away is no reason: the buffer is there for that."""
        return [f"{link.connection.name} is {link.state}: {link.fault}" for link in self._links if link.fault]

    def status(self) -> dict[str, Any]:
        """How each device is, and what waits for Kafka."""
        sample = self._happenings.registry.get_sample_value
        return {
            "version": self._version,
            "site": self._settings.site.name,
            "gateway": self._settings.gateway.name,
            "ready": not self.unready(),
            "unready": self.unready(),
            "buffer": {
                "messages": int(sample("andon_gateway_buffer_messages") or 0),
                "bytes": int(sample("andon_gateway_buffer_bytes") or 0),
            },
            "devices": {
                link.connection.name: {
                    "state": link.state,
                    "fault": link.fault,
                    "address": link.address,
                    "seen_ms": link.seen_ms,
                    "series": link.series_count,
                    "clock_ahead_ms": link.skew.ms,
                    **link.description._asdict(),
                }
                for link in self._links
            },
        }
