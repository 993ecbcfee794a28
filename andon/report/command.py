"""`andon report`: how good the alarms are, by the figures of EEMUA 191 and ISA-18.2."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from andon.interrupts import until_stopped
from andon.moments import Moment, MomentType
from andon.printing import Output
from andon.report.alert_log import AlertLog, lines_of
from andon.report.figures import HeldBack, Period, figures
from andon.report.page import page
from andon.report.targets import verdicts
from andon.report.text import shown
from andon.table import now_ms, read_table
from contracts.alarm_states import hold_key
from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event as Flag

    from confluent_kafka import Message

    from andon.report.figures import Figures
    from andon.report.targets import Verdict
    from contracts.alarm_states import HoldState
    from contracts.settings import Settings

__all__ = ["command", "document_of", "held_of"]

SCHEMA = 1
INTERRUPTED = 130

DAY_MS = 86_400_000
DEFAULT_MS = DAY_MS
LONGEST_MS = 366 * DAY_MS

LEAD_MS = DAY_MS
"""So much is read before the beginning: what was raised then may be acknowledged, or become stale, in the time itself.
What was raised earlier and still stands is on the alarm-state topic."""


@click.command()
@click.argument(
    "files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path), metavar="[FILE…]"
)
@click.option(
    "--settings", "settings_path", default="andon.toml", show_default=True, type=click.Path(), help="Settings to go by."
)
@click.option(
    "--since",
    type=MomentType(),
    metavar="TIME",
    help="Where it begins: 24h before its end (which is the default; of files, their first alert), or a time.",
)
@click.option(
    "--until",
    type=MomentType(),
    metavar="TIME",
    help="Where it ends: a time. By default now; of files, their last alert.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, also on a terminal.")
@click.option(
    "--html", "html_path", type=click.Path(dir_okay=False, path_type=Path), help="Write a page for a browser too."
)
def command(
    *,
    files: tuple[Path, ...],
    settings_path: str,
    since: Moment | None,
    until: Moment | None,
    as_json: bool,
    html_path: Path | None,
) -> None:
    """Say how good the alarms are: how many, how many at once, and which of them were of no use.

    Reads the alert topic, or FILEs of alerts as NDJSON (- is standard input), and compares what people had to deal
    with to what EEMUA 191 and ISA-18.2 ask for. Times are UTC where they name no other zone.

    \b
    andon report --since 7d
    andon report --since 2026-03-01 --until 2026-04-01 --html march.html
    andon report --json | jq '.verdicts[] | select(.met == false)'
    andon replay machine.csv --json | andon report -
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    output = Output(as_json=as_json)
    log = AlertLog()
    if files:
        period = _read_files(files, log, since, until)
        held, stopped = None, False
    else:
        period = _period(since or Moment(DEFAULT_MS, ago=True), until, now_ms())
        with until_stopped() as stop:
            held = _read_topics(load(settings_path, os.environ), log, period, output, stop)
            stopped = stop.is_set()
    if stopped:
        sys.exit(INTERRUPTED)  # figures of a part would be taken for figures of the whole
    found = figures(log.events, period, held=held)
    judged = verdicts(found)
    if html_path is not None:
        _write(html_path, page(found, judged))
        output.remark(f"wrote {html_path}")
    output.result(document_of(found, judged, log), shown(found, judged))
    if log.unreadable:
        output.remark(f"{log.unreadable:,} of {log.read:,} records are no alerts of this version, and aren't counted")


def _read_files(files: tuple[Path, ...], log: AlertLog, since: Moment | None, until: Moment | None) -> Period:
    for path in files:
        # Standard input isn't ours to close.
        with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as file:
            for line in lines_of(file):
                log.take(line)
    if log.unreadable and not log.events:
        raise click.ClickException("no alert could be read: a line is an alert as `andon replay --json` prints it.")
    if log.events:
        first, last = min(event.ts for event in log.events), max(event.ts for event in log.events)
    elif since is not None and until is not None and not (since.ago or until.ago):
        first, last = since.ms, until.ms
    else:
        raise click.ClickException("there are no alerts. To report a quiet time, give both --since and --until.")
    return _period(since or Moment(first, ago=False), until, last + 1)


def _period(since: Moment, until: Moment | None, last: int) -> Period:
    end = last if until is None else until.before(last)
    start = since.before(end)
    if not 0 < end - start <= LONGEST_MS:
        fault = "is not before" if end <= start else f"is more than {LONGEST_MS // DAY_MS} days before"
        raise click.UsageError(f"--since {_clock(start)} {fault} --until {_clock(end)}.")
    return Period.covering(start, end)


def _clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read_topics(settings: Settings, log: AlertLog, period: Period, output: Output, stop: Flag) -> list[HeldBack]:
    """Read the alert topic, and the alarm-state topic for what alerts of that time don't say.

    Returns: what people hold back now.
    """
    from dataflows.tail import Tail  # noqa: PLC0415 - files are reported without the Kafka client

    kafka = settings.kafka
    begin = max(0, period.start - LEAD_MS)
    with Tail(kafka, kafka.alerts, begin=begin, wait_s=settings.service.broker_wait_s, stop=stop) as tail:
        for message in tail.what_is_there():
            log.take(message.value(), _event_id(message))
    table = read_table(settings, stop)
    for state in table.alarms.values():
        log.stands(state)
    if fault := table.watching(now_ms()).fault:
        output.remark(fault)
    return held_of(table.holds.values(), now_ms())


def _event_id(message: Message) -> bytes | None:
    value = dict(message.headers() or ()).get("ce_id")
    return value if isinstance(value, bytes) else None


def held_of(holds: Iterable[HoldState], now: int) -> list[HeldBack]:
    """All holds that stand, shelves that are over left out; shelves first, the oldest of each sort first."""
    known = list(holds)
    found = [
        HeldBack(
            sort=sort,
            what=hold_key(state.asset, state.scope),
            by=hold.by,
            since_ts=hold.since_ts,
            until_ts=hold.until_ts,
            comment=hold.comment,
        )
        for sort in _SORTS
        for state in known
        if (hold := getattr(state, sort)) is not None and (hold.until_ts is None or hold.until_ts > now)
    ]
    return sorted(found, key=lambda one: (_SORTS.index(one.sort), one.since_ts))


_SORTS = ("shelved", "suppressed", "out_of_service")


def document_of(found: Figures, judged: list[Verdict], log: AlertLog) -> dict[str, Any]:
    """The report as one JSON object."""
    return {
        "schema": SCHEMA,
        **{field.name: getattr(found, field.name) for field in fields(found)},
        "verdicts": judged,
        "alerts": {"read": log.read, "repeated": log.repeated, "unreadable": log.unreadable},
    }


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path}: can't be written: {error.strerror}.") from error
