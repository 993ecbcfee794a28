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

__all__ = ["SENSORS", "main", "scans"]

SENSORS = 10
"""Of one asset, all in one message: a PLC sends its scan."""
EVERY_S = 0.1
SEED = 11


def scans(assets: int, interval_s: float) -> Iterator[list[tuple[bytes, bytes]]]:
    """(key, value) of the messages that are due, every EVERY_S of them, for ever; assets take turns in an interval."""
    random = np.random.default_rng(SEED)
    noise = random.normal(0, 1, 4096).round(3)
    step = 0
    turn = max(1, round(interval_s / EVERY_S))
    while True:
        due = range(step % turn, assets, turn)
        now_ms = time.time_ns() // 1_000_000
        found = []
        for asset in due:
            at = (step * 7 + asset * 13) % (len(noise) - SENSORS)
            values = ",".join(f'"s{number}":{20 + value:.3f}' for number, value in enumerate(noise[at : at + SENSORS]))
            name = f"press-{asset:06d}"
            found.append((name.encode(), f'{{"asset":"{name}","ts":{now_ms},"values":{{{values}}}}}'.encode()))
        yield found
        step += 1


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
