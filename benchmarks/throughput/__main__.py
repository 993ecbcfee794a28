"""`python -m benchmarks.throughput`: andon end to end against a bare consume-and-decode loop, on a real Kafka.

Each round runs the reference and then the service, each in a fresh process, so that whatever else the machine does
falls on both. The figure is the ratio of their times in one round; the median of all rounds is what counts. Absolute
times say little: broker, producer and contenders share the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

import click

from benchmarks.bars import Bar, bars
from benchmarks.machine import machine
from benchmarks.throughput.messages import SENSORS, create_topic, publish
from benchmarks.throughput.service import Run, create_outputs, run_service, write_settings
from deploy.kafka.local import LocalKafka

PARTITIONS = 8
ANDON, REFERENCE = "andon, all detectors", "consume and orjson.loads"


class Plan(NamedTuple):
    """What is measured."""

    readings: int
    rounds: int
    lanes: int
    many: bool
    """Nine readings a message."""


@click.command(help=__doc__)
@click.option("--readings", default=4_000_000, show_default=True, help="On the topic.")
@click.option("--many", is_flag=True, help="Nine readings a message instead of one.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1), help="At least 3 to be quoted.")
@click.option("--lanes", default=4, show_default=True, help="service.lanes of the contender.")
@click.option("--plot", type=click.Path(path_type=Path), help="An SVG file to draw the outcome into.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(readings: int, rounds: int, lanes: int, plot: Path | None, bootstrap: str | None, *, many: bool) -> None:
    """Measure and print; the last line is one JSON object."""
    plan = Plan(readings, rounds, lanes, many)
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
        directory = Path(folder)
        if bootstrap:
            report = _measure(directory, bootstrap, plan=plan)
        else:
            with LocalKafka(directory / "kafka") as broker:
                report = _measure(directory, broker.bootstrap, plan=plan)
    if plot is not None:
        ranges = report["range"].items()
        shown = [Bar(name, middle, low, high, ours=name == ANDON) for name, (middle, low, high) in ranges]
        plot.write_text(bars(f"Taking a reading, {machine()}"[:110], "µs", shown), encoding="utf-8")
    print(json.dumps(report), flush=True)


def _measure(directory: Path, bootstrap: str, *, plan: Plan) -> dict[str, Any]:
    readings, rounds, lanes, many = plan
    topic = f"bench-{uuid4().hex[:8]}"
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    create_topic(bootstrap, topic, PARTITIONS)
    size = publish(bootstrap, topic, count=readings, partitions=PARTITIONS, many=many)
    count = -(-readings // (len(SENSORS) if many else 1))
    print(f"{readings:,} readings in {count:,} messages of {size / count:.0f} bytes")
    print(f"{PARTITIONS} partitions, {lanes} lanes, one process")
    create_outputs(write_settings(directory, bootstrap=bootstrap, topic=topic, state=directory / "state", lanes=lanes))
    print("\n| round | reference µs | andon µs | ratio | reference CPU s | andon CPU s | load |")
    print("|---|---|---|---|---|---|---|")
    outcomes = [_round(number, directory, bootstrap, topic, readings, lanes) for number in range(1, rounds + 1)]
    ratios = [reference["seconds"] / run.seconds for reference, run in outcomes]
    us = {
        REFERENCE: [reference["seconds"] / readings * 1e6 for reference, _ in outcomes],
        ANDON: [run.seconds / readings * 1e6 for _, run in outcomes],
    }
    last = outcomes[-1][1]
    print(f"\nwhere andon's time went in the last round (s): {dict(last.stages)}")
    print(f"ratio: median {median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds\n")
    return {
        "ratio": round(median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "us_per_event": round(median(us[ANDON]), 3),
        "us_reference": round(median(us[REFERENCE]), 3),
        "range": {
            name: [round(figure, 3) for figure in (median(found), min(found), max(found))] for name, found in us.items()
        },
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
            raise SystemExit(f"{name} took {seen} of {readings} readings: the comparison is void")
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


if __name__ == "__main__":
    main()
