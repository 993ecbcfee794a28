"""`andon replay`: run a recording through the same dataflow as live readings, or publish it as live readings."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from andon.interrupts import until_stopped
from andon.printing import Output, clock_of
from andon.replay.account import Account
from andon.replay.options import choice_of, recording_options
from andon.replay.playing import order_of, play, settings_of
from andon.speed import speed_of
from contracts.alerts import Transition
from contracts.errors import SourceError
from dataflows.files import Files
from dataflows.playback import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

    from andon.printing import Bar
    from contracts.alerts import Alert
    from contracts.settings import Settings

__all__ = ["command"]

INTERRUPTED = 130


@click.command()
@recording_options
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An andon.toml; without one, the defaults.",
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
    speed: float | None,
    as_json: bool,
    to_kafka: bool,
    **columns: Any,
) -> None:
    """Run recordings through the detectors, one after another, and print the alerts.

    \b
    CSV      long: ts,asset,sensor,value[,quality], or wide: a time and one column a sensor;
             separated by comma, semicolon or tab
    NDJSON   .ndjson .jsonl .json: messages as on the readings topic, one a line
    Parquet  .parquet .pq: long or wide as CSV; needs pip install 'andon[parquet]'
    packed   CSV and NDJSON also as .zst; needs pip install 'andon[zstd]'

    Times are numbers since 1970 (ms, or s) or ISO 8601; without an offset they are UTC. Silence is measured by the
    recording's own times. At full speed alerts come sorted at the end, and two runs print the same bytes.

    \b
    andon replay machine.csv
    andon replay valve.csv --settings andon.toml --ignore-columns anomaly,changepoint
    andon replay line.ndjson.zst --json | jq -r .message
    andon replay export.csv --time-column Zeit --time-format '%d.%m.%Y %H:%M:%S'
    andon replay machine.csv --to-kafka --speed 60
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    settings = settings_of(settings_path)
    try:
        recording = Files(files, settings, choice_of(columns))
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    replay = _Replay(recording, settings, Output(as_json=as_json), speed=speed)
    stopped = replay.publish() if to_kafka else replay.judge()
    sys.exit(INTERRUPTED if stopped else 0 if replay.readings else 1)


class _Replay:
    """One run over some files."""

    def __init__(self, recording: Files, settings: Settings, output: Output, *, speed: float | None) -> None:
        self._recording = recording
        self._settings = settings
        self._output = output
        self._speed = speed
        self._account = Account()
        self._alerts: list[Alert] = []

    @property
    def readings(self) -> int:
        """How many could be read."""
        return self._account.readings

    def judge(self) -> bool:
        """Print the alerts of the recording; whether a person ended it early."""
        began = time.monotonic()
        with until_stopped() as stop, self._output.progress(_REPLAYING) as bar:
            happenings = play(
                self._recording,
                self._settings,
                on_alert=self._take,
                on_reject=self._account.set_aside,
                on_progress=self._progress(_REPLAYING, bar, stop),
                stop=stop,
                speed=self._speed,
            )
        seconds = time.monotonic() - began
        alerts = sorted(self._alerts, key=order_of)
        if self._speed is None:
            for alert in alerts:
                self._output.alert(alert)
        self._remark(self._account.of_input(self._recording.tally))
        raised: Counter[str] = Counter(alert.kind for alert in alerts if alert.transition is Transition.RAISED)
        self._remark(self._account.of_run(happenings, raised, seconds=seconds))
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
                on_reject=self._account.set_aside,
                on_progress=self._progress(_PUBLISHING, bar, stop),
            )
        self._remark(self._account.of_input(self._recording.tally))
        topic = self._settings.kafka.readings[0]
        rate = self.readings / max(time.monotonic() - began, 1e-9)
        self._output.remark(
            f"{self.readings:,} readings in {confirmed:,} messages, all delivered to {topic}; {rate:,.0f} readings/s"
        )
        return stop.is_set()

    def _take(self, alert: Alert) -> None:
        self._alerts.append(alert)
        if self._speed is not None:  # at full speed the order among key groups isn't defined: sorted at the end
            self._output.alert(alert)

    def _progress(self, what: str, bar: Bar, stop: Event) -> Callable[[int, int], None]:
        def show(readings: int, ts: int) -> None:
            self._account.readings = readings
            if self._output.gone:
                stop.set()
            share = self._recording.position / max(1, self._recording.bytes_total)
            bar(share, what=what, remark=f"{clock_of(ts)}  {readings:,} readings")

        return show

    def _remark(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._output.remark(line)


_REPLAYING = "replaying"
_PUBLISHING = "publishing"
