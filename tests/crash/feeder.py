"""Sends the plant's readings at its pace, whatever happens to the broker, and knows when each step was sent."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from tests.crash.plant import STEPS_PER_S, Side, readings

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Feeder"]


LOOK_UP_S = 20


class Feeder:
    """A thread that sends one step after the other. A context manager: it ends when all has arrived.

    Idempotent, and it gives no record up: what a broker didn't take while it was away comes after, in its order.
    """

    def __init__(self, bootstrap: str, *, topic: str, side_topic: str, whole_topic: str, assets: int) -> None:
        """Not begun.

        Args:
            side_topic: of the small topic's assets; faults take its records away.
            whole_topic: the same records again in one partition that nobody touches, for the undisturbed run.
        """
        self.side = Side()
        self.side_open = True
        """False while the small topic isn't there."""
        self.sent = 0
        self._assets = assets
        self._topic, self._side_topic, self._whole_topic = topic, side_topic, whole_topic
        self._lock = threading.Lock()
        self._sent_at: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 20,
                "message.timeout.ms": 0,
                "reconnect.backoff.max.ms": 200,  # it is the service's time to come back that is measured
                "queue.buffering.max.messages": 5_000_000,
                "queue.buffering.max.kbytes": 2_000_000,
                "log_level": 0,
            }
        )

    @property
    def works(self) -> bool:
        """Whether it still sends."""
        return self._thread.is_alive()

    @property
    def step(self) -> int:
        """The next step to be sent."""
        return len(self._sent_at)

    def step_at(self, moment_s: float) -> int:
        """The first step that was sent after a moment of the monotonic clock."""
        return bisect_right(self._sent_at, moment_s)

    def sent_at(self, step: int) -> float:
        """When a step was handed to the producer, by the monotonic clock."""
        return self._sent_at[min(step, len(self._sent_at) - 1)]

    def between_steps(self) -> threading.Lock:
        """Held while a step is sent: who holds it may change what the next one is."""
        return self._lock

    def look_up(self, topic: str, *, partitions: int) -> None:
        """Wait until the producer knows a topic that has changed."""
        deadline = time.monotonic() + LOOK_UP_S
        while len(self._producer.list_topics(topic, LOOK_UP_S).topics[topic].partitions) != partitions:
            assert time.monotonic() < deadline, f"the producer doesn't know {topic}"
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until all that was sent has arrived."""
        assert self._producer.flush(120) == 0, "the readings don't arrive"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()
        self.settle()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(max(0.0, began + self.step / STEPS_PER_S - time.monotonic())):
            with self._lock:
                step = self.step
                for partition, key, value in readings(step, assets=self._assets):
                    self._producer.produce(self._topic, value, key, partition)
                for partition, key, value in self.side.readings(step):
                    if self.side_open:
                        self._producer.produce(self._side_topic, value, key, partition)
                    self._producer.produce(self._whole_topic, value, key, 0)
                    self.sent += 1
                self._sent_at.append(time.monotonic())
            self._producer.poll(0)
