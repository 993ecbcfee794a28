"""`python -m benchmarks.scale`: what many series and several processes cost, on a real Kafka.

State: a plant has a history, a reading a minute of each sensor, from which the service learns on a fresh state
directory. Then it is started again, with the plant on line, each sensor every ten seconds. What is measured is how long
both starts need until they read, for how long a snapshot keeps readings waiting (the longest time of the second run),
how large the saved state is, and how much memory the service takes.

Processes: a topic is read to its end by one, two, … processes in turn, in each round; ratios are within a round. The
clock runs from the first process that is ready to the last snapshot of the last one.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

import click
from confluent_kafka import Consumer, TopicPartition

from benchmarks.scale.grown import bytes_per_series
from benchmarks.scale.plant import history as publish_history
from benchmarks.scale.service import Service, moment, state_bytes, write_settings
from benchmarks.throughput.messages import create_topic, publish
from contracts.settings import Kafka
from dataflows.tail import Tail
from deploy.kafka.local import LocalKafka

PARTITIONS = 12
INTERVAL_S = 10.0
VERSIONS = ("bytewax", "confluent-kafka", "numba", "numpy")


class Bench(NamedTuple):
    """Where it takes place."""

    folder: Path
    bootstrap: str


class Plan(NamedTuple):
    """What is measured."""

    sizes: list[tuple[int, int]]
    """(series, seconds between two snapshots)"""
    seconds: float
    history: int
    stagger: bool
    readings: int
    processes: list[int]
    rounds: int


@click.command(help=__doc__)
@click.option("--series", default="100,1000,10000,100000", show_default=True, help="Sizes of the plant; empty: none.")
@click.option("--epochs", default="1,10,60", show_default=True, help="Seconds between two snapshots, for each size.")
@click.option("--seconds", default=150.0, show_default=True, help="How long the plant is watched each time.")
@click.option("--history", default=450, show_default=True, help="Minutes of it; 400 until everything is learned.")
@click.option("--stagger/--no-stagger", default=True, show_default=True, help="service.stagger_windows.")
@click.option("--readings", default=2_000_000, show_default=True, help="For the comparison of processes; 0: none.")
@click.option("--processes", default="1,2", show_default=True, help="Numbers of processes that are compared.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="At least 3 to be quoted.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(
    *,
    series: str,
    epochs: str,
    seconds: float,
    history: int,
    stagger: bool,
    readings: int,
    processes: str,
    rounds: int,
    bootstrap: str | None,
) -> None:
    """Measure and print; the last line is one JSON object."""
    sizes = [(size, epoch_s) for size in _numbers(series) for epoch_s in _numbers(epochs)]
    plan = Plan(sizes, seconds, history, stagger, readings, _numbers(processes), rounds)
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as directory:
        folder = Path(directory)
        print(_machine(), flush=True)
        if bootstrap:
            report = _measure(Bench(folder, bootstrap), plan)
        else:
            with LocalKafka(folder / "kafka") as broker:
                report = _measure(Bench(folder, broker.bootstrap), plan)
    print(json.dumps(report), flush=True)


def _measure(bench: Bench, plan: Plan) -> dict[str, Any]:
    report: dict[str, Any] = {}
    if plan.sizes:
        grown = report["grown_bytes_per_series"] = bytes_per_series()
        print(f"\nbytes a series after two days, ten to an asset: {grown}")
        print("\n| series | epoch s | stall s | worked s | bytes a series | memory MB | start s | restart s | load |")
        print("|---|---|---|---|---|---|---|---|---|")
        report["state"] = [_watch(bench, *size, plan) for size in plan.sizes]
    if plan.readings:
        report |= _compare(bench, plan.readings, plan.processes, plan.rounds)
    return report


def _watch(bench: Bench, series: int, epoch_s: int, plan: Plan) -> dict[str, Any]:
    """A plant of so many sensors is learned from, and then watched for a while."""
    topic = f"bench-{uuid4().hex[:8]}"
    create_topic(bench.bootstrap, topic, PARTITIONS)
    state = bench.folder / f"{topic}-state"
    settings = write_settings(
        bench.folder / f"{topic}.toml",
        bootstrap=bench.bootstrap,
        topic=topic,
        state=state,
        epoch_s=epoch_s,
        stagger=plan.stagger,
    )
    before = publish_history(bench.bootstrap, topic, series, plan.history)
    load = os.getloadavg()[0]
    with Service(settings, "--until-caught-up") as learning:
        learning.wait(wait_s=120 + before / 10_000)
        start_s = learning.seconds_to("first reading")
    command = [sys.executable, "-m", "benchmarks.scale.plant", bench.bootstrap, topic, str(series), str(INTERVAL_S)]
    plant = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        with Service(settings) as service:
            service.wait_for("first reading", wait_s=120)
            restart_s = service.seconds_to("first reading")
            time.sleep(plan.seconds)
            memory_mb = service.memory_mb()
            service.stop()
            (account,) = service.events("stopped")
    finally:
        plant.kill()
        plant.wait()
    sizes = state_bytes(state)
    found = {
        "series": series,
        "epoch_s": epoch_s,
        "stall_s_max": account["epoch_stall_s_max"],
        "stall_worked_s_max": account["epoch_stall_worked_s_max"],
        "bytes_per_series": round(sum(sizes.values()) / series),
        "bytes": sizes,
        "memory_mb": round(memory_mb),
        "start_s": round(start_s, 2),
        "restart_s": round(restart_s, 2),
        "history": before,
        "readings": account["readings"],
    }
    print(
        f"| {series} | {epoch_s} | {found['stall_s_max']:.2f} | {found['stall_worked_s_max']:.2f} "
        f"| {found['bytes_per_series']} | {found['memory_mb']} "
        f"| {found['start_s']} | {found['restart_s']} | {load:.1f} |",
        flush=True,
    )
    return found


class Reading(NamedTuple):
    """One run over the whole topic."""

    seconds: float
    cpu_s: list[float]
    """Of each process, from when it was ready."""
    taken: list[int]
    """Readings that each process took from Kafka."""
    judged: list[int]
    """Readings that each process judged: where the key groups are is nothing that partitions know."""
    alerts: int
    """Floods aside: they depend on the order in which raises of different key groups arrive (alarms/flood.py)."""


def _compare(bench: Bench, readings: int, processes: list[int], rounds: int) -> dict[str, Any]:
    topic = f"bench-{uuid4().hex[:8]}"
    create_topic(bench.bootstrap, topic, PARTITIONS)
    publish(bench.bootstrap, topic, count=readings, partitions=PARTITIONS)
    print(f"\n{readings:,} messages of one reading, {PARTITIONS} partitions, 12 lanes")
    print("\n| round | processes | µs a reading | faster than one | processor µs a reading, of each process | load |")
    print("|---|---|---|---|---|---|")
    runs: dict[int, list[Reading]] = {number: [] for number in processes}
    for turn in range(1, rounds + 1):
        for number in processes:
            load = os.getloadavg()[0]
            run = _read(bench, topic, readings, number, turn)
            runs[number].append(run)
            each = ", ".join(f"{_us(run, at):.2f}" for at in range(number))
            speedup = runs[processes[0]][-1].seconds / run.seconds
            print(
                f"| {turn} | {number} | {run.seconds / readings * 1e6:.2f} | {speedup:.2f} | {each} | {load:.1f} |",
                flush=True,
            )
    if len({run.alerts for found in runs.values() for run in found}) != 1:
        raise SystemExit("the runs raised different numbers of alerts: the comparison is void")
    first = runs[processes[0]]
    return {
        "processes": {
            str(number): {
                "us_per_event": round(median(run.seconds for run in found) / readings * 1e6, 3),
                "speedup": round(median(one.seconds / run.seconds for one, run in zip(first, found, strict=True)), 3),
                "cpu_us_per_event": [round(median(_us(run, at) for run in found), 3) for at in range(number)],
                "judged": found[-1].judged,
            }
            for number, found in runs.items()
        },
        "events": readings,
        "alerts": first[-1].alerts,
        "rounds": rounds,
    }


def _us(run: Reading, process: int) -> float:
    """Processor time of a process for each reading that it took and each that it judged, as a pair, µs."""
    return run.cpu_s[process] / (run.taken[process] + run.judged[process]) * 2e6


def _alerts(bench: Bench, topic: str) -> int:
    """How many alerts, floods aside, are on the topic of all runs."""
    kafka = Kafka(bootstrap_servers=bench.bootstrap)
    with Tail(kafka, f"{topic}.alerts", begin="beginning", wait_s=20.0, stop=threading.Event()) as tail:
        return sum(json.loads(message.value() or b"{}")["kind"] != "flood" for message in tail.what_is_there())


def _read(bench: Bench, topic: str, readings: int, processes: int, turn: int) -> Reading:
    settings = write_settings(
        bench.folder / f"{topic}-{processes}-{turn}.toml",
        bootstrap=bench.bootstrap,
        topic=topic,
        state=bench.folder / f"{topic}-{processes}-{turn}",
    )
    before = _alerts(bench, topic)
    with Service(settings, "--until-caught-up", "--processes", str(processes)) as service:
        service.wait(wait_s=120 + readings / 10_000)
        ready = {event.get("process", 0): event for event in service.events("ready")}
        stopped = {event.get("process", 0): event for event in service.events("stopped")}
    judged = [stopped[number]["readings"] for number in range(processes)]
    if sum(stopped[number]["results"]["accepted"] for number in range(processes)) != readings:
        raise SystemExit(f"{processes} processes took {judged} of {readings} readings: the comparison is void")
    return Reading(
        seconds=max(map(moment, stopped.values())) - min(map(moment, ready.values())),
        cpu_s=[stopped[number]["cpu_s"] - ready[number]["cpu_s"] for number in range(processes)],
        taken=[_ends(bench, topic, process, processes) for process in range(processes)],
        judged=judged,
        alerts=_alerts(bench, topic) - before,
    )


def _ends(bench: Bench, topic: str, process: int, processes: int) -> int:
    """How many messages are in the partitions that a process reads: there are as many lanes as partitions."""
    consumer = Consumer({"bootstrap.servers": bench.bootstrap, "group.id": "bench"})
    try:
        mine = [TopicPartition(topic, number) for number in range(process, PARTITIONS, processes)]
        return sum(consumer.get_watermark_offsets(partition, 20)[1] for partition in mine)
    finally:
        consumer.close()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip()]


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {versions}, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
