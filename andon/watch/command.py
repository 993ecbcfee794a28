"""`andon watch`: what stands now, on a terminal that follows it, or as lines for other programs."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live

from andon.answer.answers import command_of
from andon.interrupts import until_stopped
from andon.plain_text import one_line
from andon.printing import Output
from andon.table import Table, now_ms
from andon.watch.board import Board, board_of
from andon.watch.lines import Lines
from andon.watch.screen import Size, page_rows, screen
from andon.watch.view import Acknowledge, Notice, Quit, Shelve, Unshelve, View, press, settled
from contracts.commands import Verb
from contracts.loading import load

if TYPE_CHECKING:
    from threading import Event

    from andon.answer.answers import Ask
    from andon.answer.clerk import Answer, Clerk
    from andon.watch.keyboard import Keyboard
    from andon.watch.view import Wish
    from contracts.settings import Settings
    from dataflows.tail import Tail

__all__ = ["command"]

KEY_WAIT_S = 0.1
DRAW_EVERY_MS = 1_000
"""Ages go on also when nothing happens."""
SORT_EVERY_MS = 250
"""In a flood of changes the eye needs no more."""
SORT_PAUSE = 3
"""50,000 alarms take half a second to sort: three times as long is left for keys."""
LINES_WAIT_S = 0.3
POLLS_MAX = 5
"""Polls before a key is looked for again."""

_ASKED = {Verb.ACKNOWLEDGE: "Acknowledging", Verb.SHELVE: "Shelving", Verb.UNSHELVE: "Ending the shelf of"}
_DONE = {
    Verb.ACKNOWLEDGE: "Acknowledged",
    Verb.SHELVE: "Shelved",
    Verb.UNSHELVE: "No longer shelved",
}


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to go by."
)
@click.option(
    "--by", envvar=["ANDON_BY", "USER"], show_envvar=True, help="Who watches: it stands in what you acknowledge."
)
@click.option("--json", "as_json", is_flag=True, help="NDJSON: a line for each change.")
def command(*, file: str, by: str | None, as_json: bool) -> None:
    """Follow what stands now, acknowledge and shelve: ? shows the keys, q quits.

    It reads the alarm-state topic; any number of people may watch, and closing it changes nothing. A red line says
    when nobody watches the plant.

    Piped, or with --json: what stands, then a line for each change, and when the heartbeat goes missing or comes back.

    \b
    andon watch --by maria
    andon watch | tee -a shift.log
    andon watch --json | jq -r .alarm.said
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    settings = load(file, os.environ)
    console = Console(highlight=False)
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not console.is_dumb_terminal and not as_json
    with until_stopped() as stop:
        if interactive:
            _watch_screen(settings, console, by=by or None, stop=stop)
        else:
            _watch_lines(settings, as_json=as_json, stop=stop)


def _open(settings: Settings, stop: Event) -> Tail:
    from dataflows.tail import Tail  # noqa: PLC0415 - `andon watch --help` needn't wait for the Kafka client

    wait_s = settings.service.broker_wait_s
    return Tail(settings.kafka, settings.kafka.alarms, begin="beginning", wait_s=wait_s, stop=stop)


def _watch_lines(settings: Settings, *, as_json: bool, stop: Event) -> None:
    """Print what stands, then each change, until it is stopped or nobody reads any more."""
    output = Output(as_json=True)
    lines = Lines(Table(), as_json=as_json)
    with _open(settings, stop) as tail:
        while not stop.is_set() and not output.gone:
            messages = tail.poll(LINES_WAIT_S)
            lines.take(messages, complete=tail.caught_up, now_ms=now_ms())
            for line in lines.due():
                output.line(line)
            output.look()


def _watch_screen(settings: Settings, console: Console, *, by: str | None, stop: Event) -> None:
    """Show the screen until a person quits."""
    from andon.answer.clerk import Clerk  # noqa: PLC0415 - with the Kafka client
    from andon.answer.desk import Desk  # noqa: PLC0415
    from andon.watch.keyboard import Keyboard  # noqa: PLC0415 - needs a Unix terminal

    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # a terminal without ■ shows ?
    with (
        _open(settings, stop) as tail,
        Clerk(lambda ended: Desk(settings, stop=ended), stop=stop) as clerk,
        Keyboard(sys.stdin.fileno()) as keyboard,
        Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live,
    ):
        _Watch(tail, clerk, keyboard, live, site=settings.site.name, by=by).run(stop)


