"""The simulated plant's own console: no broker, the same page. What the flow says is handed on in this process.

Only the page that is opened costs anything: what stands is kept in a table, and of the history that runs through first
only the newest day is kept as trends.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Self

import click
import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from andon.answer.answers import FEEDBACK_WAIT_S, Answers
from andon.console.figures import report_of
from andon.console.orders import ask_of
from andon.installed import version_of
from andon.server import Health
from andon.table import Table
from console.plant import Clock, HeardAlert, Order, Plant, Readings, Reply, StateRecord, Told
from console.serving import Serving
from contracts.alarm_states import Heartbeat, heartbeat_key
from contracts.commands import Origin
from contracts.errors import AndonError, ConfigError
from contracts.readings import Quality, Reject
from dataflows.commands import PART, NoCommands, command_item
from dataflows.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from andon.answer.answers import Outcome
    from contracts.alarm_states import AlarmRecord
    from contracts.alerts import AlertRecord
    from contracts.settings import Settings
    from dataflows.chunks import Chunk, Names, Recording
    from dataflows.happenings import Happenings
    from dataflows.steps import Item

__all__ = ["HandedCommands", "SimulatedConsole", "Watched"]

ANSWER_WAIT_S = 10.0
LOOK_S = 0.02
IDLE_S = 0.005
"""Every source gates every snapshot, so it may not sleep longer."""

TRENDS_FROM_MS = 86_400_000
"""Before the plant is live: older history is learned from, and not shown."""

BEAT_S = 5.0

AHEAD_S_MAX = 1.0
"""The plant's clock goes on by itself between two readings, and waits for a computer that doesn't keep up."""

TOPIC = "andon.commands"


class Watched:
    """A recording whose readings are shown too, as soon as they are due."""

    def __init__(self, inner: Recording) -> None:
        self._inner = inner
        self.ended = Event()
        """All of it was handed out."""
        self._waiting: deque[Any] = deque()

    @property
    def names(self) -> Names:
        """Of the recording."""
        return self._inner.names

    @property
    def sources(self) -> tuple[str, ...]:
        """Of the recording."""
        return self._inner.sources

    def chunks(self) -> Iterator[Chunk]:
        """The recording's own."""
        for chunk in self._inner.chunks():
            self._waiting.append(chunk.rows)
            yield chunk
        self.ended.set()

    def until(self, ts: int) -> list[Any]:
        """The rows up to a time (ms), each once."""
        due = []
        while self._waiting:
            rows = self._waiting[0]
            count = int(np.searchsorted(rows["ts"], ts, side="right"))
            if count:
                due.append(rows[:count])
            if count < len(rows):
                self._waiting[0] = rows[count:]
                break
            self._waiting.popleft()
        return due


class HandedCommands(FixedPartitionedSource["tuple[str, Item]", None]):
    """A source of the commands that are handed to it; it ends with the recording beside it.

    Guarantees: each once and in order; nothing is saved. Nothing here blocks or sleeps.
    """

    def __init__(self, *, ended: Event, stop: Event, key_groups: int, happenings: Happenings) -> None:
        self.waiting: deque[Origin] = deque()
        self._ended = ended
        self._stop = stop
        self._key_groups = key_groups
        self._happenings = happenings

    def list_parts(self) -> list[str]:
        """The one part."""
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Handed:  # noqa: ARG002 - Bytewax's words
        """The one part."""
        return _Handed(self)

    def take(self) -> list[tuple[str, Item]]:
        """What was handed in since.

        Raises: StopIteration at the end.
        """
        items = []
        while self.waiting:
            items.append(command_item(self.waiting.popleft(), key_groups=self._key_groups, happenings=self._happenings))
        if not items and (self._ended.is_set() or self._stop.is_set()):
            raise StopIteration
        return items


class _Handed(StatefulSourcePartition["tuple[str, Item]", None]):
    def __init__(self, source: HandedCommands) -> None:
        self._source = source

    def next_batch(self) -> list[tuple[str, Item]]:
        return self._source.take()

    def next_awake(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=IDLE_S)

    def snapshot(self) -> None:
        return None


