"""`make bench-gateways`: a gateway's sources against the bare libraries that they stand on, on this machine.

The bare library reads and throws away; ours is a gateway but for Kafka: it reads, filters, encodes, and a second thread
puts all on the disk, every value, none held back. What is reported is the ratio within a pair, interleaved, the median
of the rounds; absolute figures say as much about the machine. Devices and brokers are processes of their own; where
they are what bounds both, look at the processor time of a value, that of our second thread included. Kafka is left out,
but for `--latency`: from a machine through MQTT and a gateway process to a consumer of Kafka.
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from andon.collector import patient_collector
from benchmarks.gateways.latency import latency
from benchmarks.gateways.modbus import modbus
from benchmarks.gateways.mqtt import mqtt
from benchmarks.gateways.opcua import opcua
from benchmarks.gateways.s7 import s7
from benchmarks.gateways.sparkplug import sparkplug
from benchmarks.gateways.store import Store
from contracts.gateways import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE_MIN = 0.7
"""Of the bare library's values a second: what we mean to keep."""
PROTOCOLS = {"modbus": modbus, "s7": s7, "opcua": opcua, "mqtt": mqtt, "sparkplug": sparkplug}


class Figure(NamedTuple):
    """What one contender did in one round."""

    values_per_s: float
    cpu_us: float
    """Of this process, for one value."""


def timed(run: Callable[[], int]) -> Figure:
    """What one round makes."""
    began, cpu = time.perf_counter(), time.process_time()
    count = run()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    return Figure(count / took, used / max(count, 1) * 1e6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Gateways against the bare libraries.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each contender in a round")
    parser.add_argument("--only", choices=list(PROTOCOLS), action="append", help="one protocol; may be given again")
    parser.add_argument("--latency", action="store_true", help="how long a reading takes to Kafka, and nothing else")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # asyncua warns of each session, pymodbus tells all of a request that is broken off
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if arguments.latency:
        print(latency(seconds=arguments.seconds))
        return
    print(f"{arguments.rounds} rounds of {arguments.seconds:g} s; bound {Gateway().buffer_mb_max} MiB on disk")
    with tempfile.TemporaryDirectory() as folder, patient_collector():  # as in a gateway; here for both
        store = Store(Path(folder))
        for name in arguments.only or PROTOCOLS:
            with PROTOCOLS[name](arguments.seconds, store) as (bare, ours):
                _print(name, [(timed(bare), timed(ours)) for _ in range(arguments.rounds)])
        store.close()
    print(f"memory at the end: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most")


def _print(name: str, rounds: list[tuple[Figure, Figure]]) -> None:
    def median(pick: Callable[[tuple[Figure, Figure]], float]) -> float:
        return statistics.median(map(pick, rounds))

    shares = [pair[1].values_per_s / max(pair[0].values_per_s, 1) for pair in rounds]
    share, low, high = statistics.median(shares), min(shares), max(shares)
    processor = median(lambda pair: pair[0].cpu_us / max(pair[1].cpu_us, 1e-9))
    print(
        f"{name:<10} bare {median(lambda pair: pair[0].values_per_s):>10,.0f}/s"
        f" {median(lambda pair: pair[0].cpu_us):5.2f} us   ours {median(lambda pair: pair[1].values_per_s):>10,.0f}/s"
        f" {median(lambda pair: pair[1].cpu_us):5.2f} us   ratio {share:.2f} ({low:.2f}-{high:.2f}),"
        f" by processor time {processor:.2f}"
        f"{'' if share >= SHARE_MIN else f'  below {SHARE_MIN}'}"
    )


if __name__ == "__main__":
    main()
