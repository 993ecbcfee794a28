"""`python -m benchmarks.stress.soak`: hours at half of what the service can take; does anything grow?

A real Kafka, one `andon run` with all detectors, ten probes a second whose alerts are timed. Every half second memory,
threads and open files are looked at; the plot shows their course, and the trend is that of the second half against the
first (without the warm-up, a tenth).
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import click

from benchmarks.stress.curves import Curve, curves
from benchmarks.stress.feed import feeding
from benchmarks.stress.overload import Bench, Sizes, backlog
from benchmarks.stress.watched import Look, delete_topic, new_topic, percentile, watched
from deploy.kafka.local import LocalKafka

MINUTE_S = 60.0
RETENTION_BYTES = 200_000_000


@click.command(help=__doc__)
@click.option("--minutes", default=60.0, show_default=True, help="How long.")
@click.option("--rate", type=float, help="Readings a second; by default half of what a backlog shows to be possible.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
@click.option("--out", default="soak", show_default=True, type=click.Path(path_type=Path), help="Writes .svg and .csv.")
def main(minutes: float, rate: float | None, bootstrap: str | None, out: Path) -> None:
    """Measure, plot, print; the last line is one JSON object."""
    with tempfile.TemporaryDirectory(prefix="andon-soak-") as folder, ExitStack() as opened:
        directory = Path(folder)
        if bootstrap is None:
            bootstrap = opened.enter_context(LocalKafka(directory / "kafka")).bootstrap
        if rate is None:
            rate = backlog(Bench(bootstrap, directory, Sizes(1_000_000, 0), sustained=0))["rate"] / 2
        click.echo(f"{minutes:g} min at {rate:,.0f} readings/s, load {os.getloadavg()[0]:.1f}", err=True)
        name = f"soak-{uuid4().hex[:6]}"
        topic = new_topic(bootstrap, directory / name, name, retention_bytes=RETENTION_BYTES)
        with watched(topic) as (watch, probes):
            began_s = time.monotonic()
            with feeding(bootstrap, topic.name, "plant", rate=rate):
                _wait(minutes, watch.looks)
            probes.stop(wait_s=60)
            looks, late = list(watch.looks), [(at - began_s, seconds) for at, seconds in probes.late_s]
        delete_topic(topic)
    _write(out, looks, late)
    click.echo(json.dumps(_report(looks, late, rate=rate, minutes=minutes)))


def _wait(minutes: float, looks: list[Look]) -> None:
    ends = time.monotonic() + minutes * MINUTE_S
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, MINUTE_S))
        if looks:
            click.echo(json.dumps(looks[-1]._asdict()), err=True)


def _write(out: Path, looks: list[Look], late: list[tuple[float, float]]) -> None:
    with out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Look._fields)
        writer.writerows(looks)
    minutes = sorted({int(at // MINUTE_S) for at, _ in late})
    by_minute = {minute: [seconds for at, seconds in late if int(at // MINUTE_S) == minute] for minute in minutes}
    drawn = [
        Curve("memory, MB", [(look.at_s / MINUTE_S, look.memory_mb) for look in looks]),
        Curve("threads", [(look.at_s / MINUTE_S, look.threads) for look in looks]),
        Curve("open files", [(look.at_s / MINUTE_S, look.handles) for look in looks]),
        Curve("reading to alert, p99 of each minute, s", [(m, percentile(by_minute[m], 99)) for m in minutes]),
    ]
    out.with_suffix(".svg").write_text(curves(drawn, across="minutes"), encoding="utf-8")


def _report(looks: list[Look], late: list[tuple[float, float]], *, rate: float, minutes: float) -> dict[str, Any]:
    warm = looks[len(looks) // 10 :]
    halves = warm[: len(warm) // 2], warm[len(warm) // 2 :]
    span_s = looks[-1].at_s
    report: dict[str, Any] = {"minutes": minutes, "rate": round(rate), "read": looks[-1].read}
    for what in ("memory_mb", "threads", "handles"):
        report[what] = [round(median(getattr(look, what) for look in half), 1) for half in halves]
    for percent in (50, 99):
        parts = [[s for at, s in late if (at < span_s / 2) is first] for first in (True, False)]
        report[f"late_s_p{percent}"] = [round(percentile(part, percent), 3) for part in parts]
    return report


if __name__ == "__main__":
    main()