class SimulatedConsole:
    """Serves the page of a plant that runs in this process. Where it can't be served, the plant runs without.

    Args:
        live_ms: when the plant goes live (ms): what is before it is history.
        seed: of the plant, for the command that shows an alarm again.
    """

    def __init__(self, settings: Settings, recording: Watched, *, live_ms: int, speed: float, seed: int) -> None:
        self._recording = recording
        self._live_ms = live_ms
        self._speed = speed
        self._seed = seed
        self._table = Table()
        self._answers = Answers()
        self._lock = Lock()
        self._decided: dict[int, Outcome] = {}
        self._offset = 0
        self._now = (0, time.monotonic())
        self._live = False
        self._ended = False
        self._beat_s = 0.0
        self._heard = 0
        self._settings = settings
        self._serving: Serving | None = None
        self._stack = ExitStack()
        self._commands: HandedCommands | None = None
        self._health: Health | None = None

    @property
    def url(self) -> str | None:
        """Where the page is; None: nowhere."""
        return None if self._serving is None else self._serving.url

    @property
    def table(self) -> Table:
        """What stands."""
        return self._table

    def open(self) -> str:
        """Begin to serve; returns where, or why it can't be. A port that is taken is no reason: then it is another."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-demo-"))
        plant = Plant(
            settings=self._settings,
            table=lambda: self._table,
            clock=self.clock,
            order=self.order,
            report=report_of,
            status=self._status,
            past=None,
            reproduce=lambda _first, _until: [f"andon demo --seed {self._seed}"],
            feeds=lambda: [Told("simulated plant", caught_up=True, heard=self._heard, fault="")],
            devices=list,
            version=version_of("andon"),
        )
        for port in (self._settings.console.port, 0):
            console = {
                "port": port,
                "host": "127.0.0.1",
                "users_file": None,
                "proxy_user_header": None,
                "oidc_issuer": None,
                "store": str(Path(folder) / "console.db"),
            }
            update = {"console": self._settings.console.model_copy(update=console)}
            settings = self._settings.model_copy(update=update)
            try:
                serving = Serving(replace(plant, settings=settings), local="you", fault=lambda _error: None)
                self._serving = self._stack.enter_context(serving)
            except ConfigError as error:
                fault = str(error)
            except AndonError as error:
                return str(error)
            else:
                return serving.url
        return fault

    def commands_source(self, stop: Event, happenings: Happenings) -> HandedCommands | NoCommands:
        """Where the flow gets commands from: what people at the page ask for."""
        if self._serving is None:
            return NoCommands()
        self._health = Health(
            self._settings,
            happenings=happenings,
            standing=Standing(0),
            version=version_of("andon"),
            settings_hash="demo",
            now_ms=lambda: self.clock().now_ms,
        )
        self._commands = HandedCommands(
            ended=self._recording.ended,
            stop=stop,
            key_groups=self._settings.service.key_groups,
            happenings=happenings,
        )
        return self._commands

    def close(self) -> None:
        """Stop serving."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def clock(self) -> Clock:
        """The plant's time; between two readings it goes on by itself."""
        now, at = self._now
        if not self._live or self._ended:
            return Clock(now, 0.0)
        ahead_s = min(time.monotonic() - at, AHEAD_S_MAX)
        return Clock(round(now + ahead_s * 1000 * self._speed), self._speed)

    def take_time(self, ts: int) -> None:
        """The plant has come so far: show the readings up to there."""
        self._now = (ts, time.monotonic())
        self._live = ts >= self._live_ms
        self._heard += sum(map(len, rows := self._recording.until(ts)))
        if self._serving is None:
            return
        for part in rows:
            shown = part[(part["ts"] >= self._live_ms - TRENDS_FROM_MS) & (part["quality"] != Quality.BAD)]
            if len(shown):
                pairs = self._recording.names.pairs
                self._serving.take_readings(Readings(pairs, shown["name"], shown["ts"], shown["value"]))
        if time.monotonic() >= self._beat_s:
            self._beat_s = time.monotonic() + BEAT_S
            self._beat(ts)

    def take_state(self, record: AlarmRecord) -> None:
        """A record for the alarm-state topic."""
        self._answers_take(record)
        if self._serving is not None:
            self._serving.take_states([StateRecord(record.key.encode(), record.body)], complete=True)

    def take_alert(self, record: AlertRecord) -> None:
        """A record for the alert topic."""
        with self._lock:
            self._answers.take_alert(record.source, record.alert, now_s=time.monotonic())
        if self._serving is not None:
            heard = HeardAlert(record.event_id, record.body, record.source, record.config, "", record.alert.ts)
            self._serving.take_alerts([heard])

    def take_refusal(self, reject: Reject) -> None:
        """A dead letter: the plant sends none, people may."""
        assert reject.topic == TOPIC, f"the plant sent something that was refused: {reject}"
        with self._lock:
            self._answers.take_refusal(f"{reject.topic}/{reject.partition}/{reject.offset}", reject.detail)

    def end(self) -> None:
        """The plant stands still: what stands may still be looked at."""
        self._ended = True
        if self._serving is not None:
            self._beat(self._now[0])

    def order(self, order: Order) -> Reply:
        """What somebody at the page wants done."""
        if self._commands is None or self._ended:
            return Reply(done=False, why="the demo is over: nothing can be changed any more.")
        try:
            ask = ask_of(order, self._table, now_ms=self.clock().now_ms)
        except click.UsageError as error:
            return Reply(done=False, why=error.message)
        with self._lock:
            origin = Origin(
                topic=TOPIC,
                partition=0,
                offset=self._offset,
                ts_ms=self.clock().now_ms,
                key=ask.asset.encode(),
                value=ask.body,
            )
            self._offset += 1
            self._answers.expect(ask, source=origin.source, ts_ms=origin.ts_ms)
            self._commands.waiting.append(origin)
        deadline = time.monotonic() + (ANSWER_WAIT_S if ask.answers else FEEDBACK_WAIT_S)
        while time.monotonic() < deadline and not self._ended:
            with self._lock:
                self._decided |= {id(outcome.ask): outcome for outcome in self._answers.decided(time.monotonic())}
                outcome = self._decided.pop(id(ask), None)
            if outcome is not None:
                return Reply(done=not outcome.refused, why=outcome.refused)
            time.sleep(LOOK_S)
        with self._lock:
            self._answers.forget(ask)
        if not ask.answers and not self._ended:
            return Reply(done=True)
        return Reply(done=False, why="the plant was busy, or has ended: no answer came.")

    def _status(self) -> list[dict[str, Any]]:
        """What the flow in this process says of itself; nothing waits on a topic here."""
        if self._health is None:
            return [{"address": "", "fault": "The simulated plant doesn't run yet."}]
        return [self._health.status() | {"address": "", "ready": True, "unready": []}]

    def _answers_take(self, record: AlarmRecord) -> None:
        with self._lock:
            self._answers.take_hold(record.key, record.body, now_s=time.monotonic())

    def _beat(self, ts: int) -> None:
        """A sign of life, as the service gives it."""
        assert self._serving is not None
        beat = Heartbeat(
            site=self._settings.site.name,
            process="demo",
            ts=ts,
            every_s=round(3 * BEAT_S * max(self._speed, 1)),
            version=version_of("andon"),
        )
        record = StateRecord(heartbeat_key(beat.site, beat.process).encode(), beat.body())
        self._serving.take_states([record], complete=True)
