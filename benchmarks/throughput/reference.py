"""The reference: a bare loop of `consume(10000)` and `orjson.loads`, the least that a Python program can do.

A process of its own, so that it starts as cold as the service: prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

__all__ = ["main"]


def main(bootstrap: str, topic: str, partitions: int, count: int) -> None:
    """Read messages with `count` readings from the beginning and decode each."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reference",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 50,
            "queued.min.messages": 100_000,
        }
    )
    consumer.list_topics(topic, 10)  # both contenders have met the broker when their clock starts
    loads = orjson.loads
    total = 0.0
    seen = 0
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
    began, cpu = time.perf_counter(), time.process_time()
    first = 0.0
    while seen < count:
        batch = consumer.consume(10_000, 0.1)
        if batch and not first:
            first = time.perf_counter()
        for message in batch:
            reading = loads(message.value())  # type: ignore[arg-type]  # no tombstones
            if "value" in reading:
                total += reading["value"]
                seen += 1
            else:
                values = reading["values"]
                total += sum(values.values())
                seen += len(values)
    ended = time.perf_counter()
    report = {
        "events": seen,
        "seconds": ended - began,
        "seconds_from_first": ended - first,
        "cpu_s": time.process_time() - cpu,
        "checksum": round(total, 3),
    }
    print(json.dumps(report), flush=True)
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
