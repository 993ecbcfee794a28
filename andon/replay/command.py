"""`andon replay`: run a recording through the same dataflow as live readings, or publish it as live readings."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from andon.durations import Duration
from andon.interrupts import until_stopped
from andon.plot.collector import Collector, ranked_of
from andon.plot.page import Shown, page
from andon.printing import Output, clock_of
from andon.replay.account import Account
from andon.replay.options import choice_of, recording_options
from andon.replay.playing import order_of, play, settings_of
from andon.replay.spans import alarm_spans
from andon.replay.witness import Witness
from andon.score.labels import labels_in_column, labels_in_file, resolved
from andon.score.scoring import score
from andon.score.text import document_of, shown
from andon.speed import speed_of
from contracts.alerts import Transition
from contracts.errors import SinkError, SourceError
from dataflows.files import Files
from dataflows.playback import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

    from andon.printing import Bar
    from andon.score.labels import Given, Label
    from contracts.alerts import Alert
    from contracts.settings import Settings
    from dataflows.chunks import Chunk

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
@click.option(
    "--labels",
    "labels_paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What happened: a CSV with start,end[,asset,sensor], or JSON of file and intervals (NAB's). May come again.",
)
@click.option("--label-column", help="What happened: a column of the tables that isn't 0 then. It is no sensor.")
@click.option(
    "--tolerance",
    "tolerance_ms",
    type=Duration(),
    default=0,
    metavar="SPAN",
    help="With --score: an alarm so long before or after a label still tells it (60s). By default none.",
)
@click.option("--score", "as_score", is_flag=True, help="How well the alarms tell the labels, in place of the alerts.")
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page for a browser too: streams, expected ranges, scores, alarms and labels.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Alerts as NDJSON, or the score as an object, also on a terminal."
)
@click.option(
    "--to-kafka", is_flag=True, help="Publish the readings on the topic for readings instead of judging them."
)
def command(
    *,
    files: tuple[Path, ...],
    settings_path: Path | None,
    speed: float | None,
    labels_paths: tuple[Path, ...],
    label_column: str | None,
    tolerance_ms: int,
    as_score: bool,
    plot_path: Path | None,
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
    andon replay valve.csv --label-column anomaly --score --tolerance 60s
    andon replay valve.csv --label-column anomaly --plot valve.html
    andon replay machine.csv --to-kafka --speed 60
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    labelled = bool(labels_paths) or label_column is not None
    if as_score and not labelled:
        raise click.UsageError("--score compares alarms to labels: give --labels or --label-column too.")
    if labelled and not (as_score or plot_path):
        raise click.UsageError("Labels are for --score and --plot: give one of them too.")
    if to_kafka and (as_score or plot_path):
        raise click.UsageError("--to-kafka judges nothing: there is nothing to score or plot.")
    settings = settings_of(settings_path)
    try:
        choice = choice_of(columns, ignored_too=() if label_column is None else (label_column,))
        recording = Files(files, settings, choice)
        given = [label for path in labels_paths for label in labels_in_file(path, files)]
        if label_column is not None:
            given += labels_in_column(label_column, files, choice)
    except SourceError as error:
        raise click.UsageError(str(error)) from error
    collector = Collector() if plot_path else None
    replay = _Replay(recording, settings, Output(as_json=as_json), speed=speed, silent=as_score, collector=collector)
    stopped = replay.publish() if to_kafka else replay.judge()
    if not stopped and labelled:
        replay.take_labels(given)
    if not stopped and plot_path is not None:
        replay.plot(plot_path, settings_path)
    if not stopped and as_score:
        replay.tell_score(tolerance_ms=tolerance_ms)
    sys.exit(INTERRUPTED if stopped else 0 if replay.readings else 1)


class _Replay:
    """One run over some files."""

    def __init__(
        self,
        recording: Files,
        settings: Settings,
        output: Output,
        *,
        speed: float | None,
        silent: bool,
        collector: Collector | None,
    ) -> None:
        """Nothing is read yet.

        Args:
            silent: alerts aren't printed.
            collector: of what is plotted.
        """
        self._recording = recording
        self._collector = collector
        self._witness = Witness(recording, None if collector is None else self._collect)
        self._labels: list[Label] = []
        self._left_out = 0
        self._silent = silent
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
                self._witness,
                self._settings,
                on_alert=self._take,
                on_reject=self._account.set_aside,
                on_progress=self._progress(_REPLAYING, bar, stop),
                stop=stop,
                speed=self._speed,
                tracer=None if self._collector is None else self._collector.trace,
            )
        seconds = time.monotonic() - began
        self._alerts.sort(key=order_of)
        if self._speed is None and not self._silent:
            for alert in self._alerts:
                self._output.alert(alert)
        self._remark(self._account.of_input(self._recording.tally))
        raised: Counter[str] = Counter(alert.kind for alert in self._alerts if alert.transition is Transition.RAISED)
        self._remark(self._account.of_run(happenings, raised, seconds=seconds))
        return stop.is_set()

    def take_labels(self, given: list[Given]) -> None:
        """Keep the labels of what was recorded, and say how many are about something else."""
        self._labels, self._left_out = resolved(given, self._witness.presences())
        if self._left_out:
            self._output.remark(
                f"labels left out: {self._left_out:,}, of other assets, or of a time that wasn't recorded"
            )

    def tell_score(self, *, tolerance_ms: int) -> None:
        """Print how well the alarms told the labels."""
        presences = self._witness.presences()
        found = score(alarm_spans(self._alerts), self._labels, presences, tolerance_ms=tolerance_ms)
        document = document_of(found, tolerance_ms=tolerance_ms, left_out=self._left_out)
        self._output.result(document, shown(found, tolerance_ms=tolerance_ms))

    def plot(self, path: Path, settings_path: Path | None) -> None:
        """Write the page.

        Raises: SinkError if it can't be written.
        """
        assert self._collector is not None
        streams = self._collector.streams()
        alarms = alarm_spans(self._alerts)
        settings = settings_path.name if settings_path else "default settings"
        notes = [f"{settings}. Readings: {self.readings:,}; alarms: {len(alarms):,}; labels: {len(self._labels):,}."]
        if self._collector.refused:
            notes.append(f"{len(self._collector.refused):,} more series weren't collected.")
        plotted = page(
            Shown(
                title=", ".join(self._recording.sources),
                streams=streams,
                alarms=alarms,
                labels=self._labels,
                ranked=ranked_of(streams, self._settings),
                notes=notes,
            )
        )
        try:
            path.write_text(plotted, encoding="utf-8")
        except OSError as error:
            raise SinkError(f"{path}: can't be written: {error.strerror}.") from error
        self._output.remark(f"wrote {path}")

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

    def _collect(self, chunk: Chunk) -> None:
        assert self._collector is not None
        self._collector.chunk(chunk, self._recording.names)

    def _take(self, alert: Alert) -> None:
        self._alerts.append(alert)
        if (
            self._speed is not None and not self._silent
        ):  # at full speed the order among key groups isn't defined: sorted at the end
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
