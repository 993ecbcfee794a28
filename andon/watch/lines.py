"""The lines of `andon watch` for other programs: what stands at first, then each change, and the heartbeat's silence.

Pure. A record that says again what was known is no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from andon.plain_text import one_line
from andon.printing import clock_of
from andon.watch.board import holds_on
from andon.watch.view import scope_words
from contracts.alarm_states import AlarmState, HoldState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import Message

    from andon.table import Table

__all__ = ["Lines"]

_WORD_WIDTH = 14


class Lines:
    """Takes records, gives lines."""

    def __init__(self, table: Table, *, as_json: bool) -> None:
        self._table = table
        self._as_json = as_json
        self._lines: list[str] = []
        self._complete = False
        self._watched: str = "running"
        """What was last said of the heartbeat."""

    def take(self, messages: Iterable[Message], *, complete: bool, now_ms: int) -> None:
        """Records that have come.

        Args:
            messages: of the alarm-state topic.
            complete: all that was there at the start has been taken: what stands is known.
        """
        for message in messages:
            key = (message.key() or b"").decode("utf-8", "replace")
            before = self._known(key)
            changed = self._table.take(message.key(), message.value())
            if self._complete and changed is not None and (after := self._known(key)) != before:
                self._lines += self._of_change(key, before, after, ts_ms=message.timestamp()[1])
        if complete and not self._complete:
            self._complete = True
            for key, state in sorted(self._table.alarms.items(), key=lambda item: (item[1].alert.ts, item[0])):
                self._lines += self._of_change(key, None, state, ts_ms=state.alert.ts)
            for key, hold in sorted(self._table.holds.items()):
                self._lines += self._of_change(key, None, hold, ts_ms=now_ms)
        if self._complete:
            self._lines += self._of_heartbeat(now_ms)

    def due(self) -> list[str]:
        """The lines since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def _known(self, key: str) -> AlarmState | HoldState | None:
        return self._table.alarms.get(key) or self._table.holds.get(key)

    def _of_change(
        self, key: str, before: AlarmState | HoldState | None, after: AlarmState | HoldState | None, *, ts_ms: int
    ) -> Iterator[str]:
        thing = after or before
        if thing is None:
            return
        if self._as_json:
            name = "alarm" if isinstance(thing, AlarmState) else "hold"
            yield _json({"ts": ts_ms, "key": key, name: after and after.model_dump(by_alias=True, mode="json")})
        elif isinstance(thing, AlarmState):
            chatters = isinstance(after, AlarmState) and after.chattering
            chattered = isinstance(before, AlarmState) and before.chattering
            if after is None:
                yield _line(ts_ms, "normal", thing.said)
            elif chatters and not chattered:
                yield _line(thing.alert.ts, "chattering", thing.alert.message)
            else:
                yield _line(thing.alert.ts, thing.alert.transition, f"{thing.alert.priority}  {thing.alert.message}")
        else:
            yield from self._of_hold(thing, gone=after is None, ts_ms=ts_ms)

    def _of_hold(self, state: HoldState, *, gone: bool, ts_ms: int) -> Iterator[str]:
        what = scope_words(state)
        if gone:
            yield _line(ts_ms, "released", f"{what}: nothing holds them back any more")
        for words, hold in () if gone else holds_on(state):
            until = "" if hold.until_ts is None else f" until {clock_of(hold.until_ts)}"
            comment = f": {hold.comment}" if hold.comment else ""
            yield _line(hold.since_ts, words, f"{what}{until} by {hold.by}{comment}")

    def _of_heartbeat(self, now_ms: int) -> Iterator[str]:
        watching = self._table.watching(now_ms)
        if watching.state == self._watched:
            return
        self._watched = watching.state
        if self._as_json:
            yield _json({"ts": now_ms, "heartbeat": watching.state, "since": watching.since_ts})
        else:
            yield _line(now_ms, "heartbeat", watching.fault or "is back: the plant is watched")


def _line(ts_ms: int, word: str, text: str) -> str:
    return f"{clock_of(ts_ms)}  {word.replace('_', ' '):<{_WORD_WIDTH}}  {one_line(text)}"


def _json(document: dict[str, Any]) -> str:
    return orjson.dumps(document).decode()
