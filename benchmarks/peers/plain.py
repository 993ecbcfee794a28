"""Plain Python: a loop of `consume(10000)`, `orjson.loads` and a dictionary; no recovery. Prints one JSON line."""

from __future__ import annotations

import json
import sys
import time

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.peers.job import Sensor, judge

__all__ = ["main"]


def main(bootstrap: str, topic: str, alerts_topic: str, partitions: int, count: int) -> None:
    """Do the job on the first `count` messages of a topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "plain",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
            "queued.min.messages": 100_000,
        }
    )
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
    sensors: dict[tuple[str, str], Sensor] = {}
    seen = alerts = limits = 0
    began = 0.0
    while seen < count:
        batch = consumer.consume(10_000, 0.1)
        if batch and not began:
            began = time.perf_counter()
        for message in batch:
            reading = orjson.loads(message.value())  # type: ignore[arg-type]  # no tombstones
            name = reading["asset"], reading["sensor"]
            sensor = sensors.get(name)
            if sensor is None:
                sensor = sensors[name] = Sensor()
            for rule in judge(sensor, reading["value"]):
                producer.produce(alerts_topic, orjson.dumps({**reading, "rule": rule}), message.key())
                alerts += 1
                limits += rule == "limit"
        seen += len(batch)
    producer.flush(30)
    seconds = time.perf_counter() - began
    print(json.dumps({"events": seen, "alerts": alerts, "limits": limits, "seconds": seconds}), flush=True)
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
