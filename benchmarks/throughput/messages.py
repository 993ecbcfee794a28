"""The topic that all contenders read: single-sensor JSON messages of 100 assets with 9 sensors each, at 1 Hz.

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

__all__ = ["SENSORS", "create_topic", "messages", "publish"]

ASSETS = 100
SENSORS = ("temp", "pressure", "flow", "speed", "current", "torque", "level", "vibration_x", "vibration_y")
BEGIN_MS = 1_700_000_000_000
SEED = 7
JUMPS_EVERY = 20_011
"""One reading in so many is out of range; a prime, so that it meets every sensor."""


def messages(count: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of `count` messages, second by second."""
    random = np.random.default_rng(SEED)
    names = [(f"press-{asset:04d}", sensor) for asset in range(ASSETS) for sensor in SENSORS]
    heads = [(asset.encode(), f'{{"asset":"{asset}","sensor":"{sensor}","ts":'.encode()) for asset, sensor in names]
    phase = random.uniform(0, 2 * np.pi, len(names))
    produced = 0
    second = 0
    while produced < count:
        values = 20 + 5 * np.sin(second / 50 + phase) + random.normal(0, 1, len(names))
        ts = b"%d" % (BEGIN_MS + 1000 * second)
        for (key, head), value in zip(heads, values.tolist(), strict=True):
            if produced == count:
                return
            jump = 40.0 if produced % JUMPS_EVERY == 7 else 0.0
            yield key, b'%s%s,"value":%.4f,"unit":"degC"}' % (head, ts, value + jump)
            produced += 1
        second += 1


def create_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Make the topic; it must not exist."""
    admin = AdminClient({"bootstrap.servers": bootstrap})  # must outlive its futures
    for future in admin.create_topics([NewTopic(topic, partitions)]).values():
        future.result(30)


def publish(bootstrap: str, topic: str, *, count: int, partitions: int) -> int:
    """Write the messages; returns their bytes.

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
    for key, value in messages(count):
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
