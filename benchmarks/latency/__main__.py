"""`python -m benchmarks.latency`: how long from a reading to its alert, at some steady paces, on a real Kafka.

A plant produces readings; about 20 a second exceed their limit. Latency is the time from handing such a reading to the
producer to receiving its alert: both ends' clients, the broker twice, and all that andon does, snapshots included. The
service runs as a user starts it, with all detectors.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import click
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.bars import Bar, bars
from benchmarks.machine import machine
from benchmarks.throughput.messages import create_topic
from benchmarks.throughput.service import create_outputs, write_settings
from deploy.kafka.local import LocalKafka

PARTITIONS = 8
LANES = 4
READY_WAIT_S = 240.0
LAST_WAIT_S = 60.0
"""How long the last alerts may take to come, before they count as lost."""

PLANTS = ("900x900", "9000x9000", "45000x900", "45000x45000")


class Plant(NamedTuple):
    """Messages a second, and the sensors that they come from."""

    rate: int
    sensors: int


class Latencies(NamedTuple):
    """Of one plant, in ms."""

    p50: float
    p99: float
    longest: float
    alerts: int
    late: float
    """How far the producer itself fell behind its pace, at the worst."""


@click.command(help=__doc__)
@click.option(
    "--plant", "plants", multiple=True, default=PLANTS, show_default=True, help="Messages a second x sensors."
)
@click.option(
    "--seconds", default=70.0, show_default=True, help="For each plant: more than a minute, so windows close."
)
@click.option("--plot", type=click.Path(path_type=Path), help="An SVG file to draw the outcome into.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(plants: Sequence[str], seconds: float, plot: Path | None, bootstrap: str | None) -> None:
    """Measure and print; the last line is one JSON object."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-latency-")))
        if bootstrap is None:
            bootstrap = stack.enter_context(LocalKafka(directory / "kafka")).bootstrap
        print(
            f"{machine()}, load {os.getloadavg()[0]:.1f}; {PARTITIONS} partitions, {LANES} lanes, {seconds:g} s each\n"
        )
        print("| readings/s | sensors | alerts | p50 ms | p99 ms | longest ms | producer late by ms | load |")
        print("|---|---|---|---|---|---|---|---|")
        report: dict[str, Any] = {}
        shown: list[Bar] = []
        for number, text in enumerate(plants):
            plant = Plant(*(int(figure) for figure in text.split("x")))
            folder = directory / str(number)
            folder.mkdir()
            found = _measure(folder, bootstrap, plant, seconds)
            name = f"{plant.rate:,}/s of {plant.sensors:,} sensors"
            shown.append(Bar(name, found.p99, found.p50, found.longest, ours=True))
            report[text] = {key: round(value, 1) for key, value in found._asdict().items()}
            print(
                f"| {plant.rate:,} | {plant.sensors:,} | {found.alerts} | {found.p50:.1f} | {found.p99:.1f} "
                f"| {found.longest:.1f} | {found.late:.1f} | {os.getloadavg()[0]:.1f} |",
                flush=True,
            )
    if plot is not None:
        title = f"From reading to alert: 99 % within the bar, its line from the median to the longest; {machine()}"
        plot.write_text(bars(title[:110], "ms", shown), encoding="utf-8")
    print(json.dumps(report), flush=True)


def _measure(folder: Path, bootstrap: str, plant: Plant, seconds: float) -> Latencies:
    topic = f"latency-{uuid4().hex[:8]}"
    create_topic(bootstrap, topic, PARTITIONS)
    settings = write_settings(folder, bootstrap=bootstrap, topic=topic, state=folder / "state", lanes=LANES)
    create_outputs(settings)
    consumer = _alerts_of(bootstrap, f"{topic}.alerts")
    received: dict[tuple[str, str, int], float] = {}
    with _service(folder, settings):
        figures = [str(figure) for figure in (PARTITIONS, plant.rate, plant.sensors, seconds)]
        told_in = folder / "load.json"  # a pipe that nobody reads meanwhile would keep it from its end
        with told_in.open("wb") as stdout:
            command = [sys.executable, "-m", "benchmarks.latency.load", bootstrap, topic, *figures]
            load = subprocess.Popen(command, stdout=stdout)
        while load.poll() is None:
            _receive(consumer, received)
        told = json.loads(told_in.read_bytes())
        wanted = {(asset, sensor, ts): at for asset, sensor, ts, at in told["excesses"]}
        deadline = time.monotonic() + LAST_WAIT_S
        while not wanted.keys() <= received.keys() and time.monotonic() < deadline:
            _receive(consumer, received)
    consumer.close()
    if lost := wanted.keys() - received.keys():
        raise SystemExit(f"{len(lost)} of {len(wanted)} alerts didn't come, {min(lost)} among them")
    took_ms = np.array([(received[name] - at) * 1000 for name, at in wanted.items()])
    p50, p99 = np.percentile(took_ms, [50, 99]).tolist()
    return Latencies(p50, p99, float(took_ms.max()), len(took_ms), told["late_s"] * 1000)


def _alerts_of(bootstrap: str, topic: str) -> Consumer:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "latency", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    # A broker makes its fifty partitions of offsets at the first commit ever; one that is in service did that long ago.
    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    return consumer


def _receive(consumer: Consumer, received: dict[tuple[str, str, int], float]) -> None:
    """Note when the alerts came that came now, by asset, sensor and time."""
    message = consumer.poll(0.1)
    if message is None or message.error():
        return
    now = time.time()
    alert = json.loads(message.value() or b"{}")
    if (alert.get("kind"), alert.get("rule"), alert.get("transition")) == ("limit", "h", "raised"):
        received.setdefault((alert["asset"], alert["sensor"], alert["ts"]), now)


@contextmanager
def _service(folder: Path, settings: Path) -> Iterator[None]:
    """`andon run`, from the moment at which it reads.

    Raises: RuntimeError with its last lines if it doesn't get there, or fails.
    """
    log = folder / "log"
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "andon", "run", "--settings", str(settings)]
        process = subprocess.Popen(command, stderr=stream, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_WAIT_S
        while b'"ready"' not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"andon run isn't ready:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
        process.send_signal(signal.SIGTERM)
        if code := process.wait(60):
            raise RuntimeError(f"andon run ended with exit code {code}:\n{log.read_text(errors='replace')[-2000:]}")
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
