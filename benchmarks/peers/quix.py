"""Quix Streams as its tutorials write it: a function with state for each message, grouped by the message's key.

Runs in an environment of its own, because it wants another confluent-kafka than andon. Prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from quixstreams import Application

from benchmarks.peers.job import Sensor, judge

__all__ = ["main"]


def main(bootstrap: str, topic: str, alerts_topic: str, count: int, state: str) -> None:
    """Do the job on the first `count` messages of a topic."""
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"{topic}-quix-{uuid4().hex[:8]}",  # one that has read the topic before would wait for more
        auto_offset_reset="earliest",
        commit_interval=10.0,
        state_dir=state,
        loglevel="ERROR",
        consumer_extra_config={"fetch.queue.backoff.ms": 10},
    )
    progress = {"events": 0, "alerts": 0, "limits": 0}
    began = [0.0]

    def work(reading: dict[str, Any], store: Any) -> list[dict[str, Any]]:
        began[0] = began[0] or time.perf_counter()
        progress["events"] += 1
        name = reading["sensor"]  # the state is that of the message's key, the asset
        sensor = Sensor(**(store.get(name) or {}))
        begins = judge(sensor, reading["value"])
        store.set(name, asdict(sensor))
        progress["alerts"] += len(begins)
        progress["limits"] += "limit" in begins
        if progress["events"] == count:
            app.stop()  # what is before it is committed
        return [{**reading, "rule": rule} for rule in begins]

    readings = app.topic(topic, value_deserializer="json", key_deserializer="str")
    alerts = app.topic(alerts_topic, value_serializer="json", key_serializer="str")
    app.dataframe(readings).apply(work, stateful=True, expand=True).to_topic(alerts)
    app.run()
    print(json.dumps({**progress, "seconds": time.perf_counter() - began[0]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
