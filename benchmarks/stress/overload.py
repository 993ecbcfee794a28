"""`python -m benchmarks.stress.overload`: more than the service can take, in six ways, and what that does to it.

A real Kafka, one `andon run` with all detectors, four lanes, a snapshot every ten seconds. Beside each load ten
probes a second, on all partitions: other assets whose alerts must come all the same. Broker, producers, service share
the machine, so a quiet one is a condition of the figures.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import click

from benchmarks.stress.feed import MIXES, feeding, publish, publish_at_once
from benchmarks.stress.watched import Probes, Topic, Watch, delete_topic, new_topic, percentile, watched
from deploy.kafka.local import LocalKafka

CATCH_UP_S_MAX = 300
SETTLE_S = 5.0
BURST_FACTOR = 10


class Sizes(NamedTuple):
    """How much."""

    backlog: int
    seconds: float
    """How long a load lasts."""


def main_table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    head = "| load | readings/s | memory MB | largest lag | caught up after | /healthz p50, max | /metrics p50, max "
    lines = [f"{head}| others' alerts p50, p99, max |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        health, metrics, late = (
            ", ".join(f"{seconds:.2f}" for seconds in row[name]) for name in ("health_s", "metrics_s", "late_s")
        )
        lines.append(
            f"| {row['load']} | {row['rate']:,.0f} | {row['memory_mb']:.0f} | {row['lag_rows']:,} "
            f"| {row['caught_up_s']:.0f} s | {health} s | {metrics} s | {late} s |"
        )
    return "\n".join(lines)


class Bench:
    """A broker for all loads."""

    def __init__(self, bootstrap: str, folder: Path, sizes: Sizes, *, sustained: float) -> None:
        self.bootstrap, self.sizes = bootstrap, sizes
        self.sustained = sustained
        """Readings a second that the service can take, as the backlog shows."""
        self._folder = folder

    def topic(self, name: str) -> Topic:
        """New topics, settings and state."""
        unique = f"{name.replace('_', '-')}-{uuid4().hex[:6]}"
        return new_topic(self.bootstrap, self._folder / unique, unique)


def backlog(bench: Bench) -> dict[str, Any]:
    """All of it is there before the service starts: what it can take."""
    topic = bench.topic("backlog")
    publish(bench.bootstrap, topic.name, "plant", count=bench.sizes.backlog)
    with watched(topic) as (watch, probes):
        seconds = watch.wait_until_caught_up(wait_s=CATCH_UP_S_MAX)
        row = _row("backlog", watch, probes, rate=bench.sizes.backlog / seconds, caught_up_s=seconds)
    delete_topic(topic)
    bench.sustained = row["rate"]
    return row


def burst(bench: Bench) -> dict[str, Any]:
    """What would take ten seconds is there at one moment: for as long as its end takes, at least ten times too much."""
    topic = bench.topic("burst")
    with watched(topic) as (watch, probes):
        time.sleep(SETTLE_S)
        count = int(BURST_FACTOR * bench.sustained)
        seconds = publish_at_once(bench.bootstrap, topic.second, "plant", count=count)
        began_s = time.monotonic() - seconds
        caught_up_s = watch.wait_until_caught_up(wait_s=CATCH_UP_S_MAX, read_min=count)
        row = _row("burst", watch, probes, rate=count / max(1.0, seconds), caught_up_s=caught_up_s, since_s=began_s)
    delete_topic(topic)
    return row


def steady(mix: str, *, rate: Callable[[Bench], float]) -> Callable[[Bench], dict[str, Any]]:
    """A load that goes on for a while."""

    def run(bench: Bench) -> dict[str, Any]:
        topic = bench.topic(mix)
        with watched(topic) as (watch, probes):
            with feeding(bench.bootstrap, topic.name, mix, rate=rate(bench)):
                time.sleep(bench.sizes.seconds)
            taken = watch.looks[-1].read / watch.looks[-1].at_s
            row = _row(mix.replace("_", " "), watch, probes, rate=taken, caught_up_s=_recovered(watch))
        delete_topic(topic)
        return row

    return run


LOADS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "backlog": backlog,
    "burst": burst,
    "hot_asset": steady("hot_asset", rate=lambda bench: bench.sustained / 2),
    "many_series": steady("many_series", rate=lambda _bench: 20_000),
    "new_series": steady("new_series", rate=lambda _bench: 10_000),
    "hopping_asset": steady("hopping_asset", rate=lambda _bench: 20_000),
}
assert set(LOADS) - {"backlog", "burst"} == set(MIXES) - {"plant"}


def _recovered(watch: Watch) -> float:
    return watch.wait_until_caught_up(wait_s=CATCH_UP_S_MAX)


def _row(
    load: str, watch: Watch, probes: Probes, *, rate: float, caught_up_s: float, since_s: float = 0.0
) -> dict[str, Any]:
    """What was seen; of the probes, those that were sent after a moment of the monotonic clock."""
    time.sleep(SETTLE_S)
    probes.stop(wait_s=CATCH_UP_S_MAX)
    if not probes.late_s or probes.missing:
        raise click.ClickException(f"{load}: {probes.missing} probes were never told, {len(probes.late_s)} were")
    late = [seconds for sent_s, seconds in probes.late_s if sent_s >= since_s]
    health, metrics = ([getattr(look, name) for look in watch.looks] for name in ("health_s", "metrics_s"))
    return {
        "load": load,
        "rate": rate,
        "memory_mb": max(look.memory_mb for look in watch.looks),
        "lag_rows": max(look.lag_rows for look in watch.looks),
        "caught_up_s": caught_up_s,
        "health_s": (percentile(health, 50), max(health)),
        "metrics_s": (percentile(metrics, 50), max(metrics)),
        "late_s": (percentile(late, 50), percentile(late, 99), max(late)),
        "probes": len(late),
    }


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(LOADS)), help="These loads.")
@click.option("--backlog", "count", default=5_000_000, show_default=True, help="Readings of the backlog.")
@click.option("--seconds", default=30.0, show_default=True, help="How long the other loads last.")
@click.option("--sustained", default=200_000.0, show_default=True, help="Readings a second, if no backlog is run.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(only: tuple[str, ...], count: int, seconds: float, sustained: float, bootstrap: str | None) -> None:
    """Measure and print; the last line is one JSON object."""
    click.echo(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", err=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="andon-overload-") as folder, ExitStack() as opened:
        directory = Path(folder)
        if bootstrap is None:
            bootstrap = opened.enter_context(LocalKafka(directory / "kafka")).bootstrap
        bench = Bench(bootstrap, directory, Sizes(count, seconds), sustained=sustained)
        for name in only or LOADS:
            rows.append(LOADS[name](bench))
            click.echo(json.dumps(rows[-1]), err=True)
    click.echo(main_table(rows))
    click.echo(json.dumps({"loads": rows}))


if __name__ == "__main__":
    main()
