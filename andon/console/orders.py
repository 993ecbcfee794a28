"""What people at the page ask for, as commands: those that `andon ack` and `andon shelve` send, with their answers."""

from __future__ import annotations

from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import click

from andon.answer.answers import command_of
from andon.answer.clerk import ANSWER_WAIT_S
from console.plant import Reply
from contracts.commands import Scope, Verb, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from andon.answer.answers import Ask
    from andon.answer.clerk import Clerk
    from console.plant import Order, Standing

__all__ = ["Counter", "ask_of"]

LOOK_S = 0.02
LATE_S = 5.0
"""Beyond the clerk's own patience: its answer is on its way."""

_TEXTS = ("sensor", "kind", "rule")


def ask_of(order: Order, table: Standing, *, now_ms: int) -> Ask:
    """The command that an order is.

    Args:
        table: what stands: a command about one alarm is about the one that stands there.
        now_ms: from which a shelf lasts.

    Raises: click.UsageError if andon wouldn't take it.
    """
    given = dict(order.document)
    verb = given.get("command")
    if not isinstance(verb, str) or verb not in set(Verb):
        raise click.UsageError(f"command is none of {', '.join(Verb)}.")
    asset, alert_id, comment = given.get("asset"), given.get("alert_id"), given.get("comment")
    for_s = given.get("for_s")
    if not isinstance(asset, str) or (for_s is not None and type(for_s) is not int):
        raise click.UsageError("asset is text, and for_s whole seconds.")
    standing = next((one.alert for one in list(table.alarms.values()) if one.alert.alert_id == alert_id), None)
    more: dict[str, Any] = {}
    if alert_id is None:
        more["scope"] = Scope(*(given.get(name) for name in _TEXTS))
    elif standing is not None:
        more["alert"] = standing
    else:
        more["alert_id"] = alert_id
    if for_s is not None:
        more["until_ms"] = now_ms + for_s * 1000
    if given.get("verdict") is not None:
        if not isinstance(given["verdict"], str) or given["verdict"] not in set(Verdict):
            raise click.UsageError(f"verdict is none of {', '.join(Verdict)}.")
        more["verdict"] = Verdict(given["verdict"])
    return command_of(Verb(verb), by=order.by, asset=asset, comment=comment or None, **more)


class Counter:
    """Hands orders to a clerk, and waits for the answer of each, from any number of threads."""

    def __init__(
        self, clerk: Clerk, table: Standing, now_ms: Callable[[], int], *, wait_s: float = ANSWER_WAIT_S + LATE_S
    ) -> None:
        self._clerk = clerk
        self._table = table
        self._now_ms = now_ms
        self._wait_s = wait_s
        self._lock = Lock()
        self._faults: dict[int, str | None] = {}
        """By the commands that are waited for, each of which is alive, so that no two have one id; None: not yet."""

    def order(self, order: Order) -> Reply:
        """Send a command, and say what became of it."""
        try:
            ask = ask_of(order, self._table, now_ms=self._now_ms())
        except click.UsageError as error:
            return Reply(done=False, why=error.message)
        with self._lock:
            self._faults[id(ask)] = None
        try:
            self._clerk.ask(ask)
            return self._reply(ask)
        finally:
            with self._lock:
                del self._faults[id(ask)]

    def _reply(self, ask: Ask) -> Reply:
        deadline = monotonic() + self._wait_s
        while True:
            with self._lock:
                heard = {id(answer.ask): answer.fault for answer in self._clerk.answers()}
                self._faults |= {which: fault for which, fault in heard.items() if which in self._faults}
                fault = self._faults[id(ask)]
            if fault is not None:
                return Reply(done=not fault, why=fault)
            if monotonic() > deadline:
                return Reply(done=False, why="no answer came: is `andon run` running?")
            sleep(LOOK_S)
