"""`andon replay`: run a recording through the same dataflow as live readings, or publish it as live readings."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from andon.engine import run_flow
from andon.interrupts import until_stopped
from andon.printing import Output, clock_of
from andon.speed import speed_of
from contracts.alerts import Transition
from contracts.errors import SourceError
from contracts.loading import load, parse
from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.detect import Sinks, build
from dataflows.files import Files
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback
from dataflows.sheets import Choice

if TYPE_CHECKING:
    from threading import Event

    from andon.printing import Bar
    from contracts.alarm_states import AlarmRecord
    from contracts.alerts import Alert, AlertRecord
    from contracts.readings import Reject
    from contracts.settings import Settings
    from detectors.windows import Warming

__all__ = ["command"]

REJECTS_SHOWN = 10
"""Bad lines that are told one by one; all are counted."""
DETAIL_SHOWN = 120
WARMING_SHOWN = 3
INTERRUPTED = 130


def _names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(name.strip() for name in value.split(",") if name.strip())


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE…"
)
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An andon.toml; without one, the defaults.",
)
@click.option("--asset", help="Asset of readings that name none. By default the file's name without its suffix.")
@click.option("--time-column", help="Column with the time. By default `ts`, or else the first one.")
@click.option("--sensor-columns", callback=_names, help="Wide tables: the sensors, separated by commas.")
@click.option(
    "--ignore-columns", callback=_names, help="Wide tables: columns of numbers that are no sensors, e.g. labels."
)
@click.option(
    "--speed",
    callback=speed_of,
    default="max",
    show_default=True,
    metavar="max|TIMES",
    help="As fast as it goes, or so many times faster than the world.",
)
@click.option("--json", "as_json", is_flag=True, help="Alerts as NDJSON, also on a terminal.")
@click.option(
    "--to-kafka", is_flag=True, help="Publish the readings on the topic for readings instead of judging them."
)
def command(
    *,
    files: tuple[Path, ...],
    settings_path: Path | None,
    asset: str | None,
    time_column: str | None,
    sensor_columns: tuple[str, ...] | None,
    ignore_columns: tuple[str, ...] | None,
    speed: float | None,
    as_json: bool,
    to_kafka: bool,
) -> None:
    """Run recordings through the detectors, one after another, and print the alerts.

    \b
    CSV      long: ts,asset,sensor,value[,quality], or wide: a time and one column a sensor;
             separated by comma, semicolon or tab
    NDJSON   .ndjson .jsonl .json: messages as on the readings topic, one a line
    Parquet  .parquet .pq: long or wide as CSV; needs pip install 'andon[parquet]'

    Times are numbers since 1970 (ms, or s) or ISO 8601; without an offset they are UTC. Silence is measured by the
    recording's own times. At full speed alerts come sorted at the end, and two runs print the same bytes.

    \b
    andon replay machine.csv
    andon replay valve.csv --settings andon.toml --ignore-columns anomaly,changepoint
    andon replay line.ndjson --json | jq -r .message
    andon replay machine.csv --to-kafka --speed 60
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    settings = load(settings_path, os.environ) if settings_path else parse("", "the defaults", os.environ)
    service = settings.service.model_copy(update={"clock": "event"})
    settings = settings.model_copy(update={"service": service})
    choice = Choice(
        asset=asset, time_column=time_column, sensor_columns=sensor_columns, ignore_columns=ignore_columns or ()
    )
    try:
        recording = Files(files, settings, choice)
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    replay = _Replay(recording, settings, Output(as_json=as_json), speed=speed)
    stopped = replay.publish() if to_kafka else replay.judge()
    sys.exit(INTERRUPTED if stopped else 0 if replay.readings else 1)


