"""From the buffer to Kafka: in order, at least once, by an idempotent producer.

What is on its way is bounded. A pack is forgotten by the buffer when Kafka has confirmed all of its messages and all
packs before it. When Kafka refuses a message for good (it is too large), that one is given up and counted; after any
other fault the producer is thrown away and sending begins anew with the oldest pack that isn't confirmed, so that the
order holds and nothing is left out. While Kafka is away librdkafka itself waits and tries on.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.buffer import Buffer, Message, Pack
    from gateways.happenings import Happenings

__all__ = ["BYTES_UNDERWAY_MAX", "MESSAGES_UNDERWAY_MAX", "PACKS_AT_ONCE", "Publisher"]

MESSAGES_UNDERWAY_MAX = 50_000
BYTES_UNDERWAY_MAX = 64 * 1024 * 1024
"""Beyond these no further pack is begun: both are half of what librdkafka's own queue holds, so it is never full."""
PACKS_AT_ONCE = 8
AGAIN_S = 1.0
"""Before sending begins anew."""
HOPELESS = frozenset({"MSG_SIZE_TOO_LARGE", "INVALID_RECORD", "INVALID_MSG"})
"""Kafka will never take such a message, however often it is sent."""


class Publisher:
    """Sends what a buffer has. Of the thread that has the buffer.

    Args:
        open_producer: makes a producer of confluent-kafka: idempotent, without an end to its tries.
    """

    def __init__(self, buffer: Buffer, open_producer: Callable[[], Any], happenings: Happenings) -> None:
        self._buffer = buffer
        self._open_producer = open_producer
        self._happenings = happenings
        self._producer = open_producer()
        self._sent_through = 0
        self._underway: deque[_Underway] = deque()
        self._fault = ""
        self._wait_until = 0.0

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is on its way."""
        return self._buffer.messages == 0

    def work(self, wait_s: float) -> None:
        """Send what there is to send, wait a little for what becomes of it, and note it down."""
        if monotonic() >= self._wait_until:
            self._send()
        self._producer.poll(wait_s)
        self._settle()
        if self._fault:
            self._begin_anew()

    def close(self) -> None:
        """Stop sending. What isn't confirmed stays in the buffer."""
        self._producer.purge()
        self._producer.flush(1)

    def _send(self) -> None:
        while sum(each.left for each in self._underway) < MESSAGES_UNDERWAY_MAX:
            if sum(each.size for each in self._underway) > BYTES_UNDERWAY_MAX:
                return
            packs = self._buffer.read(self._sent_through, packs_max=PACKS_AT_ONCE)
            if not packs:
                return
            for pack in packs:
                self._sent_through = pack.number
                underway = _Underway(pack)
                self._underway.append(underway)
                for message in pack.messages:
                    self._produce(pack.topic, message, underway)
            self._producer.poll(0)
            if self._fault:
                return

    def _produce(self, topic: str, message: Message, underway: _Underway) -> None:
        try:
            self._producer.produce(topic, message.value, message.key, on_delivery=underway.delivered)
        except BufferError:
            self._fault = "the producer's queue is full"
        except KafkaException as error:
            if error.args[0].name() in HOPELESS:
                underway.refused += 1
                underway.left -= 1
            else:
                self._fault = error.args[0].str()

    def _settle(self) -> None:
        """Forget what Kafka has."""
        through = 0
        published = 0
        for underway in self._underway:
            if underway.fault:
                self._fault = underway.fault
                break
        while self._underway and self._underway[0].left == 0:
            done = self._underway.popleft()
            through = done.number
            published += done.count - done.refused
            if done.refused:
                self._happenings.dropped(done.refused, "refused_by_kafka")
        if through:
            self._buffer.forget(through)
            self._happenings.published(published)
            self._happenings.broker_seen()

    def _begin_anew(self) -> None:
        self._happenings.publishing_failed(self._fault)
        self._producer.purge()
        self._producer.flush(0)
        self._producer = self._open_producer()
        if self._underway:
            self._sent_through = self._underway[0].number - 1
        self._underway.clear()
        self._fault = ""
        self._wait_until = monotonic() + AGAIN_S


class _Underway:
    """A pack on its way."""

    __slots__ = ("count", "fault", "left", "number", "refused", "size")

    def __init__(self, pack: Pack) -> None:
        self.number = pack.number
        self.count = self.left = len(pack.messages)
        self.size = sum(len(message.value) for message in pack.messages)
        self.refused = 0
        self.fault = ""

    def delivered(self, error: Any, _message: Any) -> None:
        """What became of one message."""
        if error is None:
            self.left -= 1
        elif error.name() in HOPELESS:
            self.left -= 1
            self.refused += 1
        else:
            self.fault = self.fault or error.str()
