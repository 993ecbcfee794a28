"""The screen of `andon watch`: what stands, drawn to exactly the size of the terminal. Pure.

Grey while all is well: colour is for what needs a person, and never alone. An alarm that nobody has acknowledged has
a filled mark and its state in words; priorities have shapes and names.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from andon.plain_text import one_line
from andon.printing import COLOURS, clock_of, lasting
from andon.watch.board import holds_on
from andon.watch.view import scope_words
from contracts.alerts import Priority, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from andon.table import Watching
    from andon.watch.board import Board, Row
    from andon.watch.view import View
    from contracts.alarm_states import AlarmState, Hold

__all__ = ["Size", "page_rows", "screen"]

_MARKS = {
    Priority.CRITICAL: ("■", "□"),
    Priority.HIGH: ("▲", "△"),
    Priority.MEDIUM: ("◆", "◇"),
    Priority.LOW: ("●", "○"),
}
"""Unacknowledged and acknowledged."""

_BROKEN = "bold white on red"
_CALM = "dim"

_KEYS = "↑↓ select   a acknowledge   s shelve   u unshelve   h held back   ? help   q quit"

_HELP = """\
■ ▲ ◆ ●   unacknowledged: critical, high, medium, low
□ △ ◇ ○   acknowledged, or over and not acknowledged yet: the state says which

↑ ↓ k j   select an alarm; page up, page down, home, end
a         acknowledge it: somebody has seen it and takes care; a comment may follow
s         shelve it for a time: it goes on, and nobody is called; a comment may follow the time (2h new sensor)
u         end its shelf early
h         show what is held back: shelved, suppressed, out of service
q         quit

