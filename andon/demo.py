"""`andon demo`: a simulated plant with faults, watched by the same dataflow as a real one. No broker needed."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from andon.console.simulated import SimulatedConsole, Watched
from andon.engine import run_flow
from andon.interrupts import until_stopped
from andon.plant import DAY_MS, LIVE_MS_MIN, Plant, faults_of
from andon.printing import Output, clock_of, lasting
from andon.verdict import judge
from contracts.alerts import Transition
from contracts.findings import Kind
from contracts.loading import load
from dataflows.collect import Hand
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback

if TYPE_CHECKING:
    from threading import Event

    from andon.printing import Bar
    from andon.verdict import Verdict
    from contracts.alerts import Alert, AlertRecord

__all__ = ["SETTINGS_PATH", "command"]

SETTINGS_PATH = Path(__file__).with_name("demo.toml")
LIVE_START_MS = int(datetime(2026, 3, 2, 6, tzinfo=UTC).timestamp() * 1000)
"""A Monday, six in the morning: always the same, so that a seed always gives the same demo."""
HISTORY_DAYS = 4
"""Detectors of drift listen for three days before they judge, and then for half a day what is normal."""
INTERRUPTED = 130

_WHAT_HAPPENS = {
    Kind.LIMIT: "climbs past its limit",
    Kind.RATE: "jumps up",
    Kind.FLATLINE: "sticks at one value",
    Kind.STALE: "falls silent",
    Kind.ANOMALY: "is off its usual level, within limits",
    Kind.DRIFT: "creeps away, slowly",
}


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(min=1, max=86_400), default=60, show_default=True, help="How long to watch."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=1, max=100_000),
    default=600,
    show_default=True,
    help="How many times faster than the world: 600 makes an hour of six seconds.",
)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Another plant, other faults.")
@click.option("--json", "as_json", is_flag=True, help="Alerts as NDJSON, and the verdict as the last line.")
@click.option("--page/--no-page", "with_page", default=True, show_default=True, help="Serve the operators' page too.")
@click.option(
    "--stay/--no-stay",
    default=None,
    help="Keep the page until Ctrl-C when the demo is over; by default only on a terminal.",
)
def command(*, seconds: float, speed: float, seed: int, as_json: bool, with_page: bool, stay: bool | None) -> None:
    """Watch a simulated plant in which six known things go wrong, and see which are found.

    No broker is needed. The same alarms are on the operators' web page, whose address is printed: on a terminal it
    stays until Ctrl-C. Exit code 0: all six were found, with at most one false alarm; else 1.

    \b
    andon demo
    andon demo --seconds 30 --seed 3
    andon demo --json | jq -r .message
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    live_ms = round(seconds * speed * 1000)
    if live_ms < LIVE_MS_MIN:
        raise click.UsageError(
            f"{seconds:g} s at speed {speed:g} are {lasting(live_ms / 1000)} of the plant's time, and six faults need "
            f"{lasting(LIVE_MS_MIN / 1000)}: give more --seconds or more --speed."
        )
    output = Output(as_json=as_json)
    demo = _Demo(output, seed=seed, speed=speed, live_ms=live_ms)
    with demo.console as console:
        demo.introduce(seconds, page=console.open() if with_page else "")
        stopped = demo.run()
        verdict = judge(demo.faults, demo.live_alerts)
        document = verdict.document() | {
            "history_alarms": demo.history_alarm_count,
            "readings": demo.reading_count,
            "seed": seed,
            "stopped": stopped,
        }
        output.result(document, _table(verdict))
        output.remark(_closing(verdict, demo.history_alarm_count))
        if console.url is not None and not stopped and (not output.as_json if stay is None else stay):
            output.remark(f"The page stays as it is until Ctrl-C: {console.url}")
            with until_stopped() as stop:
                stop.wait()
    sys.exit(INTERRUPTED if stopped else 0 if verdict.good else 1)


