"""`andon alarms`: what stands now, the most urgent first."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click
from rich.table import Table as Grid
from rich.text import Text

from andon.answer.places import Place
from andon.interrupts import until_stopped
from andon.plain_text import one_line
from andon.printing import COLOURS, Output, clock_of, lasting
from andon.table import is_held, now_ms, read_table
from contracts.alerts import Priority, State
from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from andon.table import Table
    from contracts.alarm_states import AlarmState, Hold, HoldState

__all__ = ["command", "grid", "held_back", "in_order", "notes", "remarks"]

ID_DIGITS_SHOWN = 8
"""As the start of an alert id: unique among some thousands of alarms, and short enough to type."""

SHOWN_MAX = 500
"""Lines on a terminal: nobody reads more, and they take time. Piped, all come."""

_RANK = {priority: rank for rank, priority in enumerate(Priority)}
_UNACKED = (State.ACTIVE_UNACKED, State.RETURNED_UNACKED)
_OUT = {"shelved": "shelved", "suppressed": "suppressed", "out_of_service": "out of service"}


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to go by."
)
@click.option("--all", "with_held", is_flag=True, help="Also those that are held back: shelved, suppressed …")
@click.option("--json", "as_json", is_flag=True, help="NDJSON also on a terminal.")
def command(*, file: str, with_held: bool, as_json: bool) -> None:
    """Show the alarms that stand now, the most urgent first; ● marks those that nobody has acknowledged.

    Piped, or with --json: the records of the alarm-state topic as they are, one a line.

    \b
    andon alarms
    andon alarms --all --json | jq -r .said
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    settings = load(file, os.environ)
    output = Output(as_json=as_json)
    with until_stopped() as stop:
        table = read_table(settings, stop)
        if stop.is_set():
            raise click.Abort
    listed = [state for state in in_order(table.alarms.values()) if with_held or not is_held(state)]
    if output.as_json:
        for state in listed:
            output.result(state.model_dump(by_alias=True, mode="json"), "")
    else:
        if listed:
            output.result({}, grid(listed, now_ms=now_ms()))
        if table.holds:
            output.result({}, Text.assemble(("held back\n", "bold"), "\n".join(held_back(table.holds.values()))))
    for remark in remarks(table, now_ms=now_ms()):
        output.remark(remark)


def in_order(alarms: Iterable[AlarmState]) -> list[AlarmState]:
    """The most urgent first; of equal ones the oldest."""
    return sorted(alarms, key=lambda state: (_RANK[state.alert.priority], state.alert.onset_ts, state.alert.alert_id))


def notes(state: AlarmState) -> str:
    """What people, or the alarm itself, did about it: `acknowledged by maria; shelved until … by tom`."""
    said = []
    if state.acknowledged is not None:
        said.append(f"acknowledged by {_by(state.acknowledged)}")
    if state.alert.state is State.RETURNED_UNACKED:
        said.append("over, not acknowledged")
    for name, word in _OUT.items():
        hold = getattr(state, name)
        if hold is not None:
            said.append(f"{word}{_until(hold)} by {_by(hold)}")
    if state.chattering:
        said.append("chattering")
    return "; ".join(said)


def grid(alarms: list[AlarmState], *, now_ms: int) -> Grid:
    """A line for each alarm, in the order given, at most SHOWN_MAX; what is held back is dim."""
    rows = Grid(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "priority", "since", "id", "alarm"):
        rows.add_column(heading, no_wrap=heading != "alarm", overflow="fold")
    for state in alarms[:SHOWN_MAX]:
        alert = state.alert
        said = Text(one_line(state.said))
        if told := notes(state):
            said.append(f"  ({told})", style="dim")
        rows.add_row(
            "●" if alert.state in _UNACKED else "",
            Text(alert.priority, style="dim" if is_held(state) else COLOURS[alert.priority]),
            lasting(max(0, now_ms - alert.onset_ts) // 1000),
            alert.alert_id[:ID_DIGITS_SHOWN],
            said,
            style="dim" if is_held(state) else "",
        )
    if len(alarms) > SHOWN_MAX:
        rows.add_row(
            "", "", "", "", f"… and {len(alarms) - SHOWN_MAX:,} less urgent ones: --json gives all", style="dim"
        )
    return rows


def held_back(holds: Iterable[HoldState]) -> Iterator[str]:
    """A line for each thing that people hold back, written as a command takes it."""
    for state in sorted(holds, key=lambda state: (state.asset, state.sensor or "", state.kind or "", state.rule or "")):
        what = shlex.quote(str(Place(state.asset, state.sensor)))
        narrowed = [f"--{name} {value}" for name in ("kind", "rule") if (value := getattr(state, name)) is not None]
        for name, word in _OUT.items():
            hold = getattr(state, name)
            if hold is not None:
                yield one_line(f"{' '.join([what, *narrowed])}: {word}{_until(hold)} by {_by(hold)}")


def _until(hold: Hold) -> str:
    return "" if hold.until_ts is None else f" until {clock_of(hold.until_ts)} UTC"


def _by(hold: Hold) -> str:
    return one_line(hold.by if hold.comment is None else f"{hold.by}: {hold.comment}")


def remarks(table: Table, *, now_ms: int) -> Iterator[str]:
    """How many alarms stand, in a sentence, and what may be wrong with the answer."""
    standing = table.alarms.values()
    if standing:
        held = sum(map(is_held, standing))
        unacked = sum(state.alert.state in _UNACKED and not is_held(state) for state in standing)
        word = "alarm stands" if len(standing) == 1 else "alarms stand"
        yield f"{len(standing):,} {word}: {unacked:,} unacknowledged, {held:,} held back (--all shows them)."
    else:
        yield "No alarm stands."
    if table.unreadable:
        yield f"{table.unreadable:,} records of the alarm-state topic can't be read: perhaps a newer andon wrote them."
    if fault := table.watching(now_ms).fault:
        yield f"{fault}."
