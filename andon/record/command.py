"""`andon record`: a stretch of the readings topic into a file, to be replayed as often as one likes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from andon.interrupts import until_stopped
from andon.printing import Output, clock_of
from andon.record.landing import landing
from andon.record.writers import KINDS, Tally, is_known, open_writer
from contracts.errors import SinkError, SourceError
from contracts.loading import load
from contracts.readings import Reason

if TYPE_CHECKING:
    from threading import Event

    from andon.printing import Bar
    from andon.record.stretch import Bound
    from andon.record.writers import Writer
    from contracts.settings import Settings
    from dataflows.excerpt import Excerpt, Stretch

__all__ = ["command"]

INTERRUPTED = 130

SHOW_EVERY_S = 0.1
REASONS_SHOWN = 5


def _bound(context: click.Context, parameter: click.Parameter, value: str | None) -> Bound | None:
    from andon.record.stretch import BoundType  # noqa: PLC0415 - `andon --help` needn't wait for the Kafka client

    return None if value is None else BoundType().convert(value, parameter, context)


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to go by."
)
@click.option("--topic", "topics", multiple=True, help="What to record; may be given again. By default kafka.readings.")
@click.option(
    "--out",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The file; its name says what it is: {', '.join(KINDS)}.",
)
@click.option(
    "--from",
    "begin",
    callback=_bound,
    metavar="BOUND",
    help="Where it begins: 24h ago, a time, or offsets (0/1200,1/1180: partition/offset). By default all there is.",
)
@click.option("--to", "end", callback=_bound, metavar="BOUND", help="Where it ends. By default what is there now.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, also on a terminal.")
def command(
    *,
    file: str,
    topics: tuple[str, ...],
    path: Path,
    begin: Bound | None,
    end: Bound | None,
    follow: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Record readings from Kafka in a file, for `andon replay`.

    \b
    .ndjson      messages as they are on the wire, one a line, bad ones too
    .ndjson.zst  the same, packed: a tenth of it; needs pip install 'andon[zstd]'
    .parquet     a row a reading: ts, asset, sensor, value, quality, topic, partition, offset;
                 what can't be read is counted; needs pip install 'andon[parquet]'

    A replay of the file gives the alerts that the service gives. Partitions come merged by Kafka's timestamps, so that
    two recordings of the same stretch are the same; what --follow adds comes as it arrives. A message without a time of
    its own is given Kafka's. Nothing is committed: nobody sees that the topic was read. The file is there when it is
    whole; Ctrl-C ends it early, and it holds what was read by then (exit code 130, with --follow 0).

    \b
    andon record --out today.ndjson.zst --from 24h
    andon record --out fault.parquet --from 2026-03-02T08:00Z --to 2026-03-02T09:30Z
    andon record --topic readings --out part.ndjson --from 0/1200,1/1180 --to 0/2400,1/2200
    andon record --out live.ndjson --follow
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    from andon.record.stretch import stretch_of  # noqa: PLC0415

    if not is_known(path):
        raise click.UsageError(f"{path}: a recording ends with {', '.join(KINDS[:-1])} or {KINDS[-1]}.")
    if path.exists() and not force:
        raise click.UsageError(f"{path}: is there already (--force replaces it).")
    settings = load(file, os.environ)
    chosen = tuple(dict.fromkeys(topics)) or tuple(settings.kafka.readings)
    stretch = stretch_of(begin, end, topics=chosen, now_ms=time.time_ns() // 1_000_000, follow=follow)
    output = Output(as_json=as_json)
    recorder = _Recorder(settings, output, path=path, force=force)
    with until_stopped() as stop, output.progress("recording") as bar:
        recorder.record(chosen, stretch, bar, stop)
    recorder.tell()
    sys.exit(INTERRUPTED if stop.is_set() and not follow else 0)


class _Recorder:
    """One recording."""

    def __init__(self, settings: Settings, output: Output, *, path: Path, force: bool) -> None:
        self._settings = settings
        self._output = output
        self._path = path
        self._force = force
        self._tally = Tally()
        self._offsets: dict[str, tuple[int, int]] = {}

    def record(self, topics: tuple[str, ...], stretch: Stretch, bar: Bar, stop: Event) -> None:
        """Read and write, to the end or until a person stops it.

        Raises: SourceError, SinkError; what was read by then is named.
        """
        from dataflows.excerpt import Excerpt  # noqa: PLC0415

        wait_s = self._settings.service.broker_wait_s
        with Excerpt(self._settings.kafka, topics, stretch, wait_s=wait_s, stop=stop) as excerpt:
            if stop.is_set():  # before a broker answered: there is nothing to keep
                return
            with landing(self._path, force=self._force) as part:
                writer = open_writer(self._path, part, self._tally, umh=self._settings.kafka.umh)
                try:
                    self._copy(excerpt, writer, bar)
                except SourceError as error:
                    raise SourceError(f"{error} What was read before is in {part}.") from error
                finally:
                    writer.close()
            self._offsets = {str(partition): span for partition, span in excerpt.spans().items()}

    def tell(self) -> None:
        """Say what the file holds."""
        tally = self._tally
        if not self._offsets:
            self._output.remark(f"Nothing was recorded: {self._path} is not written.")
            return
        size = self._path.stat().st_size
        document: dict[str, Any] = {
            "file": str(self._path),
            "bytes": size,
            "messages": tally.messages,
            "readings": tally.readings,
            "first_ts": tally.first_ts,
            "last_ts": tally.last_ts,
            "offsets": self._offsets,
            "given_ts": tally.given_ts,
            "unreadable": {str(reason): count for reason, count in tally.unreadable.items()},
            "left_out": tally.left_out,
        }
        span = ""
        if tally.first_ts is not None and tally.last_ts is not None:
            span = f", {clock_of(tally.first_ts)} to {clock_of(tally.last_ts)}"
        self._output.result(
            document,
            Text(f"{self._path}: {tally.messages:,} messages, {tally.readings:,} readings{span}; {size:,} bytes"),
        )
        if tally.unreadable:
            reasons = ", ".join(f"{name} {count:,}" for name, count in tally.unreadable.most_common(REASONS_SHOWN))
            self._output.remark(f"{tally.unreadable.total():,} messages or values can't be read: {reasons}")
        if tally.left_out:
            ahead = tally.unreadable[Reason.TS_TOO_FAR_AHEAD]
            why = f", {ahead:,} of them because their time is far ahead of Kafka's" if ahead else ""
            self._output.remark(f"{tally.left_out:,} messages aren't in the file{why}")
        if tally.given_ts:
            self._output.remark(f"{tally.given_ts:,} messages had no time of their own, and have Kafka's now")

    def _copy(self, excerpt: Excerpt, writer: Writer, bar: Bar) -> None:
        shown = 0.0
        for message in excerpt.messages():
            try:
                writer.write(message)
            except OSError as error:
                raise SinkError(f"{self._path}: can't be written: {error.strerror or error}.") from error
            if (now := time.monotonic()) - shown > SHOW_EVERY_S:
                shown = now
                at = clock_of(message.timestamp()[1])
                bar(excerpt.share, what="recording", remark=f"{at}  {self._tally.messages:,} messages")
