"""`python -m benchmarks.peers`: andon with all of its detectors beside other engines with a z-score and limits.

All read the same topic on one broker, one after the other, in each round; slow ones read a shorter one. All peers must
have raised as many alerts, and andon must have found as many limits exceeded as they, or the run is void. The clock of
a peer runs from its first message to its last alert, andon's from its partitions' assignment to its last snapshot.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

import click
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.bars import Bar, bars
from benchmarks.machine import machine
from benchmarks.peers.contenders import CONTENDERS, Contender, Outcome, Work, take_part
from benchmarks.throughput.messages import create_topic, publish
from benchmarks.throughput.service import create_outputs, run_service, write_settings
from deploy.kafka.local import LocalKafka

ANDON = "andon, all detectors"
PARTITIONS = 8
LANES = 4


class _Topic(NamedTuple):
    name: str
    messages: int


@click.command(help=__doc__)
@click.option("--readings", default=2_000_000, show_default=True, help="Messages on the topic.")
@click.option("--readings-slow", default=200_000, show_default=True, help="Messages for slow peers.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--without-fetching", is_flag=True, help="Leave out the peers that andon doesn't need itself.")
@click.option("--plot", type=click.Path(path_type=Path), help="An SVG file to draw the outcome into.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(
    readings: int, readings_slow: int, rounds: int, plot: Path | None, bootstrap: str | None, *, without_fetching: bool
) -> None:
    """Measure and print; the last line is one JSON object."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-peers-")))
        if bootstrap is None:
            bootstrap = stack.enter_context(LocalKafka(directory / "kafka")).bootstrap
        contenders = [one for one in CONTENDERS if not (without_fetching and one.fetched)]
        report = _measure(directory, bootstrap, contenders, readings, readings_slow, rounds)
    if plot is not None:
        ranges = report["range"].items()
        shown = [Bar(name, middle, low, high, ours=name == ANDON) for name, (middle, low, high) in ranges]
        plot.write_text(bars(f"Processing a reading, {machine()}"[:110], "µs", shown), encoding="utf-8")
    print(json.dumps(report), flush=True)


def _measure(
    directory: Path, bootstrap: str, contenders: list[Contender], readings: int, readings_slow: int, rounds: int
) -> dict[str, Any]:
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    topic, short = _Topic(f"peers-{uuid4().hex[:8]}", readings), _Topic(f"peers-{uuid4().hex[:8]}", readings_slow)
    for one in (topic, short):
        for name, partitions in ((one.name, PARTITIONS), (f"{one.name}.peer-alerts", 1)):
            create_topic(bootstrap, name, partitions)
        publish(bootstrap, one.name, count=one.messages, partitions=PARTITIONS)
    for contender in contenders:  # what has to be fetched or compiled is, before any clock runs
        contender.command(_work(directory, bootstrap, short))
    us: dict[str, list[float]] = defaultdict(list)
    alerts: dict[int, set[int]] = defaultdict(set)
    limits: dict[int, set[int]] = defaultdict(set)
    print("\n| round | contender | messages | µs a message | processor µs a message | alerts | load |")
    print("|---|---|---|---|---|---|---|")
    for number in range(1, rounds + 1):
        for name, outcome in _round(directory, bootstrap, contenders, topic, short):
            us[name].append(outcome.seconds / outcome.events * 1e6)
            limits[outcome.events].add(outcome.limits)
            if name != ANDON:
                alerts[outcome.events].add(outcome.alerts)
            print(
                f"| {number} | {name} | {outcome.events:,} | {us[name][-1]:.2f} "
                f"| {outcome.cpu_s / outcome.events * 1e6:.2f} | {outcome.alerts} | {os.getloadavg()[0]:.1f} |",
                flush=True,
            )
    for what, found in (("alerts", alerts), ("limits", limits)):
        if any(len(counts) != 1 for counts in found.values()):
            raise SystemExit(f"contenders disagree about {what}: {dict(found)}; the comparison is void")
    ratios = {
        name: [theirs / ours for theirs, ours in zip(them, us[ANDON], strict=True)]
        for name, them in us.items()
        if name != ANDON
    }
    print("\n| contender | µs a message, median | times andon's, median (range) |\n|---|---|---|")
    for name, them in us.items():
        times = ratios.get(name, [1.0])
        print(f"| {name} | {median(them):.2f} | {median(times):.1f} ({min(times):.1f} to {max(times):.1f}) |")
    return {
        "us_per_event": {name: round(median(them), 3) for name, them in us.items()},
        "range": {
            name: [round(figure, 3) for figure in (median(them), min(them), max(them))] for name, them in us.items()
        },
        "ratio": {name: round(median(them), 2) for name, them in ratios.items()},
        "alerts": {str(count): min(counts) for count, counts in alerts.items()},
        "limits": {str(count): min(counts) for count, counts in limits.items()},
        "rounds": rounds,
    }


def _round(
    directory: Path, bootstrap: str, contenders: list[Contender], topic: _Topic, short: _Topic
) -> Iterator[tuple[str, Outcome]]:
    """What each did, andon first."""
    with tempfile.TemporaryDirectory(dir=directory) as state:
        yield ANDON, _andon(Path(state), bootstrap, topic)
    for contender in contenders:
        own = short if contender.slow else topic
        with tempfile.TemporaryDirectory(dir=directory) as state:
            outcome = take_part(contender, _work(Path(state), bootstrap, own), timeout_s=300 + own.messages / 2_000)
        if outcome.events != own.messages:
            raise SystemExit(f"{contender.name} took {outcome.events} of {own.messages}: the comparison is void")
        yield contender.name, outcome


def _andon(folder: Path, bootstrap: str, topic: _Topic) -> Outcome:
    outputs = f"{topic.name}-{uuid4().hex[:8]}"
    settings = write_settings(
        folder, bootstrap=bootstrap, topic=topic.name, state=folder / "state", lanes=LANES, outputs=outputs
    )
    create_outputs(settings)
    run = run_service(settings, timeout_s=120 + topic.messages / 20_000)
    if run.events != topic.messages:
        raise SystemExit(f"andon took {run.events} of {topic.messages} messages: the comparison is void")
    return Outcome(run.events, run.alerts, _limits_raised(bootstrap, f"{outputs}.alerts"), run.seconds, run.cpu_s)


def _limits_raised(bootstrap: str, topic: str) -> int:
    """How many alarms of the upper limit are on a topic of alerts."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "count", "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    raised = ended = 0
    while ended < len(partitions):
        message = consumer.poll(10)
        if message is None or message.error():
            ended += 1
            continue
        alert = json.loads(message.value() or b"{}")
        raised += (alert.get("kind"), alert.get("rule"), alert.get("transition")) == ("limit", "h", "raised")
    consumer.close()
    return raised


def _work(folder: Path, bootstrap: str, topic: _Topic) -> Work:
    return Work(bootstrap, topic.name, f"{topic.name}.peer-alerts", PARTITIONS, topic.messages, folder)


if __name__ == "__main__":
    main()
