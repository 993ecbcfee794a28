"""A plant that speaks at a steady pace, in a process of its own; now and then a sensor exceeds its limit.

Prints one JSON line: for each excess, who it was, its time, and when it was handed to the producer.
"""

from __future__ import annotations

import json
import math
import sys
import time
import zlib

from confluent_kafka import Producer

from benchmarks.throughput.messages import SENSORS

__all__ = ["main"]

STEP_S = 0.001
EXCESSES_PER_S = 20
"""Spread over all sensors, so that none is told to chatter."""


def main(bootstrap: str, topic: str, partitions: int, rate: int, sensors: int, seconds: float) -> None:
    """Produce `rate` messages a second, from so many sensors by turns."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 1})
    names = [(f"press-{number // len(SENSORS):05d}", SENSORS[number % len(SENSORS)]) for number in range(sensors)]
    keys = [asset.encode() for asset, _ in names]
    targets = [zlib.crc32(key) % partitions for key in keys]
    # A prime that shares no factor with the number of sensors meets each of them before one comes twice.
    every = max(1, rate // EXCESSES_PER_S)
    while math.gcd(every, sensors) != 1:
        every += 1
    excesses: list[tuple[str, str, int, float]] = []
    produced, late_s = 0, 0.0
    began = time.time()
    total = round(rate * seconds)
    while produced < total:
        now = time.time()
        due = min(total, int((now - began) * rate))
        if due > produced:
            late_s = max(late_s, now - began - produced / rate)
        for number in range(produced, due):
            at = number % sensors
            asset, sensor = names[at]
            exceeds = number % every == every - 1 and number >= sensors
            ts = int((began + number / rate) * 1000)  # when it was due: no two of a sensor are of one time
            value = 60.0 if exceeds else 20.0 + number % 7
            if exceeds:
                excesses.append((asset, sensor, ts, time.time()))
            text = b'{"asset":"%b","sensor":"%b","ts":%d,"value":%.1f}' % (keys[at], sensor.encode(), ts, value)
            producer.produce(topic, text, keys[at], partition=targets[at])
        produced = due
        producer.poll(0)
        time.sleep(STEP_S)
    if left := producer.flush(30):
        raise SystemExit(f"{left} messages were not delivered")
    told = {"produced": produced, "seconds": time.time() - began, "late_s": late_s, "excesses": excesses}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
