"""`python -m benchmarks.throughput`: andon end to end against a bare consume-and-decode loop, on a real Kafka.

Each round runs the reference and then the service, each in a fresh process, so that whatever else the machine does
falls on both. The figure is the ratio of their times in one round; the median of all rounds is what counts. Absolute
times say little: broker, producer and contenders share the machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import click

from benchmarks.throughput.messages import create_topic, publish
from benchmarks.throughput.service import Run, run_service, write_settings
from deploy.kafka.local import LocalKafka

PARTITIONS = 8
VERSIONS = ("bytewax", "confluent-kafka", "numba", "numpy", "orjson")


@click.command(help=__doc__)
@click.option("--readings", default=2_000_000, show_default=True, help="Messages on the topic.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1), help="At least 3 to be quoted.")
@click.option("--lanes", default=4, show_default=True, help="service.lanes of the contender.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(readings: int, rounds: int, lanes: int, bootstrap: str | None) -> None:
    """Measure and print; the last line is one JSON object."""
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
        directory = Path(folder)
        if bootstrap:
            report = _measure(directory, bootstrap, readings=readings, rounds=rounds, lanes=lanes)
        else:
            with LocalKafka(directory / "kafka") as broker:
                report = _measure(directory, broker.bootstrap, readings=readings, rounds=rounds, lanes=lanes)
    print(json.dumps(report), flush=True)


def _measure(directory: Path, bootstrap: str, *, readings: int, rounds: int, lanes: int) -> dict[str, Any]:
    topic = f"bench-{uuid4().hex[:8]}"
    print(f"{_machine()}, load {os.getloadavg()[0]:.1f}")
    create_topic(bootstrap, topic, PARTITIONS)
    size = publish(bootstrap, topic, count=readings, partitions=PARTITIONS)
    print(f"{readings:,} messages of {size / readings:.0f} bytes, {PARTITIONS} partitions, {lanes} lanes, one process")
    _create_outputs(directory, bootstrap, topic, lanes)
    print("\n| round | reference µs | andon µs | ratio | reference CPU s | andon CPU s | load |")
    print("|---|---|---|---|---|---|---|")
    outcomes = [_round(number, directory, bootstrap, topic, readings, lanes) for number in range(1, rounds + 1)]
    ratios = [reference["seconds"] / run.seconds for reference, run in outcomes]
    last = outcomes[-1][1]
    print(f"\nwhere andon's time went in the last round (s): {dict(last.stages)}")
    print(f"ratio: median {median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds\n")
    return {
        "ratio": round(median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "us_per_event": round(median(run.seconds for _, run in outcomes) / readings * 1e6, 3),
        "us_reference": round(median(reference["seconds"] for reference, _ in outcomes) / readings * 1e6, 3),
        "events": last.events,
        "alerts": last.alerts,
        "rounds": rounds,
    }


def _round(
    number: int, directory: Path, bootstrap: str, topic: str, readings: int, lanes: int
) -> tuple[dict[str, Any], Run]:
    """The reference, then the service, each on its own."""
    load = os.getloadavg()[0]
    reference = _reference(bootstrap, topic, readings)
    settings = write_settings(
        directory, bootstrap=bootstrap, topic=topic, state=directory / f"state-{number}", lanes=lanes
    )
    run = run_service(settings, timeout_s=120 + readings / 20_000)
    for name, seen in (("reference", reference["events"]), ("andon", run.events)):
        if seen != readings:
            raise SystemExit(f"{name} took {seen} of {readings} messages: the comparison is void")
    if not run.alerts:
        raise SystemExit("andon raised no alert: the comparison is void")
    print(
        f"| {number} | {reference['seconds'] / readings * 1e6:.2f} | {run.seconds / readings * 1e6:.2f} "
        f"| {reference['seconds'] / run.seconds:.2f} | {reference['cpu_s']:.1f} | {run.cpu_s:.1f} | {load:.1f} |",
        flush=True,
    )
    return reference, run


def _reference(bootstrap: str, topic: str, readings: int) -> dict[str, Any]:
    arguments = [bootstrap, topic, str(PARTITIONS), str(readings)]
    command = [sys.executable, "-m", "benchmarks.throughput.reference", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120 + readings / 20_000)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _create_outputs(directory: Path, bootstrap: str, topic: str, lanes: int) -> None:
    """The topics that the service writes to, made by its own command."""
    file = write_settings(directory, bootstrap=bootstrap, topic=topic, state=directory / "state", lanes=lanes)
    command = [sys.executable, "-m", "andon", "topics", "create", str(file)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=60)


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {versions}"


if __name__ == "__main__":
    main()
