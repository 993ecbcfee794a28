"""`andon simulate`: the simulated plant as a producer. Its readings go to Kafka, live and with faults."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import click
import numpy as np

from andon.durations import Duration
from contracts.findings import Kind
from contracts.loading import load
from dataflows.playback import Pace

if TYPE_CHECKING:
    from andon.plant import Fault
    from contracts.readings import Rows
    from contracts.settings import Kafka

__all__ = ["CYCLE_MS", "FIRST_FAULT_MS", "LIFE_MS", "command", "faults_from"]

CYCLE_MS = 16_200_000
"""Four and a half hours, in which each of the six faults happens once; then they come again, on other machines."""
FIRST_FAULT_MS = 120_000
"""Whoever starts it sees something after two minutes."""
LIFE_MS = 28 * 86_400_000
"""Then it ends, and whoever started it may start it again."""


@click.command()
@click.option(
    "--settings",
    "file",
    default="andon.toml",
    show_default=True,
    type=click.Path(),
    help="Where Kafka is, and what the readings' topic is called.",
)
@click.option(
    "--history",
    "history_ms",
    metavar="DURATION",
    default="4d",
    show_default=True,
    type=Duration(),
    help="Of the plant, sent first and at once, so that andon learns what is normal; not where the topic has readings.",
)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Another plant, other faults.")
def command(file: str, *, history_ms: int, seed: int) -> None:
    """Be a plant: send the readings of pumps, presses and ovens to Kafka, live, until SIGTERM or Ctrl-C.

    Every four and a half hours six things go wrong, the first two minutes after the start. What is next is said on
    standard error. For trying andon out where there is no plant.

    \b
    andon simulate --settings andon.toml
    andon simulate --history 1h --seed 3
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    from andon.interrupts import until_stopped  # noqa: PLC0415 - `andon --help` need not wait for the Kafka client
    from andon.plant import SAMPLE_MS, Plant  # noqa: PLC0415
    from andon.printing import Output, clock_of, lasting  # noqa: PLC0415
    from andon.publish import publish  # noqa: PLC0415

    settings = load(file, os.environ)
    output = Output(as_json=False)
    with until_stopped() as stop:
        start_ms = time.time_ns() // 1_000_000
        known = _has_readings(settings.kafka, wait_s=settings.service.broker_wait_s, stop=stop)
        if known is None:
            return
        faults = faults_from(start_ms, seed=seed)
        plant = Plant(
            seed, start_ms=start_ms - (SAMPLE_MS if known else history_ms), end_ms=start_ms + LIFE_MS, faults=faults
        )
        first = (
            "The topic has readings: no history is sent." if known else f"First the last {lasting(history_ms / 1000)}."
        )
        output.remark(f"A plant of {len(plant.names)} sensors speaks to {settings.kafka.own}. {first}")
        for fault in faults[:FAULTS_TOLD]:
            output.remark(f"{clock_of(fault.start_ms)}  {fault.kind}: {fault.asset} {fault.sensor}")
        sent = publish(
            plant,
            settings,
            pace=_Now(),
            stop=stop,
            on_reject=lambda _: None,
            on_progress=lambda _readings, _ts: None,
        )
        output.remark(f"{sent:,} messages sent.")


FAULTS_TOLD = 6


def faults_from(start_ms: int, *, seed: int) -> tuple[Fault, ...]:
    """What goes wrong after `start_ms`, in order of time: six faults a cycle, a limit first.

    Args:
        seed: of the first cycle; the next one's is one more.
    """
    from andon.plant import faults_of  # noqa: PLC0415

    lead = next(fault for fault in faults_of(seed, start_ms=0, end_ms=CYCLE_MS) if fault.kind is Kind.LIMIT)
    begin_ms = start_ms + FIRST_FAULT_MS - lead.start_ms
    faults = [
        fault
        for cycle in range(LIFE_MS // CYCLE_MS + 1)
        for fault in faults_of(
            seed + cycle, start_ms=begin_ms + cycle * CYCLE_MS, end_ms=begin_ms + (cycle + 1) * CYCLE_MS
        )
    ]
    return tuple(sorted((fault for fault in faults if fault.start_ms >= start_ms), key=lambda fault: fault.start_ms))


@dataclass(slots=True)
class _Now(Pace):
    """A reading is due when the world's clock says its time: what lies in the past is due at once."""

    def due(self, ts: Rows) -> int:
        """How many of these rows, from the first, are due now."""
        ahead = np.flatnonzero(ts > time.time_ns() // 1_000_000)
        return int(ahead[0]) if len(ahead) else len(ts)


def _has_readings(kafka: Kafka, *, wait_s: float, stop: Event) -> bool | None:
    """Whether the readings' topic holds messages; None if asked to stop meanwhile.

    Raises: SourceError if no broker answers, or the topic is missing.
    """
    from confluent_kafka import Consumer  # noqa: PLC0415

    from dataflows.kafka_client import available, client_settings, open_client, wait_for_topics  # noqa: PLC0415
    from dataflows.offsets import Partition  # noqa: PLC0415

    topic = kafka.own
    counts = wait_for_topics(kafka, [topic], wait_s=wait_s, stop=stop, hint="Create it: andon topics create.")
    if counts is None:
        return None
    consumer = open_client(Consumer, client_settings(kafka, group_id="andon-simulate", enable_auto_commit=False))
    try:
        there = available(consumer, [Partition(topic, number) for number in range(counts[topic])])
    finally:
        consumer.close()
    return any(each.end > each.first for each in there.values())
