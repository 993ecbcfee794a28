"""What waits to be decided in a key group, and for how long alarms may be decided before the rest has its turn.

Fifty thousand alarms at once take seconds. By the wall clock they are decided in turns of some milliseconds, and in
between readings are taken. Each key group keeps what has come in its order, so nothing overtakes anything: a command
meets the alarm that it is about. By the event clock all is decided at once, so that what comes out hangs on data alone.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from time import thread_time
from typing import TYPE_CHECKING, Any, TypeAlias

from contracts.alarm_states import Recorded
from contracts.commands import Command, Origin, Scope, Verb, Verdict
from contracts.findings import Expected, Finding, Kind, Share, Window
from contracts.readings import Clock, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["EACH_TIME_MIN", "EVERY_S", "GAP_S", "TURN_S", "WAITING_MAX", "Turns", "Waiting", "Waits", "next_turn"]

Waits: TypeAlias = Finding | Command | Tick | Clock | Recorded
"""What the alarm lifecycle is told of, in the order in which it came."""

TURN_S = 0.05
"""For so long alarms are decided, those of all key groups of a process, before the rest of the flow goes on. Processor
time, as is all here: on a machine that has none to spare the turns don't become so short that they lead nowhere."""
EVERY_S = 0.125
"""So often there is a turn while anything waits, by the wall clock. In between the rest of the flow is alone: it takes
readings, and closes the epoch, without which no more readings are taken."""
GAP_S = 0.005
"""When so much was done elsewhere, the rest of the flow has had its turn."""

EACH_TIME_MIN = 2
"""A key group decides so many things whenever it is called: a few alarms never wait for those of others."""

WAITING_MAX = 200_000
"""Findings that may wait in a process, some 100 MB. Are there more, all are decided before anything else is done: then
readings wait on their topic."""


def next_turn(now: datetime) -> datetime:
    """When the next turn begins: at the same moment for all key groups, else they would keep the flow busy in a row."""
    return datetime.fromtimestamp((now.timestamp() // EVERY_S + 1) * EVERY_S, UTC)


class Turns:
    """The turns of one process.

    Bytewax calls all key groups that have something to do one after the other, each of them once, and then lets the
    rest of the flow go on. So a turn is over when a key group is called for the second time.
    """

    def __init__(self, *, limited: bool, clock_s: Callable[[], float] = thread_time) -> None:
        """Turns.

        Args:
            limited: False: it is always one's turn.
        """
        self._limited = limited
        self._clock_s = clock_s
        self._called: set[Hashable] = set()
        self._ends_s = self._left_s = float("-inf")
        self.waiting = 0
        """Findings of all key groups."""

    def enter(self, call: Hashable) -> None:
        """A key group is called: `call` says which one, and for what."""
        now_s = self._clock_s()
        if call in self._called or now_s - self._left_s > GAP_S:
            self._called.clear()
            self._ends_s = now_s + TURN_S
        self._called.add(call)

    def leave(self) -> None:
        """It returns."""
        self._left_s = self._clock_s()

    @property
    def over(self) -> bool:
        """There is no time to decide more now."""
        return self._limited and self.waiting <= WAITING_MAX and self._clock_s() >= self._ends_s


class Waiting:
    """What waits in one key group, oldest first. Memory: about 500 bytes a finding."""

    def __init__(self, turns: Turns, saved: Iterable[tuple[Any, ...]] = ()) -> None:
        """A line that is empty, or as `rows` saved it."""
        self._turns = turns
        self._line: deque[Waits] = deque()
        for row in saved:
            self.put(_finding(*row[1:]) if row[0] == _FINDING else _command(*row[1:]))

    def __len__(self) -> int:
        return len(self._line)

    def put(self, item: Waits) -> None:
        """Let one more wait."""
        self._line.append(item)
        self._turns.waiting += isinstance(item, Finding)

    def take(self) -> Waits:
        """The one that has waited for longest."""
        item = self._line.popleft()
        self._turns.waiting -= isinstance(item, Finding)
        return item

    def rows(self) -> list[tuple[Any, ...]]:
        """What a restart must find again, as plain data.

        Not the time, which a new process tells anew, and not what the alarm-state topic said, which it reads again.
        """
        return [_row(item) for item in self._line if isinstance(item, Finding | Command)]


_FINDING, _COMMAND = "finding", "command"


def _row(item: Finding | Command) -> tuple[Any, ...]:
    if isinstance(item, Finding):
        window = item.window
        return (
            _FINDING,
            item.asset,
            item.sensor,
            item.kind.value,
            item.rule,
            item.active,
            item.onset_ts,
            item.ts,
            item.value,
            tuple(item.expected),
            item.score,
            item.rank,
            [tuple(share) for share in item.contributions],
            dict(item.evidence),
            window and (window.start, window.end, window.count),
            item.source,
        )
    origin, scope = item.origin, item.scope
    return (
        _COMMAND,
        item.verb.value,
        item.asset,
        item.by,
        (origin.topic, origin.partition, origin.offset, origin.ts_ms, origin.key, origin.value),
        item.alert_id,
        (scope.sensor, scope.kind, scope.rule),
        item.until_ms,
        item.verdict and item.verdict.value,
        item.comment,
    )


def _finding(*row: Any) -> Finding:
    asset, sensor, kind, rule, active, onset_ts, ts, value, expected, *more = row
    score, rank, shares, evidence, window, source = more
    return Finding(
        asset=asset,
        sensor=sensor,
        kind=Kind(kind),
        rule=rule,
        active=active,
        onset_ts=onset_ts,
        ts=ts,
        value=value,
        expected=Expected(*expected),
        score=score,
        rank=rank,
        contributions=tuple(Share(*share) for share in shares),
        evidence=evidence,
        window=Window(*window) if window else None,
        source=source,
    )


def _command(*row: Any) -> Command:
    verb, asset, by, origin, alert_id, scope, until_ms, verdict, comment = row
    topic, partition, offset, ts_ms, key, value = origin
    return Command(
        verb=Verb(verb),
        asset=asset,
        by=by,
        origin=Origin(topic=topic, partition=partition, offset=offset, ts_ms=ts_ms, key=key, value=value),
        alert_id=alert_id,
        scope=Scope(*scope),
        until_ms=until_ms,
        verdict=Verdict(verdict) if verdict else None,
        comment=comment,
    )
