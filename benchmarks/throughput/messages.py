"""The topic that all contenders read: JSON messages of 100 assets with 9 sensors each, at 1 Hz.

A message holds one reading, or all nine of an asset.

Seeded, so two runs publish the same bytes. Each sensor is a slow sine with noise; now and then one jumps above the
limit that the service watches, so that there are alerts to count.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SENSORS", "create_topic", "messages", "messages_of_many", "publish"]

ASSETS = 100
SENSORS = ("temp", "pressure", "flow", "speed", "current", "torque", "level", "vibration_x", "vibration_y")
BEGIN_MS = 1_700_000_000_000
SEED = 7
JUMPS_EVERY = 20_011
"""One reading in so many is out of range; a prime, so that it meets every sensor."""
JUMP_AT, JUMP = 7, 40.0


def messages(count: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of `count` readings, a message each, second by second."""
    for ts, first, values in _seconds(count):
        for at, value in enumerate(values, first):
            asset, sensor = divmod(at % (ASSETS * len(SENSORS)), len(SENSORS))
            key, head = _KEYS[asset], _HEADS[asset][sensor]
            yield key, b'%b%d,"value":%.4f,"unit":"degC"}' % (head, ts, value)


def messages_of_many(count: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of `count` readings, nine to a message; the same readings as `messages` has."""
    per = len(SENSORS)
    for ts, first, values in _seconds(count):
        for at in range(0, len(values), per):
            asset = (first + at) // per % ASSETS
            pairs = b",".join(
                b'"%b":%.4f' % (sensor.encode(), value)
                for sensor, value in zip(SENSORS, values[at : at + per], strict=False)
            )
            yield _KEYS[asset], b'{"asset":"%b","ts":%d,"values":{%b}}' % (_KEYS[asset], ts, pairs)


_KEYS = [b"press-%04d" % asset for asset in range(ASSETS)]
_HEADS = [[b'{"asset":"%b","sensor":"%b","ts":' % (key, sensor.encode()) for sensor in SENSORS] for key in _KEYS]


def _seconds(count: int) -> Iterator[tuple[int, int, list[float]]]:
    """Of each second: its time, the number of its first reading, and the values of all sensors, at most `count`."""
    random = np.random.default_rng(SEED)
    together = ASSETS * len(SENSORS)
    phase = random.uniform(0, 2 * np.pi, together)
    for second, first in enumerate(range(0, count, together)):
        values = 20 + 5 * np.sin(second / 50 + phase) + random.normal(0, 1, together)
        values[(np.arange(first, first + together) % JUMPS_EVERY) == JUMP_AT] += JUMP
        yield BEGIN_MS + 1000 * second, first, values[: count - first].tolist()


def create_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Make the topic; it must not exist."""
    admin = AdminClient({"bootstrap.servers": bootstrap})  # must outlive its futures
    for future in admin.create_topics([NewTopic(topic, partitions)]).values():
        future.result(30)


def publish(bootstrap: str, topic: str, *, count: int, partitions: int, many: bool = False) -> int:
    """Write `count` readings, nine to a message if `many`; returns the bytes of their messages.

    Raises: RuntimeError if any was not delivered.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 500_000,
            "compression.type": "none",
            "enable.idempotence": True,  # else a retried batch comes after its successors, and its readings are late
        }
    )
    size = 0
    for key, value in messages_of_many(count) if many else messages(count):
        size += len(value)
        while True:
            try:
                producer.produce(topic, value, key, partition=zlib.crc32(key) % partitions)
                break
            except BufferError:
                producer.poll(0.1)
    if left := producer.flush(120):
        raise RuntimeError(f"{left} of {count} messages were not delivered to {bootstrap}")
    return size
