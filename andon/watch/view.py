"""What a person does with the screen of `andon watch`: each key makes a new view, and sometimes a wish. Pure.

The selection belongs to an alarm, not to a line: lines move while somebody reaches for a key. What a key is about is
named in the question that follows it, and kept until the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from andon.durations import duration_ms
from andon.plain_text import one_line
from contracts.alerts import State
from contracts.limits import COMMENT_CHARACTERS_MAX

if TYPE_CHECKING:
    from andon.watch.board import Board, Row
    from contracts.alarm_states import AlarmState, HoldState
    from contracts.alerts import Alert

__all__ = [
    "Acknowledge",
    "Key",
    "Notice",
    "Prompt",
    "Quit",
    "Shelve",
    "Unshelve",
    "View",
    "Wish",
    "press",
    "scope_words",
    "settled",
]


class Key(StrEnum):
    """Keys that are no characters."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    HOME = "home"
    END = "end"
    ENTER = "enter"
    ESCAPE = "escape"
    BACKSPACE = "backspace"
    CLEAR = "clear line"


class Quit(NamedTuple):
    """End the program."""


class Acknowledge(NamedTuple):
    """Somebody takes care of this alarm."""

    alert: Alert
    comment: str | None


class Shelve(NamedTuple):
    """Hold this alarm back."""

    alert: Alert
    for_ms: int
    comment: str | None


class Unshelve(NamedTuple):
    """End a shelf early: exactly the one that was put up."""

    hold: HoldState


Wish: TypeAlias = Quit | Acknowledge | Shelve | Unshelve


