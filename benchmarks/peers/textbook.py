"""Bytewax as its tutorials write it: an item a reading, a key a sensor, its own Kafka source and sink, River inside.

Recovery is on, with epochs of 10 s. Prints one JSON line.
"""

from __future__ import annotations

import json
import math
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main
from river import stats

from benchmarks.peers.job import HIGH, LOW, WARM_UP, Z

__all__ = ["main"]


class _Progress:
    events = 0
    alerts = 0
    limits = 0
    began = 0.0


def main(bootstrap: str, topic: str, alerts_topic: str, store: Path) -> None:
    """Do the job on a topic, to its end."""
    progress = _Progress()

    def read(message: Any) -> tuple[str, dict[str, Any]]:
        if not progress.began:
            progress.began = time.perf_counter()
        progress.events += 1
        reading = orjson.loads(message.value)
        return f"{reading['asset']}/{reading['sensor']}", reading

    def judge(state: Any, reading: dict[str, Any]) -> tuple[Any, list[KafkaSinkMessage[bytes, bytes]]]:
        variance, was_over, was_odd = state if state is not None else (stats.Var(ddof=0), False, False)
        value = reading["value"]
        begins = []
        over = value > HIGH or value < LOW
        if over and not was_over:
            begins.append("limit")
        odd = was_odd
        if variance.mean.n >= WARM_UP:
            odd = abs(value - variance.mean.get()) > Z * math.sqrt(variance.get())
            if odd and not was_odd:
                begins.append("z")
        variance.update(value)
        progress.alerts += len(begins)
        progress.limits += "limit" in begins
        out = [KafkaSinkMessage(reading["asset"].encode(), orjson.dumps({**reading, "rule": rule})) for rule in begins]
        return (variance, over, odd), out

    store.mkdir(parents=True)
    init_db_dir(store, 1)
    flow = Dataflow("textbook")
    source = kop.input("readings", flow, brokers=[bootstrap], topics=[topic], tail=False)
    keyed = op.map("read", source.oks, read)
    judged = op.stateful_map("judge", keyed, judge)
    alerts = op.flat_map("alerts", judged, lambda item: item[1])
    kop.output("out", alerts, brokers=[bootstrap], topic=alerts_topic)
    run_main(flow, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(store))
    seconds = time.perf_counter() - progress.began
    told = {"events": progress.events, "alerts": progress.alerts, "limits": progress.limits, "seconds": seconds}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
