"""The life of an event, from a reading to an alert. Read `build` from top to bottom.

Everything between the sources and the sinks travels with the key of its group, in blocks and never as single readings:
one item is the readings of one key group from one poll. Each key group's state lives in the three stateful steps; what
is about the plant as a whole, floods, in the fourth.

Commands go the way of the readings, so that they meet them in order: past detection, where learning pauses, to alarms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from alarms.flood import Raises
from contracts.alerts import AlertRecord
from contracts.commands import Command, Verb
from contracts.findings import Closed
from contracts.readings import Reject
from dataflows.cluster import News
from dataflows.collect import Hand
from dataflows.happenings import Happenings
from dataflows.steps import AlarmsStep, FloodRecorded, FloodStep, Lagging, SamplesStep, WindowsStep

if TYPE_CHECKING:
    from bytewax.inputs import Source
    from bytewax.outputs import Sink

    from contracts.settings import Settings
    from dataflows.steps import Item
    from detectors.trace import Tracer

__all__ = ["Sinks", "build"]


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the flow ends."""

    alerts: Sink[Any]
    """Takes (any key, AlertRecord)."""
    dead_letters: Sink[Any]
    """Takes (any key, Reject)."""
    alarms: Sink[Any]
    """Takes (any key, AlarmRecord)."""
    news: Sink[Any] = field(default_factory=lambda: Hand(_pass))
    """Takes (the ear of a process, News)."""


def build(
    settings: Settings,
    readings: Source[tuple[str, Item]],
    commands: Source[tuple[str, Item]],
    sinks: Sinks,
    happenings: Happenings | None = None,
    tracer: Tracer | None = None,
    *,
    inventory: Source[tuple[str, Item]] | None = None,
) -> Dataflow:
    """The one dataflow of andon: the same for Kafka, for a recording, for the simulated plant and for tests.

    Step ids name the saved state: renaming one loses it.

    Args:
        settings: what is watched, and how.
        readings: lanes of blocks, rejects and ticks.
        commands: what people ask for, rejects of what can't be read, and what the alarm-state topic said at the start.
        sinks: for alerts, for dead letters and for the state of alarms.
        happenings: the metrics of this process; its own, unseen, by default.
        inventory: what gateways say of devices, as findings; None where nobody asks.
        tracer: is handed what the learned detectors made of each window; for tools that work on recordings.
    """
    happenings = happenings or Happenings()
    flow = Dataflow("andon")

    arrived = op.input("lanes", flow, readings)
    asked = op.input("commands", flow, commands)
    received = op.branch("beside", op.merge("received", arrived, asked), is_beside)
    beside = op.branch("rejects", received.trues, is_reject)

    sampled = op.stateful_batch("samples", received.falses, SamplesStep.builder(settings, happenings))
    closed = op.branch("closed", sampled, is_for_windows)  # the big state of the windows is woken by nothing else
    judged = op.stateful_batch("windows", closed.trues, WindowsStep.builder(settings, happenings, tracer))

    found = (
        (closed.falses, judged)
        if inventory is None
        else (closed.falses, judged, op.input("inventory", flow, inventory))
    )
    findings = op.merge("findings", *found)
    decided = op.stateful_batch("alarms", findings, AlarmsStep.builder(settings, happenings))
    raises = op.branch("raises", decided, is_for_flood)
    of_site = op.map("site", raises.trues, lambda item: (settings.site.name, item[1]))
    flooded = op.stateful_batch("flood", of_site, FloodStep.builder(settings, happenings))

    told = op.branch("refused", op.merge("told", raises.falses, flooded), is_reject)
    op.output("dead_letters", op.merge("set_aside", beside.trues, told.trues), sinks.dead_letters)
    records = op.branch("records", told.falses, is_alert)
    op.output("alerts", records.trues, sinks.alerts)
    op.output("alarm_states", records.falses, sinks.alarms)
    op.output("news", beside.falses, sinks.news)
    return flow


def is_beside(item: tuple[str, Item]) -> bool:
    """What isn't for the steps: rejects, and what processes tell each other."""
    return isinstance(item[1], Reject | News)


def is_reject(item: tuple[str, Item]) -> bool:
    """Bad data, and commands that can't be done, end as dead letters."""
    return isinstance(item[1], Reject)


def is_for_windows(item: tuple[str, Item]) -> bool:
    """Closed windows, and what people say of anomalies, go to the learned detectors; all else goes past them."""
    carried = item[1]
    return isinstance(carried, Closed | Lagging) or (isinstance(carried, Command) and carried.verb is Verb.FEEDBACK)


def is_for_flood(item: tuple[str, Item]) -> bool:
    """What alarms tell of themselves only to the flood step."""
    return isinstance(item[1], Raises | FloodRecorded)


def is_alert(item: tuple[str, Item]) -> bool:
    """Transitions are alerts; what stands after them is another record."""
    return isinstance(item[1], AlertRecord)


def _pass(_news: News) -> None:
    """A process that stands alone hears none."""