class Notice(NamedTuple):
    """A line for the person at the screen; it goes with the next key."""

    text: str
    sort: Literal["said", "done", "failed"] = "said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A question at the foot of the screen, and what was typed so far."""

    asks: Literal["acknowledge", "shelve", "unshelve"]
    question: str
    text: str = ""
    alert: Alert | None = None
    hold: HoldState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where a person is."""

    selected: str | None = None
    """Key of the selected row."""
    place: int = 0
    """Where that row was last."""
    with_held: bool = False
    with_help: bool = False
    prompt: Prompt | None = None
    notice: Notice | None = None


def settled(view: View, board: Board) -> View:
    """The view for a board that has changed: the selected alarm stays selected; is it gone, then its neighbour."""
    rows = board.rows(with_held=view.with_held)
    for place, row in enumerate(rows):
        if row.key == view.selected:
            return replace(view, place=place)
    if not rows:
        return replace(view, selected=None, place=0)
    place = min(view.place, len(rows) - 1)
    return replace(view, selected=rows[place].key, place=place)


def press(view: View, key: str, board: Board, *, page_rows: int, by: str | None) -> tuple[View, Wish | None]:
    """What a key does.

    Args:
        key: a `Key`, or a character.
        page_rows: rows that fit on the screen.
        by: who is at the screen; None: nobody knows, so no command can be sent.
    """
    if view.prompt is not None:
        return _answer(view, view.prompt, key, board)
    view = replace(view, notice=None)
    if view.with_help:
        return replace(view, with_help=False), None
    rows = board.rows(with_held=view.with_held)
    steps = {
        Key.UP: -1,
        "k": -1,
        Key.DOWN: 1,
        "j": 1,
        Key.PAGE_UP: -page_rows,
        Key.PAGE_DOWN: page_rows,
        Key.HOME: -len(rows),
        Key.END: len(rows),
    }
    if key in steps:
        return _moved(view, rows, steps[key]), None
    match key:
        case "q":
            return view, Quit()
        case "?":
            return replace(view, with_help=True), None
        case "h":
            return settled(replace(view, with_held=not view.with_held), board), None
        case "a" | "s" | "u":
            if by is None:
                return _told(view, "Nobody knows who you are: start with --by NAME."), None
            row = next((row for row in rows if row.key == view.selected), None)
            if row is None:
                return _told(view, "Nothing is selected."), None
            ask = {"a": _ask_to_acknowledge, "s": _ask_to_shelve, "u": _ask_to_unshelve}[key]
            return ask(view, row, board), None
    return view, None


def _moved(view: View, rows: tuple[Row, ...], step: int) -> View:
    if not rows:
        return view
    place = max(0, min(view.place + step, len(rows) - 1))
    return replace(view, selected=rows[place].key, place=place)


def _ask_to_acknowledge(view: View, row: Row, _board: Board) -> View:
    if row.alarm is None:
        return _told(view, "This is held back, and no alarm of it stands: there is nothing to acknowledge.")
    if row.alarm.alert.state is State.ACTIVE_ACKED:
        return _told(view, f"It is acknowledged already{_by(row.alarm)}.")
    question = f"Acknowledge {_name(row.alarm)}? Comment (may be empty):"
    return replace(view, prompt=Prompt(asks="acknowledge", question=question, alert=row.alarm.alert))


def _ask_to_shelve(view: View, row: Row, _board: Board) -> View:
    if row.alarm is None:
        return _told(view, "This is held back already.")
    question = f"Shelve {_name(row.alarm)} for how long, and why (2h new sensor)?"
    return replace(view, prompt=Prompt(asks="shelve", question=question, alert=row.alarm.alert))


def _ask_to_unshelve(view: View, row: Row, board: Board) -> View:
    hold = row.hold if row.alarm is None else _shelf_of(row.alarm, board)
    if hold is None or hold.shelved is None:
        shelved = row.alarm is not None and row.alarm.shelved is not None
        why = "Its shelf isn't known yet: try again." if shelved else "It isn't shelved."
        return _told(view, why)
    question = f"End the shelf of {scope_words(hold)} (y/n)?"
    return replace(view, prompt=Prompt(asks="unshelve", question=question, hold=hold))


def _shelf_of(alarm: AlarmState, board: Board) -> HoldState | None:
    """The shelf that holds an alarm back; of several, the one that holds back the fewest."""
    alert = alarm.alert
    covering = [
        hold
        for hold in board.shelves
        if hold.asset == alert.asset and hold.scope.covers(sensor=alert.sensor or "", kind=alert.kind, rule=alert.rule)
    ]
    return max(
        covering, key=lambda hold: sum(part is not None for part in (hold.sensor, hold.kind, hold.rule)), default=None
    )


def _answer(view: View, prompt: Prompt, key: str, board: Board) -> tuple[View, Wish | None]:
    """A key while a question is open."""
    view = replace(view, notice=None)
    match key:
        case Key.ESCAPE:
            return _told(replace(view, prompt=None), "Nothing was sent."), None
        case Key.ENTER:
            return _submitted(view, prompt, board)
        case Key.BACKSPACE:
            return replace(view, prompt=replace(prompt, text=prompt.text[:-1])), None
        case Key.CLEAR:
            return replace(view, prompt=replace(prompt, text="")), None
    if len(key) > 1 or not key.isprintable() or len(prompt.text) >= COMMENT_CHARACTERS_MAX:
        return view, None
    if prompt.asks == "unshelve" and not prompt.text and key in "yYnN":
        return _submitted(view, replace(prompt, text=key), board)
    return replace(view, prompt=replace(prompt, text=prompt.text + key)), None


def _submitted(view: View, prompt: Prompt, board: Board) -> tuple[View, Wish | None]:
    """Enter: the wish, or a word on why there is none."""
    closed = replace(view, prompt=None)
    if prompt.hold is not None:
        if prompt.text.strip().lower() not in ("y", "yes"):
            return _told(closed, "Nothing was sent."), None
        return _told(closed, f"Sent: end the shelf of {scope_words(prompt.hold)}."), Unshelve(prompt.hold)
    alert = prompt.alert
    assert alert is not None
    now = board.alarm_of(alert)
    if now is None:
        return _told(closed, "Nothing was sent: that alarm is over meanwhile.", failed=True), None
    if prompt.asks == "acknowledge":
        return _told(closed, f"Sent: acknowledge {_name(now)}."), Acknowledge(alert, prompt.text.strip() or None)
    span, _, comment = prompt.text.strip().partition(" ")
    try:
        for_ms = duration_ms(span)
    except ValueError as error:
        return _told(view, f"{error}." if span else "How long? 90s, 30m, 2h or 1d; Esc gives up.", failed=True), None
    return _told(closed, f"Sent: shelve {_name(now)}."), Shelve(alert, for_ms, comment.strip() or None)


def _told(view: View, text: str, *, failed: bool = False) -> View:
    return replace(view, notice=Notice(text, "failed" if failed else "said"))


def _name(alarm: AlarmState) -> str:
    alert = alarm.alert
    place = f"{alert.asset} {alert.sensor}" if alert.sensor else alert.asset
    return one_line(f"{place} {alert.kind} {alert.rule}")


def scope_words(hold: HoldState) -> str:
    """Which alarms are held back: `press-1 temp, limit alarms`, `press-1, all alarms`."""
    sensor = "" if hold.sensor is None else f" {hold.sensor}" if hold.sensor else " as a whole"
    kind = "all" if hold.kind is None else f"{hold.kind} {hold.rule}" if hold.rule else hold.kind
    return one_line(f"{hold.asset}{sensor}, {kind} alarms")


def _by(alarm: AlarmState) -> str:
    return f" by {one_line(alarm.acknowledged.by)}" if alarm.acknowledged else ""