class _Watch:
    """One person at one screen."""

    def __init__(self, tail: Tail, clerk: Clerk, keyboard: Keyboard, live: Live, *, site: str, by: str | None) -> None:
        self._tail = tail
        self._clerk = clerk
        self._keyboard = keyboard
        self._live = live
        self._site = site
        self._by = by
        self._table = Table()
        self._board = Board()
        self._view = View()
        self._quit = False

    def run(self, stop: Event) -> None:
        """Until a person quits, the terminal is gone, or `stop` is set."""
        changed, sort_ms, drawn = True, 0, (0, Size(0, 0))
        while not (stop.is_set() or self._quit or self._keyboard.gone):
            changed |= self._read_topic()
            now = now_ms()
            if changed and now >= sort_ms:
                self._board = board_of(self._table)
                self._view = settled(self._view, self._board)
                changed, sort_ms = False, now + max(SORT_EVERY_MS, SORT_PAUSE * (now_ms() - now))
                drawn = (0, drawn[1])
            size = Size(*self._live.console.size)
            pressed = self._press_keys(size) | self._hear_answers()
            if pressed or now - drawn[0] >= DRAW_EVERY_MS or size != drawn[1]:
                self._draw(size)
                drawn = (now, size)

    def _read_topic(self) -> bool:
        """Take what has come; whether it changed something to see."""
        changed = False
        for _ in range(POLLS_MAX):
            messages = self._tail.poll(0)
            for message in messages:
                changed |= self._table.take(message.key(), message.value()) is not None
            if not messages:
                break
        return changed

    def _press_keys(self, size: Size) -> bool:
        keys = self._keyboard.read(KEY_WAIT_S)
        for key in keys:
            self._view, wish = press(self._view, key, self._board, page_rows=page_rows(size), by=self._by)
            if isinstance(wish, Quit):
                self._quit = True
            elif wish is not None:
                self._send(wish)
        return bool(keys)

    def _send(self, wish: Wish) -> None:
        assert self._by is not None
        try:
            self._clerk.ask(ask_of(wish, by=self._by, now_ms=now_ms()))
        except click.UsageError as error:
            self._view = replace(self._view, notice=Notice(f"Nothing was sent: {error.message}", "failed"))

    def _hear_answers(self) -> bool:
        answers = self._clerk.answers()
        for answer in answers:
            self._view = replace(self._view, notice=notice_of(answer))
        return bool(answers)

    def _draw(self, size: Size) -> None:
        now = now_ms()
        drawn = screen(
            self._board,
            self._view,
            watching=self._table.watching(now),
            site=self._site,
            now_ms=now,
            size=size,
            reading=not self._tail.caught_up,
        )
        self._live.update(drawn, refresh=True)


def ask_of(wish: Wish, *, by: str, now_ms: int) -> Ask:
    """The command that a wish is.

    Raises: click.UsageError if andon wouldn't take it.
    """
    match wish:
        case Acknowledge(alert, comment):
            return command_of(Verb.ACKNOWLEDGE, asset=alert.asset, alert=alert, by=by, comment=comment)
        case Shelve(alert, for_ms, comment):
            return command_of(
                Verb.SHELVE, asset=alert.asset, alert=alert, until_ms=now_ms + for_ms, by=by, comment=comment
            )
        case Unshelve(hold):
            return command_of(Verb.UNSHELVE, asset=hold.asset, scope=hold.scope, by=by)
        case _:
            raise AssertionError(f"{wish} is no command")


def notice_of(answer: Answer) -> Notice:
    """What became of a command, in a line."""
    ask = answer.ask
    place = one_line(f"{ask.asset} {ask.scope.sensor}" if ask.scope.sensor else ask.asset)
    if answer.fault:
        return Notice(f"{_ASKED[ask.verb]} {place} wasn't done: {one_line(answer.fault)}", "failed")
    return Notice(f"{_DONE[ask.verb]}: {place}.", "done")
