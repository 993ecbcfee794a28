"""The life of an event, from a reading to an alert. Read `build` from top to bottom.

Everything between the sources and the sinks travels with the key of its group, in blocks and never as single readings:
one item is the readings of one key group from one poll. Each key group's state lives in the three stateful steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from contracts.findings import Closed
from contracts.readings import Reject
from dataflows.happenings import Happenings
from dataflows.steps import AlarmsStep, SamplesStep, WindowsStep

if TYPE_CHECKING:
    from bytewax.inputs import Source
    from bytewax.outputs import Sink

    from contracts.settings import Settings
    from dataflows.steps import Item

__all__ = ["Sinks", "build"]


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the flow ends."""

    alerts: Sink[Any]
    """Takes (key of the group, AlertRecord)."""
    dead_letters: Sink[Any]
    """Takes (any key, Reject)."""


def build(
    settings: Settings,
    readings: Source[tuple[str, Item]],
    commands: Source[tuple[str, Item]],
    sinks: Sinks,
    happenings: Happenings | None = None,
) -> Dataflow:
    """The one dataflow of andon: the same for Kafka, for a recording, for the simulated plant and for tests.

    Step ids name the saved state: renaming one loses it.

    Args:
        settings: what is watched, and how.
        readings: lanes of blocks, rejects and ticks.
        commands: what people ask for; rejects of what can't be done.
        sinks: for alerts and for dead letters.
        happenings: the metrics of this process; its own, unseen, by default.
    """
    happenings = happenings or Happenings()
    flow = Dataflow("andon")

    arrived = op.input("lanes", flow, readings)
    asked = op.input("commands", flow, commands)
    received = op.branch("rejects", op.merge("received", arrived, asked), is_reject)
    op.output("dead_letters", received.trues, sinks.dead_letters)

    sampled = op.stateful_batch("samples", received.falses, SamplesStep.builder(settings, happenings))
    closed = op.branch("closed", sampled, is_closed)  # the big state of the windows is woken by nothing else
    judged = op.stateful_batch("windows", closed.trues, WindowsStep.builder(settings, happenings))

    findings = op.merge("findings", closed.falses, judged)
    alerts = op.stateful_batch("alarms", findings, AlarmsStep.builder(settings, happenings))
    op.output("alerts", alerts, sinks.alerts)
    return flow


def is_reject(item: tuple[str, Item]) -> bool:
    """Bad data leaves the flow at its door."""
    return isinstance(item[1], Reject)


def is_closed(item: tuple[str, Item]) -> bool:
    """Closed windows go on to the learned detectors; findings go past them."""
    return isinstance(item[1], Closed)
