"""A plant that is on line: sensors that send now, as many as one likes, each of them every few seconds.

A process of its own, so that it starts and goes on whatever the service does: `python -m benchmarks.scale.plant`.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import Producer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SENSORS", "history", "main", "scans"]

SENSORS = 10
"""Of one asset, all in one message: a PLC sends its scan."""
EVERY_S = 0.1
MINUTE_MS = 60_000
SEED = 11


def scans(assets: int, interval_s: float) -> Iterator[list[tuple[bytes, bytes]]]:
    """(key, value) of the messages that are due, every EVERY_S of them, for ever; assets take turns in an interval."""
    values = _values()
    step = 0
    turn = max(1, round(interval_s / EVERY_S))
    while True:
        now_ms = time.time_ns() // 1_000_000
        yield [
            _scan(asset, now_ms, values[(step * 7 + asset * 13) % len(values)])
            for asset in range(step % turn, assets, turn)
        ]
        step += 1


def history(bootstrap: str, topic: str, series: int, minutes: int) -> int:
    """Publish a scan a minute of each asset, up to now; returns the number of readings."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    assets, values = -(-series // SENSORS), _values()
    first_ms = time.time_ns() // 1_000_000 - minutes * MINUTE_MS
    for minute in range(minutes):
        for asset in range(assets):
            key, value = _scan(asset, first_ms + minute * MINUTE_MS, values[(minute * 7 + asset * 13) % len(values)])
            while True:
                try:
                    producer.produce(topic, value, key)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        producer.poll(0)
    producer.flush()
    return minutes * assets * SENSORS


def _values() -> list[str]:
    """What an asset's sensors may say at one time, as JSON."""
    noise = np.random.default_rng(SEED).normal(20, 1, 4096 + SENSORS).round(3)
    return [
        ",".join(f'"s{number}":{value:.3f}' for number, value in enumerate(noise[at : at + SENSORS]))
        for at in range(4093)  # a prime: no two assets say the same for long
    ]


def _scan(asset: int, ts: int, values: str) -> tuple[bytes, bytes]:
    name = f"press-{asset:06d}"
    return name.encode(), f'{{"asset":"{name}","ts":{ts},"values":{{{values}}}}}'.encode()


def main(bootstrap: str, topic: str, series: int, interval_s: float) -> None:
    """Send until it is ended. What can't be sent in time is sent late."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "enable.idempotence": True})
    due = time.monotonic()
    for messages in scans(-(-series // SENSORS), interval_s):
        for key, value in messages:
            producer.produce(topic, value, key)
            producer.poll(0)
        due += EVERY_S
        producer.poll(max(0.0, due - time.monotonic()))
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