class _Replay:
    """One run over some files."""

    def __init__(self, recording: Files, settings: Settings, output: Output, *, speed: float | None) -> None:
        self.readings = 0
        self._recording = recording
        self._settings = settings
        self._output = output
        self._speed = speed
        self._alerts: list[Alert] = []
        self._raised: Counter[str] = Counter()
        self._rejects: list[Reject] = []
        self._reject_count = 0

    def judge(self) -> bool:
        """Print the alerts of the recording; whether a person ended it early."""
        happenings = Happenings()
        began = time.monotonic()
        with until_stopped() as stop, self._output.progress(_REPLAYING) as bar:
            source = Playback(
                self._recording,
                self._settings,
                pace=Pace(speed=self._speed),
                happenings=happenings,
                stop=stop,
                on_progress=partial(self._show_progress, bar, stop),
            )
            sinks = Sinks(alerts=Hand(self._take), dead_letters=Hand(self._set_aside), alarms=Hand(_not_kept))
            flow = build(self._settings, source, NoCommands(), sinks, happenings)
            run_flow(flow, epoch_s=self._settings.service.epoch_s)
        seconds = time.monotonic() - began
        for alert in sorted(self._alerts, key=_order):
            self._output.alert(alert)
        self._summarise(happenings, seconds)
        return stop.is_set()

    def publish(self) -> bool:
        """Send the readings of the recording to Kafka; whether a person ended it early."""
        from andon.publish import publish  # noqa: PLC0415 - a replay without Kafka needn't load its client

        began = time.monotonic()
        with until_stopped() as stop, self._output.progress(_PUBLISHING) as bar:
            confirmed = publish(
                self._recording,
                self._settings,
                pace=Pace(speed=self._speed),
                stop=stop,
                on_reject=self._set_aside,
                on_progress=partial(self._show_progress, bar, stop),
            )
        self._report_rejects()
        topic = self._settings.kafka.readings[0]
        rate = self.readings / max(time.monotonic() - began, 1e-9)
        self._output.remark(
            f"{self.readings:,} readings in {confirmed:,} messages, all delivered to {topic}; {rate:,.0f} readings/s"
        )
        return stop.is_set()

    def _take(self, record: AlertRecord) -> None:
        alert = record.alert
        if alert.transition is Transition.RAISED:
            self._raised[alert.kind] += 1
        if self._speed is None:  # the order among key groups isn't defined: sorted at the end
            self._alerts.append(alert)
        else:
            self._output.alert(alert)

    def _set_aside(self, reject: Reject) -> None:
        self._reject_count += 1
        if len(self._rejects) < REJECTS_SHOWN:
            self._rejects.append(reject)

    def _show_progress(self, bar: Bar, stop: Event, readings: int, ts: int) -> None:
        self.readings = readings
        if self._output.gone:
            stop.set()
        share = self._recording.position / max(1, self._recording.bytes_total)
        bar(share, what=_REPLAYING, remark=f"{clock_of(ts)}  {readings:,} readings")

    def _summarise(self, happenings: Happenings, seconds: float) -> None:
        self._report_rejects()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._raised.items())) or "none"
        windows = happenings.registry.get_sample_value("andon_windows_closed_total") or 0
        odd = {
            result: int(happenings.registry.get_sample_value("andon_readings_total", {"result": result}) or 0)
            for result in ("late", "duplicate", "out_of_order")
        }
        came = "".join(f", {count:,} {result.replace('_', ' ')}" for result, count in odd.items() if count)
        if warming := happenings.warming():
            self._output.remark(_too_short(warming))
        rate = self.readings / max(seconds, 1e-9)
        self._output.remark(
            f"{self.readings:,} readings{came}, {self._reject_count:,} bad; "
            f"windows: {int(windows):,}; alarms raised: {kinds}; "
            f"{seconds:.1f} s, {rate:,.0f} readings/s"
        )

    def _report_rejects(self) -> None:
        for reject in self._rejects:
            detail = reject.detail if len(reject.detail) <= DETAIL_SHOWN else f"{reject.detail[:DETAIL_SHOWN]}…"
            self._output.remark(f"{reject.topic} line {reject.offset}: {reject.reason}: {detail}")
        if self._reject_count > len(self._rejects):
            self._output.remark(f"… and {self._reject_count - len(self._rejects):,} more bad lines or values")
        tally = self._recording.tally
        if tally.empty_cells:
            self._output.remark(f"{tally.empty_cells:,} empty cells passed over")
        if tally.text_columns:
            self._output.remark(f"no sensors, because they hold text: {', '.join(tally.text_columns)}")
        if not self.readings:
            self._output.remark("No reading could be read.")


_REPLAYING = "replaying"
_PUBLISHING = "publishing"


def _not_kept(record: AlarmRecord) -> None:
    """The alerts say it all: nobody comes later and asks what stands."""


def _too_short(warming: list[Warming]) -> str:
    """Whom the learned detectors didn't judge, because the recording ended before they had learned."""
    shown = [
        f"{one.asset} {one.sensor or 'as a whole'} ({one.seen} of {one.needed})" for one in warming[:WARMING_SHOWN]
    ]
    others = " and others" if len(warming) > WARMING_SHOWN else ""
    return (
        f"too few windows for the learned detectors: {', '.join(shown)}{others}. They need a longer recording, or a "
        "shorter window_s."
    )


def _order(alert: Alert) -> tuple[int, str, str, str, str, str, str]:
    """The order in which alerts are printed: the same whatever the lanes and batches."""
    sensor = alert.sensor or ""
    return (alert.ts, alert.asset, sensor, alert.kind, alert.rule, alert.transition, alert.alert_id)
