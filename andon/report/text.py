"""A report for a terminal: the figures against their targets, then which alarms they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from andon.plain_text import one_line
from andon.printing import clock_of, lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from andon.report.figures import Counted, Figures, FloodSpan, HeldBack, StaleAlarm
    from andon.report.targets import Verdict

__all__ = ["named", "shown", "standing_of", "summary"]

ROWS_MAX = 10
"""Of each list; how many more there are is said."""

GRAPH_COLUMNS_MAX = 72
_LEVELS = " ▁▂▃▄▅▆▇█"

_MET = {True: ("✓ met", "green"), False: ("✗ missed", "bold red")}


def shown(figures: Figures, verdicts: Sequence[Verdict]) -> Group:
    """The whole report, 80 columns wide or more."""
    return Group(*_parts(figures, verdicts))


def _parts(figures: Figures, verdicts: Sequence[Verdict]) -> Iterator[RenderableType]:
    for line in summary(figures):
        yield Text(line)
    yield Text(_graph(figures.rate.per_10min), style="cyan", no_wrap=True)
    yield Text(f"alarms per 10 min; the highest column is {figures.rate.per_10min_peak:,}", style="dim")
    yield _judged(verdicts)
    if figures.top_ten:
        yield _alarms("most frequent", figures.top_ten)
    if figures.floods:
        yield _floods(figures.floods)
    if figures.chattering:
        yield _alarms("chattering: raised 3 times or more in 60 s", figures.chattering)
    if figures.fleeting:
        yield _alarms("fleeting: over within 60 s", figures.fleeting)
    if figures.stale:
        yield _stale(figures.stale)
    if figures.annunciated:
        yield Text("by priority  " + ", ".join(f"{name} {one.count:,}" for name, one in figures.priorities.items()))
        yield Text("by kind      " + ", ".join(f"{kind} {count:,}" for kind, count in figures.kinds.items()))
        yield Text("by asset     " + _listed(figures.assets))
    if figures.held is not None:
        yield Text("")
        yield _held(figures.held)


def summary(figures: Figures) -> Iterator[str]:
    """Two or three lines: which time, how many alarms, and what became of them."""
    site = ", ".join(one_line(name) for name in figures.sites) or "no site"
    lasted = lasting((figures.end_ts - figures.start_ts) / 1000)
    yield f"{site}: {clock_of(figures.start_ts)} to {clock_of(figures.end_ts)} UTC ({lasted})"
    more = f" ({figures.not_annunciated:,} more were not annunciated)" if figures.not_annunciated else ""
    yield f"{figures.annunciated:,} alarms annunciated{more}, {figures.returned:,} returned"
    answers = figures.acknowledging
    if answers.median_s is not None and answers.max_s is not None:
        times = f", after {lasting(answers.median_s)} (median), {lasting(answers.max_s)} (longest)"
        yield f"{answers.count:,} acknowledged{times}; {answers.waiting:,} not yet"
    else:
        yield f"none acknowledged; {answers.waiting:,} not yet"


def named(key: str) -> str:
    """An alarm's key for people: only a slash or a percent sign within a name stays encoded."""
    parts = (unquote(part).replace("%", "%25").replace("/", "%2F") for part in key.split("/"))
    return one_line("/".join(parts))


def standing_of(flood: FloodSpan) -> str:
    """How long a flood lasted."""
    return "not over" if flood.end_ts is None else lasting((flood.end_ts - flood.start_ts) / 1000)


def _graph(counts: Sequence[int]) -> str:
    """Columns of blocks, the highest of some neighbours each; any alarm at all shows."""
    width = -(-len(counts) // GRAPH_COLUMNS_MAX)
    columns = [max(counts[place : place + width]) for place in range(0, len(counts), width)]
    peak = max(columns)
    highest = len(_LEVELS) - 1
    return "".join(_LEVELS[-(-count * highest // peak)] if count else _LEVELS[0] for count in columns)


def _judged(verdicts: Sequence[Verdict]) -> Table:
    table = _table()
    table.add_column("EEMUA 191, ISA-18.2", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("", overflow="fold")
    for verdict in verdicts:
        word, style = ("", "dim") if verdict.met is None else _MET[verdict.met]
        table.add_row(verdict.name, verdict.shown, verdict.target, Text(word or verdict.why, style=style))
    return table


def _alarms(title: str, alarms: Sequence[Counted]) -> Table:
    table = _table()
    table.add_column(title, overflow="fold")
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    for one in alarms[:ROWS_MAX]:
        table.add_row(Text(named(one.alarm)), f"{one.count:,}", f"{one.share * 100:.3g} %")
    return _with_rest(table, len(alarms))


def _floods(floods: Sequence[FloodSpan]) -> Table:
    table = _table()
    table.add_column("flood", no_wrap=True)
    table.add_column("lasted", justify="right", no_wrap=True)
    table.add_column("alarms", justify="right", no_wrap=True)
    table.add_column("peak", justify="right", no_wrap=True)
    table.add_column("first up", overflow="fold")
    for flood in floods[:ROWS_MAX]:
        first = Text(named(flood.first_up[0]))
        lasted = standing_of(flood)
        table.add_row(clock_of(flood.start_ts), lasted, f"{flood.raised:,}", f"{flood.peak_per_10min:,}", first)
    return _with_rest(table, len(floods))


def _stale(stale: Sequence[StaleAlarm]) -> Table:
    table = _table()
    table.add_column("stale: active for more than 24 h", overflow="fold")
    table.add_column("since", no_wrap=True)
    for one in stale[:ROWS_MAX]:
        table.add_row(Text(named(one.alarm)), clock_of(one.since_ts))
    return _with_rest(table, len(stale))


def _held(held: Sequence[HeldBack]) -> RenderableType:
    if not held:
        return Text("nothing is shelved, suppressed or out of service now")
    table = _table()
    table.add_column("held back now", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("until", no_wrap=True)
    table.add_column("by", overflow="fold")
    for one in held[:ROWS_MAX]:
        until = "" if one.until_ts is None else clock_of(one.until_ts)
        table.add_row(
            Text(named(one.what.removesuffix("/hold"))), one.sort.replace("_", " "), until, Text(one_line(one.by))
        )
    return _with_rest(table, len(held))


def _listed(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{one_line(name)} ({count:,})" for name, count in list(counts.items())[:5])
    rest = len(counts) - 5
    return f"{shown} and {rest:,} more assets" if rest > 0 else shown


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")


def _with_rest(table: Table, count: int) -> Table:
    if count > ROWS_MAX:
        table.add_row(Text(f"… and {count - ROWS_MAX:,} more", style="dim"))
    return table