What you send carries your name (--by) and is on record. Alarms go on whether this screen is open or not.
Any key goes back."""

_NOTICE_LINES_MAX = 3
_PRIORITY_WIDTH = max(map(len, Priority))
_AGE_WIDTH = 10
_NAME_WIDTH_MAX = 20
_MESSAGE_WIDTH_MIN = 24
_STATE_WIDTH_MIN = 14
"""`unacknowledged`."""
_ANSWER_WIDTH_MIN = 24
_HEIGHT_WITH_DETAIL = 12
_NARROW = 100
"""Columns below which asset and sensor are left to the message, which names them too."""


class Size(NamedTuple):
    """Of the terminal, in cells."""

    width: int
    height: int


def screen(
    board: Board, view: View, *, watching: Watching, site: str, now_ms: int, size: Size, reading: bool = False
) -> Text:
    """Draw it: `size.height` lines, none wider than `size.width`.

    Args:
        watching: whether a process of andon watches the plant.
        reading: the table isn't complete yet.
    """
    top = _top(board, watching, site=site, now_ms=now_ms, width=size.width, reading=reading)
    foot = _foot(board, view, now_ms=now_ms, size=size)
    room = max(0, size.height - len(top) - len(foot))
    if view.with_help:
        body = [Text(line) for line in _HELP.splitlines()][:room]
    else:
        body = _body(board, view, now_ms=now_ms, width=size.width, room=room, reading=reading)
    lines = [*top, *body, *([Text()] * (room - len(body))), *foot][: size.height]
    return Text("\n", no_wrap=True, overflow="crop").join([_cut(line, size.width) for line in lines])


def page_rows(size: Size) -> int:
    """Rows that a page holds, about."""
    return max(1, size.height - 8)


def _top(board: Board, watching: Watching, *, site: str, now_ms: int, width: int, reading: bool) -> list[Text]:
    head = Text.assemble((f" andon  {one_line(site)}", "bold"), f"  {clock_of(now_ms)} UTC")
    if watching.state == "running" and watching.since_ts is not None:
        right = f"watching, heartbeat {_age(now_ms - watching.since_ts)} ago "
        head.append(" " * max(2, width - head.cell_len - len(right)))
        head.append(right, style=_CALM)
    lines = [head, _counts(board)]
    if watching.fault and not reading:
        lines.append(_banner(f"{watching.fault[:1].upper()}{watching.fault[1:]}", width))
    if board.unreadable:
        text = f"{board.unreadable:,} records of the alarm-state topic can't be read: alarms may be missing here"
        lines.append(_banner(text, width))
    lines += [_banner(_flood_words(state, now_ms), width) for state in board.floods[:2]]
    return lines


def _counts(board: Board) -> Text:
    """How many alarms stand of each priority; coloured where nobody has acknowledged one."""
    text = Text(" ")
    for priority in Priority:
        count, calling = board.counts[priority], board.calling[priority]
        style = COLOURS[priority] if calling else "default" if count else _CALM
        mark = _MARKS[priority][0 if calling else 1]
        text.append(f"{mark} {count:,} {priority}", style=style)
        text.append("   ")
    calling = board.calling.total()
    text.append(f"{calling:,} unacknowledged", style="bold" if calling else _CALM)
    text.append(f"   {len(board.held):,} held back", style="default" if board.held else _CALM)
    return text


def _banner(words: str, width: int) -> Text:
    return Text(_fitted(f" ! {words}", width), style=_BROKEN)


def _flood_words(state: AlarmState, now_ms: int) -> str:
    evidence = state.alert.evidence
    words = f"Flood of alarms for {_age(now_ms - state.raised_ts)}"
    for name, lead in (("first_up", "first"), ("top_assets", "most from")):
        listed = evidence.get(name)
        if isinstance(listed, list) and listed:
            words += f"; {lead} {', '.join(one_line(each) for each in listed[:3])}"
    return words


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Columns(NamedTuple):
    asset: int
    """0: the message names it."""
    sensor: int
    message: int
    state: int


def _body(board: Board, view: View, *, now_ms: int, width: int, room: int, reading: bool) -> list[Text]:
    rows = board.rows(with_held=view.with_held)
    if not rows:
        words = "reading what stands …" if reading else "No alarms."
        return [Text(), Text(f"  {words}", style=_CALM)][:room]
    # The heads, or how many rows are above; the line above what is held back; how many rows are below.
    parted = view.with_held and bool(board.held) and bool(board.standing)
    fitting = max(1, room - 2 - parted)
    first = _first_shown(view.place, fitting, len(rows))
    shown = rows[first : first + fitting]
    cells = [(_place(row), _message(row), _state(row, now_ms)) for row in shown]
    columns = _columns(cells, width)
    lines = [Text(f"   ↑ {first:,} more", style=_CALM) if first else _heads(columns)]
    for place, (row, (names, message, state)) in enumerate(zip(shown, cells, strict=True), first):
        if parted and place == len(board.standing):
            lines.append(Text("   ── held back ──", style=_CALM))
        lines.append(_line(row, names, message, state, columns, selected=row.key == view.selected, now_ms=now_ms))
    below = len(rows) - first - len(shown)
    if below:
        lines.append(Text(f"   ↓ {below:,} more", style=_CALM))
    return lines[:room]


def _first_shown(place: int, fitting: int, count: int) -> int:
    """Where a window of rows begins, so that the selected one is about in its middle."""
    return max(0, min(place - fitting // 2, count - fitting))


def _columns(words: Sequence[tuple[tuple[str, str], str, str]], width: int) -> _Columns:
    rest = width - (4 + _PRIORITY_WIDTH + 2 + _AGE_WIDTH + 2)
    state = min(_widest((state for *_, state in words), _STATE_WIDTH_MIN), max(_STATE_WIDTH_MIN, rest // 3))
    asset = sensor = 0
    if width >= _NARROW:
        asset = min(_widest((names[0] for names, *_ in words), len("asset")), _NAME_WIDTH_MAX)
        sensor = min(_widest((names[1] for names, *_ in words), len("sensor")), _NAME_WIDTH_MAX)
        if rest - state - asset - sensor - 6 < _MESSAGE_WIDTH_MIN:
            asset = sensor = 0
    gaps = 6 if asset else 2
    return _Columns(asset, sensor, max(0, rest - state - asset - sensor - gaps), state)


def _widest(texts: Iterable[str], least: int) -> int:
    return max([least, *(cell_len(text) for text in texts)])


def _heads(columns: _Columns) -> Text:
    names = [set_cell_size("asset", columns.asset), set_cell_size("sensor", columns.sensor)] if columns.asset else []
    cells = [
        f"    {'priority':<{_PRIORITY_WIDTH}}",
        f"{'age':>{_AGE_WIDTH}}",
        *names,
        set_cell_size("alarm", columns.message),
        set_cell_size("state", columns.state),
    ]
    return Text("  ".join(cells), style=_CALM)


def _line(
    row: Row,
    names: tuple[str, str],
    message: str,
    state: str,
    columns: _Columns,
    *,
    selected: bool,
    now_ms: int,
) -> Text:
    """One row: pointer, mark, priority, age, names, message, state."""
    alarm = row.alarm
    calls = row.calls and alarm is not None and alarm.alert.state is State.ACTIVE_UNACKED
    style = "bold" if calls else _CALM if row.held or row.covered_by else "default"
    line = Text("›" if selected else " ")
    if alarm is None:
        line.append(f"   {'':<{_PRIORITY_WIDTH}}  {'':>{_AGE_WIDTH}}")
    else:
        priority = alarm.alert.priority
        mark = _MARKS[priority][0 if calls else 1]
        colour = COLOURS[priority] if calls else style
        line.append(" ")
        line.append(f"{mark} {priority:<{_PRIORITY_WIDTH}}", style=colour)
        line.append(f"  {_age(now_ms - alarm.raised_ts):>{_AGE_WIDTH}}", style=style)
    if columns.asset:
        line.append(f"  {_fitted(names[0], columns.asset)}  {_fitted(names[1], columns.sensor)}", style=style)
        subject = " ".join(filter(None, names))
        message = message.removeprefix(subject).removeprefix(",").removeprefix(" ")
    line.append(f"  {_fitted(message, columns.message)}  {_fitted(state, columns.state)}", style=style)
    if selected:
        line.stylize("reverse")
    return line


def _place(row: Row) -> tuple[str, str]:
    if row.alarm is not None:
        return one_line(row.alarm.alert.asset), one_line(row.alarm.alert.sensor or "")
    assert row.hold is not None
    return one_line(row.hold.asset), one_line(row.hold.sensor or "")


def _message(row: Row) -> str:
    if row.alarm is not None:
        return one_line(row.alarm.said or row.alarm.alert.message)
    assert row.hold is not None
    return scope_words(row.hold)


def _state(row: Row, now_ms: int) -> str:
    """In words, the most important ones first: the end may be cut off."""
    parts = []
    alarm = row.alarm
    if alarm is not None and alarm.alert.state is State.RETURNED_UNACKED:
        parts.append("over, unacknowledged")
    thing = alarm or row.hold
    assert thing is not None
    parts += [_hold_words(words, hold, now_ms) for words, hold in holds_on(thing)]
    if row.covered_by:
        parts.append(f"under {row.covered_by}")
    if alarm is not None and alarm.chattering:
        parts.append("chattering")
    if alarm is not None and alarm.alert.state is State.ACTIVE_UNACKED and not row.held:
        parts.append("unacknowledged")
    if alarm is not None and alarm.alert.state is State.ACTIVE_ACKED:
        by = f" by {one_line(alarm.acknowledged.by)}" if alarm.acknowledged else ""
        parts.append(f"acknowledged{by}")
    return ", ".join(parts)


def _hold_words(words: str, hold: Hold, now_ms: int) -> str:
    by = f" by {one_line(hold.by)}"
    if hold.until_ts is None:
        return f"{words}{by}"
    left = f"{_age(hold.until_ts - now_ms)} left" if hold.until_ts > now_ms else "until now"
    return f"{words} {left}{by}"


# ── Foot ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _foot(board: Board, view: View, *, now_ms: int, size: Size) -> list[Text]:
    lines = []
    row = next((row for row in board.rows(with_held=view.with_held) if row.key == view.selected), None)
    if size.height >= _HEIGHT_WITH_DETAIL and not view.with_help:
        lines += [Text(f" {line}", style="default") for line in _detail(row, now_ms)]
    if view.notice is not None:
        styles = {"said": "default", "done": "bold", "failed": _BROKEN}
        signs = {"said": "", "done": "✓ ", "failed": "! "}
        sort = view.notice.sort
        told = wrap(f"{signs[sort]}{one_line(view.notice.text)}", max(1, size.width - 2))[:_NOTICE_LINES_MAX]
        lines += [Text(f" {line}", style=styles[sort]) for line in told]
    if view.prompt is not None:
        question = Text(f" {one_line(view.prompt.question)} ", style="bold")
        room = size.width - question.cell_len - 2
        if room < _ANSWER_WIDTH_MIN:
            lines.append(question)
            question, room = Text(" "), size.width - 3
        lines.append(Text.assemble(question, f"{one_line(view.prompt.text)[-max(1, room) :]}▏"))
    elif view.notice is None:
        lines.append(Text(f" {_KEYS}", style=_CALM))
    return lines


def _detail(row: Row | None, now_ms: int) -> tuple[str, str]:
    """Two lines about the selected alarm, with what its row has no room for."""
    if row is None:
        return "", ""
    if row.alarm is None:
        assert row.hold is not None
        _, hold = holds_on(row.hold)[0] if holds_on(row.hold) else ("", None)
        comment = f": {one_line(hold.comment)}" if hold is not None and hold.comment else ""
        return f"{scope_words(row.hold)}{comment}", ""
    alarm, alert = row.alarm, row.alarm.alert
    said = [hold for hold in (alarm.acknowledged, alarm.shelved, alarm.suppressed, alarm.out_of_service) if hold]
    comments = "; ".join(f"{one_line(hold.by)}: {one_line(hold.comment)}" for hold in said if hold.comment)
    facts = f"{alert.alert_id[:8]}  {alert.kind} {one_line(alert.rule)}  began {clock_of(alert.onset_ts)} UTC"
    since = f"  {alert.transition.replace('_', ' ')} {_age(now_ms - alert.ts)} ago"
    return one_line(alarm.said or alert.message), f"{facts}{since}{f'  {comments}' if comments else ''}"


def _age(span_ms: int) -> str:
    return lasting(max(0, span_ms) // 1000)


def _fitted(text: str, width: int) -> str:
    """Exactly so many cells; what is cut off is told by an ellipsis."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return f"{set_cell_size(text, width - 1)}…" if width > 0 else ""


def _cut(line: Text, width: int) -> Text:
    line = line.copy()
    line.truncate(width, overflow="ellipsis")
    return line
