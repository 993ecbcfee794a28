"""The plant as Kafka tells of it: what stands, what was told, and readings, each read by a thread of its own.

No consumer group, nothing is committed, nothing is written but commands: a console may be killed at any time, and
neither detection nor another console is touched by it. After a restart what stands is read from its beginning, alerts
go on where the store ends, and so do trends, but for what is older than READINGS_BACK_MS.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from andon.console.heard import Devices, Ear, alert_of, state_of
from andon.table import now_ms
from console.plant import Told
from contracts.errors import AndonError, SourceError
from dataflows.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.serving import Serving
    from contracts.settings import Settings

__all__ = ["KafkaFeeds"]

READINGS_BACK_MS = 3 * 3_600_000
OVERLAP_MS = 60_000
"""Read once more than is known: what comes twice is kept once."""

POLL_S = 0.1
END_WAIT_S = 5.0


class KafkaFeeds:
    """Reads until it is closed.

    Args:
        fault: called where reading can't go on.
    """

    def __init__(
        self, settings: Settings, serving: Serving, *, stop: Event, fault: Callable[[AndonError], None]
    ) -> None:
        self._settings = settings
        self._serving = serving
        self._stop = stop
        self._fault = fault
        self._told: dict[str, Told] = {}
        self.devices = Devices()
        kafka = settings.kafka
        feeds: list[tuple[str, Callable[[Tail], None], Callable[[], int | str]]] = [
            (kafka.alarms, self._states, _beginning),
            (kafka.alerts, self._alerts, self._alerts_begin),
            *((topic, self._readings, self._readings_begin) for topic in kafka.readings),
            *([(kafka.inventory, self._inventory, _beginning)] if kafka.inventory is not None else ()),
        ]
        self._threads = [
            Thread(target=self._run, args=(topic, read, begin), name=f"console {topic}", daemon=True)
            for topic, read, begin in feeds
        ]

    def told(self) -> list[Told]:
        """How far each feed has come."""
        return list(self._told.values())

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(END_WAIT_S)

    def _run(self, topic: str, read: Callable[[Tail], None], begin: Callable[[], int | str]) -> None:
        self._told[topic] = Told(topic, caught_up=False, heard=0, fault="")
        wait_s = self._settings.service.broker_wait_s
        try:
            with Tail(self._settings.kafka, topic, begin=begin(), wait_s=wait_s, stop=self._stop) as tail:  # type: ignore[arg-type]
                read(tail)
        except AndonError as error:
            self._end(topic, error)
        except Exception as error:
            # With its thread gone, the page would show for ever what it has, as if nothing came.
            self._end(topic, SourceError(f"kafka {topic}: what comes from it can't be taken ({error!r}). Report it."))
            raise

    def _end(self, topic: str, error: AndonError) -> None:
        self._told[topic] = self._told[topic]._replace(fault=str(error))
        self._fault(error)

    def _states(self, tail: Tail) -> None:
        while not self._stop.is_set():
            messages = tail.poll(POLL_S)
            self._serving.take_states(map(state_of, messages), complete=tail.caught_up)
            self._count(self._settings.kafka.alarms, tail, len(messages))

    def _alerts(self, tail: Tail) -> None:
        while not self._stop.is_set():
            messages = tail.poll(POLL_S)
            if messages:
                self._serving.take_alerts(map(alert_of, messages))
            self._count(self._settings.kafka.alerts, tail, len(messages))

    def _readings(self, tail: Tail) -> None:
        ear = Ear(self._settings)
        while not self._stop.is_set():
            messages = tail.poll(POLL_S)
            readings = ear.hear(messages) if messages else None
            if readings is not None:
                self._serving.take_readings(readings)
            self._count(tail.topic, tail, len(messages))

    def _inventory(self, tail: Tail) -> None:
        while not self._stop.is_set():
            messages = tail.poll(POLL_S)
            for message in messages:
                self.devices.hear(message)
            self._count(tail.topic, tail, len(messages))

    def _count(self, topic: str, tail: Tail, heard: int) -> None:
        before = self._told[topic]
        self._told[topic] = before._replace(caught_up=tail.caught_up, heard=before.heard + heard)

    def _alerts_begin(self) -> int:
        newest = self._serving.history.newest_heard_ms
        oldest = now_ms() - round(self._settings.console.history_days * 86_400_000)
        return max(0, oldest if newest is None else newest - OVERLAP_MS)

    def _readings_begin(self) -> int:
        return max(0, now_ms() - READINGS_BACK_MS, self._serving.trends.newest_ts - OVERLAP_MS)


def _beginning() -> str:
    """Of a compacted topic: all that stands."""
    return "beginning"
