"""`andon compare`: what other settings would have told of the same recordings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from andon.compare.matching import match
from andon.compare.text import document_of, lines_of, shown
from andon.durations import Duration
from andon.interrupts import until_stopped
from andon.printing import Output, clock_of
from andon.replay.account import Account
from andon.replay.options import choice_of, recording_options
from andon.replay.playing import order_of, play, settings_of
from andon.replay.spans import alarm_spans
from andon.replay.witness import Witness
from andon.score.scoring import asset_days
from contracts.errors import AndonError
from dataflows.files import Files

if TYPE_CHECKING:
    from threading import Event

    from andon.printing import Bar
    from andon.replay.spans import AlarmSpan
    from andon.replay.witness import Presence
    from contracts.alerts import Alert
    from contracts.settings import Settings
    from dataflows.sheets import Choice

__all__ = ["command"]

SAME, DIFFERENT, UNUSABLE = 0, 1, 2
INTERRUPTED = 130


@click.command()
@click.argument("a_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="A.toml")
@click.argument("b_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="B.toml")
@recording_options
@click.option(
    "--tolerance",
    "tolerance_ms",
    type=Duration(),
    default="60s",
    show_default=True,
    metavar="SPAN",
    help="Raises of an alarm so far apart are the same.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    *,
    a_path: Path,
    b_path: Path,
    files: tuple[Path, ...],
    tolerance_ms: int,
    as_json: bool,
    **columns: Any,
) -> None:
    """Run recordings with two settings, and say what each raises that the other doesn't.

    An alarm is the same in both when asset, sensor, kind and rule are, and it is raised at the same time, give or take
    the tolerance. Alarms that nobody is told of count nowhere, floods neither. On a terminal side by side; piped, a
    line for each difference: - only A, + only B.

    Exit code 0: no difference. 1: there are some. 2: settings or recordings can't be used.

    \b
    andon compare andon.toml tighter.toml history.ndjson.zst
    andon compare andon.toml tighter.toml valve.csv --ignore-columns anomaly --json | jq .kinds
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    output = Output(as_json=as_json)
    try:
        choice = choice_of(columns)
        runs: list[list[AlarmSpan]] = []
        presences: list[Presence] = []
        with until_stopped() as stop, output.progress(_COMPARING) as bar:
            for place, path in enumerate((a_path, b_path)):
                settings = settings_of(path)
                spans, presences = _run(files, settings, choice, bar=bar, stop=stop, done=place / 2, output=output)
                runs.append(spans)
                if stop.is_set():
                    sys.exit(INTERRUPTED)
    except AndonError as error:  # 1 says that they differ
        click.echo(str(error), err=True)
        sys.exit(UNUSABLE)
    matched = match(*runs, tolerance_ms=tolerance_ms)
    days = asset_days(presences)
    if as_json:
        output.result(document_of(matched, tolerance_ms=tolerance_ms, asset_days=days), "")
    elif output.as_json:  # piped
        for line in lines_of(matched):
            output.line(line)
    else:
        a, b = _called(a_path, b_path)
        output.result({}, shown(matched, a=a, b=b, asset_days=days))
    different = len(matched.only_a) + len(matched.only_b)
    output.remark(
        f"{different:,} differences, {len(matched.both):,} alarms in both"
        if different
        else f"no difference: {len(matched.both):,} alarms in both"
    )
    sys.exit(DIFFERENT if different else SAME)


_COMPARING = "comparing"


def _run(
    files: tuple[Path, ...],
    settings: Settings,
    choice: Choice,
    *,
    bar: Bar,
    stop: Event,
    done: float,
    output: Output,
) -> tuple[list[AlarmSpan], list[Presence]]:
    """The alarms of a recording, and who spoke in it; what was bad is told the first time.

    Raises: SourceError if it can't be read, or holds no reading.
    """
    recording = Files(files, settings, choice)
    witness = Witness(recording)
    account = Account()
    alerts: list[Alert] = []

    def show(readings: int, ts: int) -> None:
        account.readings = readings
        share = done + recording.position / max(1, recording.bytes_total) / 2
        bar(share, what=_COMPARING, remark=f"{clock_of(ts)}  {readings:,} readings")

    play(witness, settings, on_alert=alerts.append, on_reject=account.set_aside, on_progress=show, stop=stop)
    if not done:
        for line in account.of_input(recording.tally):
            output.remark(line)
    if not account.readings and not stop.is_set():
        sys.exit(UNUSABLE)
    return alarm_spans(sorted(alerts, key=order_of)), witness.presences()


def _called(a: Path, b: Path) -> tuple[str, str]:
    """Short names for the heads of columns."""
    return (a.name, b.name) if a.name != b.name else (str(a), str(b))
