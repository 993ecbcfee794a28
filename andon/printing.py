"""What a command shows: alerts and results on standard output, progress and remarks on standard error.

On a terminal they are for people. Piped, or with `--json`, standard output has nothing but NDJSON.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from contracts.alerts import Priority, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from contracts.alerts import Alert

__all__ = ["COLOURS", "Output", "clock_of", "lasting"]

COLOURS = {
    Priority.CRITICAL: "bold white on red",
    Priority.HIGH: "bold red",
    Priority.MEDIUM: "yellow",
    Priority.LOW: "cyan",
}
_PRIORITY_WIDTH = max(map(len, Priority))


class Bar(Protocol):
    """Shows how far something has come."""

    def __call__(self, share: float, *, what: str, remark: str = "") -> None:
        """So much of it is done, 0 to 1; what is running now."""


class Output:
    """Where one run of a command writes."""

    def __init__(self, *, as_json: bool) -> None:
        """Look at what standard output is.

        Args:
            as_json: NDJSON also on a terminal.
        """
        self.as_json = as_json or not sys.stdout.isatty()
        self._console = Console(highlight=False)
        self._remarks = Console(stderr=True, highlight=False)
        self._bars = sys.stderr.isatty()
        self._raw: BinaryIO = sys.stdout.buffer
        self.gone = False
        """Whoever read our output has seen enough: what would follow is dropped."""

    def alert(self, alert: Alert) -> None:
        """One alert: its body as it stands on the topic, or a line for people."""
        if self.as_json:
            self._write(alert.body())
        else:
            self._console.print(line_of(alert), soft_wrap=True)

    def result(self, document: dict[str, Any], shown: RenderableType) -> None:
        """What came out in the end: a line of JSON, or something for people."""
        if self.as_json:
            self._write(orjson.dumps(document))
        else:
            self._console.print(shown)

    def line(self, text: str) -> None:
        """A line on standard output as it is, also on a terminal."""
        self._write(text.encode("utf-8", "replace"))

    def look(self) -> None:
        """See whether our reader is still there, also while there is nothing to write: sets `gone`."""
        reader = select.poll()
        reader.register(self._raw.fileno(), 0)  # errors and hang-ups are told in any case
        self.gone = self.gone or bool(reader.poll(0))

    def remark(self, text: str = "") -> None:
        """Something about the run, beside its results."""
        self._remarks.print(text, soft_wrap=True, markup=False)

    @contextmanager
    def progress(self, what: str) -> Iterator[Bar]:
        """A bar while something runs, when standard error is a terminal."""
        # On a terminal both go through one console, or alerts would tear the bar apart.
        console = self._remarks if self.as_json else self._console
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[remark]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, disable=not self._bars, transient=True) as bars:
            task = bars.add_task(what, total=1.0, remark="")

            def update(share: float, *, what: str, remark: str = "") -> None:
                bars.update(task, completed=min(share, 1.0), description=what, remark=remark)

            yield update

    def _write(self, line: bytes) -> None:
        if self.gone:
            return
        try:
            self._raw.write(line + b"\n")
            self._raw.flush()
        except BrokenPipeError:
            self.gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter fails when it flushes


def line_of(alert: Alert) -> Text:
    """An alert as one line: when, how urgent, what; cleared ones and those of no concern are dim."""
    text = Text(f"{clock_of(alert.ts)}  ")
    if alert.transition is Transition.RAISED and alert.annunciated:
        text.append(f"{alert.priority:<{_PRIORITY_WIDTH}}  ", style=COLOURS[alert.priority])
        text.append(alert.message)
    else:
        text.append(f"{alert.transition:<{_PRIORITY_WIDTH}}  {alert.message}", style="dim")
    return text


def clock_of(ts_ms: int) -> str:
    """A time of day for people, with its date: `2026-03-02 08:14:32` (UTC)."""
    return f"{datetime.fromtimestamp(ts_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def lasting(seconds: float) -> str:
    """A span of time for people: `45 s`, `12 min`, `1 h 05 min`, `4 d 02 h`."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24:02d} h"