class _Demo:
    """One run: first the history at full speed, then the plant live."""

    def __init__(self, output: Output, *, seed: int, speed: float, live_ms: int) -> None:
        end_ms = LIVE_START_MS + live_ms
        self.faults = faults_of(seed, start_ms=LIVE_START_MS, end_ms=end_ms)
        self.live_alerts: list[Alert] = []
        self.history_alarm_count = 0
        self.reading_count = 0
        self._output = output
        self._speed = speed
        self._live_ms = live_ms
        self._start_ms = LIVE_START_MS - HISTORY_DAYS * DAY_MS
        self._live = False
        self._began = 0.0
        self._plant = Watched(Plant(seed, start_ms=self._start_ms, end_ms=end_ms, faults=self.faults))
        self._settings = load(SETTINGS_PATH, {})
        self.console = SimulatedConsole(self._settings, self._plant, live_ms=LIVE_START_MS, speed=speed, seed=seed)

    def introduce(self, seconds: float, *, page: str) -> None:
        """Say what one is about to see.

        Args:
            page: where the operators' page is, or why there is none; empty: it isn't wanted.
        """
        assets = {asset for asset, _ in self._plant.names.pairs}
        self._output.remark(
            f"A simulated plant of {len(assets)} pumps, presses and ovens with {len(self._plant.names)} sensors. First "
            f"its last {HISTORY_DAYS} days run through at full speed, so that andon learns what is normal. Then you "
            f"watch it live for {lasting(seconds)}, {self._speed:g} times faster than the world "
            f"({lasting(self._live_ms / 1000)} of its time), while six things go wrong. Each line is an alert."
        )
        if page:
            self._output.remark(f"The operators' page, to look at meanwhile: {page}")

    def run(self) -> bool:
        """Run the flow to its end; whether a person ended it early."""
        settings = self._settings
        happenings = Happenings()
        self._began = time.monotonic()
        with until_stopped() as stop, self._output.progress(_HISTORY) as bar:
            source = Playback(
                self._plant,
                settings,
                pace=Pace(speed=self._speed, from_ms=LIVE_START_MS),
                happenings=happenings,
                stop=stop,
                on_progress=partial(self._show_progress, bar, stop),
            )
            console = self.console
            commands = console.commands_source(stop, happenings)
            sinks = Sinks(
                alerts=Hand(self._take), dead_letters=Hand(console.take_refusal), alarms=Hand(console.take_state)
            )
            run_flow(build(settings, source, commands, sinks, happenings), epoch_s=settings.service.epoch_s)
            console.end()
        return stop.is_set()

    def _take(self, record: AlertRecord) -> None:
        alert = record.alert
        self.console.take_alert(record)
        if alert.ts >= LIVE_START_MS:
            self._output.alert(alert)
            if alert.kind is not Kind.FLOOD:  # it is about alarms, not about the plant
                self.live_alerts.append(alert)
        elif alert.transition is Transition.RAISED and alert.annunciated and alert.kind is not Kind.FLOOD:
            self.history_alarm_count += 1

    def _show_progress(self, bar: Bar, stop: Event, readings: int, ts: int) -> None:
        if self._output.gone:
            stop.set()
        self.console.take_time(ts)
        if ts < LIVE_START_MS:
            bar(
                (ts - self._start_ms) / (LIVE_START_MS - self._start_ms), what=_HISTORY, remark=f"{readings:,} readings"
            )
        else:
            if not self._live:
                self._live = True
                seconds = time.monotonic() - self._began
                self._output.remark(
                    f"{self.reading_count:,} readings of {HISTORY_DAYS} days in {seconds:.1f} s, "
                    f"{self.history_alarm_count} alarms in them. Live from here."
                )
            bar((ts - LIVE_START_MS) / self._live_ms, what="live", remark=clock_of(ts))
        self.reading_count = readings


_HISTORY = "learning what is normal"


def _table(verdict: Verdict) -> Table:
    """The verdict for people."""
    table = Table(title="What went wrong, and when andon said so (in the plant's time)")
    for heading in ("fault", "where", "began", "found after"):
        table.add_column(heading)
    for index, fault in enumerate(verdict.faults):
        after_s = verdict.after_s(index)
        found = Text("not found", style="bold red") if after_s is None else Text(lasting(after_s), style="green")
        where = f"{fault.asset} {fault.sensor} {_WHAT_HAPPENS[fault.kind]}"
        table.add_row(fault.kind, where, clock_of(fault.start_ms), found)
    return table


def _closing(verdict: Verdict, history_alarms: int) -> str:
    """The verdict in a sentence."""
    found = sum(alert is not None for alert in verdict.found)
    false = len(verdict.false_alarms)
    named = "".join(f"\n  {clock_of(alert.ts)}  {alert.message}" for alert in verdict.false_alarms)
    return (
        f"{found} of {len(verdict.faults)} faults found, {false} false alarm{'' if false == 1 else 's'} live and "
        f"{history_alarms} in the days before.{named}"
    )
