"""The four stateful steps of the flow: Bytewax around the pure cores of detection, alarms and floods.

There is one object of the first three for every key group, and one of the last for the site. They time, count and pass
on; what a reading, or a command, means is decided in `detectors` and `alarms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from bytewax.operators import StatefulBatchLogic

from alarms.flood import SEVERITY as FLOOD_SEVERITY
from alarms.flood import Flood, Raise, Raises
from alarms.lifecycle import Alarms
from contracts.alarm_states import AlarmRecord, Recorded
from contracts.alerts import AlertRecord, Transition, priority_of
from contracts.commands import Command
from contracts.findings import Closed, Finding, Kind
from contracts.readings import Block, Clock, Reject, Tick
from dataflows.cluster import News
from dataflows.stored import recalled, size_of, stored
from dataflows.waiting import EACH_TIME_MIN, Turns, Waiting, next_turn
from detectors.samples import Samples
from detectors.windows import Learning, Windows

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from contracts.alerts import Priority
    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.waiting import Waits
    from detectors.trace import Tracer

__all__ = [
    "AlarmsStep",
    "Findings",
    "FloodRecorded",
    "FloodStep",
    "Item",
    "Lagging",
    "Recall",
    "SamplesStep",
    "WindowsStep",
]

FIGURES_MS = 10_000
"""How often time alone changes a figure: how many alarms are old, and whether a flood is over."""

TICKS_MS = 1_000
"""How often alarms hear of the wall clock. Each lane that feeds a key group ticks; one of them is enough."""


@dataclass(frozen=True, slots=True)
class Lagging:
    """Time that came with closed windows and goes their way: what they say is older, and is heard first."""

    clock: Clock


@dataclass(frozen=True, slots=True)
class Recall:
    """Silences that the alarm-state topic knows, for `samples` alone: which of them last?"""

    recorded: Recorded


@dataclass(frozen=True, slots=True)
class FloodRecorded:
    """What the alarm-state topic said of the site's flood, or that it said nothing."""

    records: tuple[AlarmRecord, ...]


Findings: TypeAlias = tuple[Finding, ...]
Item: TypeAlias = (
    Block
    | Tick
    | Clock
    | Lagging
    | Reject
    | Closed
    | Findings
    | Command
    | Recall
    | Recorded
    | AlertRecord
    | AlarmRecord
    | Raises
    | FloodRecorded
    | News
)
"""All that travels between the steps, always with the key of its group."""


class _Step(StatefulBatchLogic[Item, Item, dict[str, Any]]):
    """What the steps have in common: how long they take, and how large what is saved of them."""

    def __init__(self, name: str, happenings: Happenings) -> None:
        self._name = name
        self._happenings = happenings
        self._bytes = 0

    def snapshot(self) -> dict[str, Any]:
        """A copy, as plain data, in the form in which it is stored (stored.py)."""
        began = perf_counter()
        saved = stored(self._saved())
        self._measured(size_of(saved), seconds=perf_counter() - began)
        return saved

    def _saved(self) -> dict[str, Any]:
        raise NotImplementedError

    def _forget(self) -> None:
        """Bytewax lets go of what has no state: nothing is saved of it any more."""
        self._measured(0, seconds=0)

    def _measured(self, size: int, *, seconds: float) -> None:
        """What is saved has so many bytes: those of arrays, and a fair guess for the rest."""
        self._happenings.snapshot_taken(self._name, seconds=seconds, bytes_before=self._bytes, bytes_after=size)
        self._bytes = size

    def _took(self, began: float) -> None:
        self._happenings.stage_took(self._name, perf_counter() - began)

    def _count_transitions(self, told: Iterable[Item]) -> None:
        for one in told:
            if isinstance(one, AlertRecord):
                self._happenings.alarm_changed(one)


class SamplesStep(_Step):
    """Every reading: order, limits, rate, flatline, silence; and the windows that close. Commands come by first."""

    def __init__(self, samples: Samples, happenings: Happenings, *, by_events: bool) -> None:
        self._samples = samples
        super().__init__("samples", happenings)
        self._by_events = by_events
        self._series = self._assets = 0
        self._ticked_ms: int | None = None
        happenings.sampler_met(samples.out_of_service, samples.resting)
        self._count_series()

    @classmethod
    def builder(cls, settings: Settings, happenings: Happenings) -> Callable[[dict[str, Any] | None], SamplesStep]:
        """What Bytewax calls for a key group's first item, or with its saved state."""
        by_events = settings.service.clock == "event"
        return lambda saved: cls(
            Samples.restore(settings, recalled(saved)) if saved else Samples(settings),
            happenings,
            by_events=by_events,
        )

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Blocks and ticks in; findings, closed windows and the time out. What isn't for this step passes by."""
        began = perf_counter()
        out: list[Item] = []
        times: dict[str, int] = {}
        closing = False
        for item in values:
            if isinstance(item, Block):
                findings, closed, counts = self._samples.read(item)
                self._happenings.readings_judged(**counts._asdict())
                if closed is not None:
                    self._happenings.windows_closed(len(closed.rows))
                    out.append(closed)
                    closing = True
                _append(out, findings)
                if self._by_events:
                    times.update(self._samples.clock_of(item).times)
            elif isinstance(item, Tick):
                if not self._samples.empty:
                    _append(out, self._samples.tick(item))
                if self._ticked_ms is None or not 0 <= item.now_ms - self._ticked_ms < TICKS_MS:
                    self._ticked_ms = item.now_ms
                    out.append(item)
            elif isinstance(item, Command):
                out.append(self._obey(item))
            elif isinstance(item, Recall):
                _append(out, self._samples.recall(item.recorded))
            elif isinstance(item, Recorded):
                _append(out, self._samples.recall(item))
                out.append(item)
            else:
                out.append(item)
        if times:
            clock = Clock(tuple(times.items()))
            out.append(Lagging(clock) if closing else clock)
        self._count_series()
        self._took(began)
        return out, self._samples.empty

    def _saved(self) -> dict[str, Any]:
        return self._samples.snapshot()

    def _obey(self, command: Command) -> Command | Reject:
        answer = self._samples.obey(command)
        if isinstance(answer, Reject):
            _count_command(self._happenings, command, [answer])
        return answer

    def _count_series(self) -> None:
        series, assets = self._samples.series_count, self._samples.asset_count
        if series != self._series or assets != self._assets:
            self._happenings.series_grew(series=series - self._series, assets=assets - self._assets)
            self._series, self._assets = series, assets


class WindowsStep(_Step):
    """Every closed window: the learned detectors, and what people say of their alarms."""

    def __init__(self, windows: Windows, happenings: Happenings) -> None:
        self._windows = windows
        super().__init__("windows", happenings)
        self._learning = Learning(0, 0, 0)
        happenings.learner_met(windows.warming, windows.paused, windows.adjusted)
        happenings.models_restarted(windows.restarted)
        self._count_learning()

    @classmethod
    def builder(
        cls, settings: Settings, happenings: Happenings, tracer: Tracer | None = None
    ) -> Callable[[dict[str, Any] | None], WindowsStep]:
        """What Bytewax calls for a key group's first closed window, or with its saved state."""
        return lambda saved: cls(
            Windows.restore(settings, recalled(saved), tracer) if saved else Windows(settings, tracer), happenings
        )

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Closed windows and feedback in, findings and refusals out."""
        began = perf_counter()
        out: list[Item] = []
        for item in values:
            if isinstance(item, Closed):
                _append(out, self._windows.judge(item))
            elif isinstance(item, Lagging):
                out.append(item.clock)
            else:
                assert isinstance(item, Command)
                refused = self._windows.feedback(item)
                answer: list[Item] = [] if refused is None else [refused]
                _count_command(self._happenings, item, answer)
                out += answer
        self._count_learning()
        self._took(began)
        return out, False

    def _saved(self) -> dict[str, Any]:
        return self._windows.snapshot()

    def _count_learning(self) -> None:
        now, before = self._windows.learning(), self._learning
        if now != before:
            self._happenings.learning_changed(
                warming=now.warming - before.warming,
                learning=now.learning - before.learning,
                paused=now.paused - before.paused,
            )
            self._learning = now


class AlarmsStep(_Step):
    """Every finding, command and moment: the alarm lifecycle. Many at once are decided in turns; see `waiting`."""

    def __init__(self, alarms: Alarms, happenings: Happenings, *, common: Common, waiting: Waiting) -> None:
        self._alarms = alarms
        super().__init__("alarms", happenings)
        self._common = common
        self._waiting = waiting
        self._standing: Mapping[tuple[str, Priority], int] = {}
        self._chattering = self._old = 0
        self._figures_ms: int | None = None
        self._count_standing()

    @classmethod
    def builder(cls, settings: Settings, happenings: Happenings) -> Callable[[dict[str, Any] | None], AlarmsStep]:
        """What Bytewax calls for a key group's first finding, or with its saved state."""
        common = Common(settings)

        def build(saved: dict[str, Any] | None) -> AlarmsStep:
            saved = recalled(saved) if saved else None
            alarms = Alarms.restore(settings, saved) if saved else Alarms(settings)
            if common.compared:
                alarms.reconcile(Recorded((), 0))  # nothing stood before, so there is nothing to compare
            waiting = Waiting(common.turns, saved.get("waiting", ()) if saved else ())
            return cls(alarms, happenings, common=common, waiting=waiting)

        return build

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Findings, commands and time in; transitions, what stands after them, and refusals out, now or later."""
        passing: list[Item] = []
        for item in values:
            if isinstance(item, tuple):
                for finding in item:
                    self._waiting.put(finding)
            elif isinstance(item, Command | Tick | Clock | Recorded):
                self._waiting.put(item)
            else:
                passing.append(item)
        return self._decide(passing, call=(self, "batch"))

    def on_notify(self) -> tuple[list[Item], bool]:
        """The next turn has begun."""
        return self._decide([], call=(self, "notify"))

    def on_eof(self) -> tuple[list[Item], bool]:
        """Nothing more comes: the flow ends, and nothing waits any more."""
        return self._decide([], call=(self, "eof"), to_the_end=True)

    def notify_at(self) -> datetime | None:
        """With the next turn of all key groups."""
        return next_turn(datetime.now(UTC)) if self._waiting else None

    def _decide(self, out: list[Item], *, call: Hashable, to_the_end: bool = False) -> tuple[list[Item], bool]:
        """Decide what waits, as far as there is time; `out` is told before it."""
        began = perf_counter()
        now_ms: int | None = None
        turns = self._common.turns
        turns.enter(call)
        done = 0
        while self._waiting and (to_the_end or done < EACH_TIME_MIN or not turns.over):
            told, time_ms = self._hear(self._waiting.take())
            out += told
            done += 1
            if time_ms is not None:
                now_ms = time_ms if now_ms is None else max(now_ms, time_ms)
        turns.leave()
        self._happenings.findings_wait(turns.waiting)
        self._count(out)
        if now_ms is not None:
            self._count_old(now_ms)
        if raises := self._raises(out, now_ms):
            out.append(raises)
        empty = self._alarms.empty and not self._waiting
        if empty and (self._old or self._bytes):
            self._leave()
        self._took(began)
        return out, empty

    def _saved(self) -> dict[str, Any]:
        saved = self._alarms.snapshot()
        if self._waiting:
            saved["waiting"] = self._waiting.rows()
        return saved

    def _hear(self, item: Waits) -> tuple[Iterable[Item], int | None]:
        """What one item leads to, and what time it says that it is (ms), if it does."""
        alarms = self._alarms
        if isinstance(item, Finding):
            return alarms.decide(item), None
        if isinstance(item, Tick):
            self._common.pass_on(item.now_ms)
            return alarms.tick(item.now_ms), item.now_ms
        if isinstance(item, Clock):
            told = [told for asset, ms in item.times for told in alarms.clock(asset, ms)]
            return told, max(ms for _, ms in item.times)
        if isinstance(item, Command):
            answer = alarms.obey(item)
            _count_command(self._happenings, item, answer)
            return answer, None
        return self._reconcile(item), item.now_ms

    def _reconcile(self, recorded: Recorded) -> Sequence[Item]:
        told = self._alarms.reconcile(recorded)
        self._common.comparing(recorded.now_ms)
        if told:
            self._happenings.alarms_reconciled(told)
        return told

    def _raises(self, told: list[Item], now_ms: int | None) -> Raises | None:
        """What the flood step must know of this batch."""
        alerts = [one.alert for one in told if isinstance(one, AlertRecord)]
        raises = tuple(
            Raise(alert.ts, alert.asset, alert.sensor, alert.kind, alert.rule, alert.priority, alert.alert_id)
            for alert in alerts
            if alert.transition is Transition.RAISED and alert.annunciated
        )
        if now_ms is not None and not self._common.flood_is_due(now_ms):
            now_ms = None
        return Raises(raises, now_ms) if raises or now_ms is not None else None

    def _count(self, told: list[Item]) -> None:
        self._count_transitions(told)
        if told or self._alarms.chattering != self._chattering:
            self._count_standing()

    def _count_standing(self) -> None:
        now, chattering = self._alarms.standing(), self._alarms.chattering
        if now != self._standing or chattering != self._chattering:
            changes = {one: now.get(one, 0) - self._standing.get(one, 0) for one in {*now, *self._standing}}
            self._happenings.alarms_stand(changes, chattering=chattering - self._chattering)
            self._standing, self._chattering = now, chattering

    def _count_old(self, now_ms: int) -> None:
        if self._figures_ms is not None and 0 <= now_ms - self._figures_ms < FIGURES_MS:
            return
        self._figures_ms = now_ms
        old = self._alarms.old(now_ms)
        if old != self._old:
            self._happenings.alarms_aged(old - self._old)
            self._old = old

    def _leave(self) -> None:
        """Bytewax lets go of what has no state, and makes it anew when it is needed: the figures don't keep it."""
        self._happenings.alarms_aged(-self._old)
        self._old = 0
        self._forget()


class FloodStep(_Step):
    """Every annunciated raise of the site: are there more than a person can follow?"""

    def __init__(self, flood: Flood, happenings: Happenings) -> None:
        self._flood = flood
        super().__init__("flood", happenings)
        self._standing = False
        self._count_flood()

    @classmethod
    def builder(cls, settings: Settings, happenings: Happenings) -> Callable[[dict[str, Any] | None], FloodStep]:
        """What Bytewax calls for the first raise, or with the saved state."""
        return lambda saved: cls(Flood.restore(settings, recalled(saved)) if saved else Flood(settings), happenings)

    def on_batch(self, values: list[Item]) -> tuple[list[Item], bool]:
        """Raises and time in; a flood's beginning and its end out."""
        began = perf_counter()
        out: list[Item] = []
        for item in values:
            if isinstance(item, Raises):
                out += self._flood.add(item.raises)
                if item.now_ms is not None:
                    out += self._flood.tick(item.now_ms)
            else:
                assert isinstance(item, FloodRecorded)
                out += self._flood.reconcile(item.records)
        self._count_transitions(out)
        self._count_flood()
        if self._flood.empty and self._bytes:
            self._forget()
        self._took(began)
        return out, self._flood.empty

    def _saved(self) -> dict[str, Any]:
        return self._flood.snapshot()

    def _count_flood(self) -> None:
        standing = self._flood.standing
        self._happenings.flood_measured(under_way=standing, raised_lately=self._flood.raised_lately)
        if standing != self._standing:
            kind = (Kind.FLOOD, priority_of(FLOOD_SEVERITY))
            self._happenings.alarms_stand({kind: standing - self._standing}, chattering=0)
            self._standing = standing


class Common:
    """What the alarm steps of one process have in common: they come and go with the alarms of their key groups."""

    def __init__(self, settings: Settings) -> None:
        self.turns = Turns(limited=settings.service.clock == "wall")
        self._said_ms: int | None = None
        self._compared_ms: int | None = None
        self.compared = False
        """Every key group has been compared with the alarm-state topic. Who comes later was never there before."""

    def flood_is_due(self, now_ms: int) -> bool:
        """Whether the flood step should hear the time again (ms since the epoch), whichever group says it.

        A clock that was set back is followed.
        """
        if self._said_ms is not None and 0 <= now_ms - self._said_ms < FIGURES_MS:
            return False
        self._said_ms = now_ms
        return True

    def comparing(self, now_ms: int) -> None:
        """A key group is being compared; all others are at the same time (ms since the epoch)."""
        self._compared_ms = now_ms

    def pass_on(self, now_ms: int) -> None:
        """It is so late (ms since the epoch) by a tick."""
        if self._compared_ms is not None and now_ms > self._compared_ms + FIGURES_MS:
            self.compared = True


def _append(out: list[Item], findings: list[Finding]) -> None:
    if findings:
        out.append(tuple(findings))


def _count_command(happenings: Happenings, command: Command, answer: Iterable[object]) -> None:
    """A command came to its end here: it was carried out, or it is refused."""
    happenings.command_ended(command.verb, done=not any(isinstance(one, Reject) for one in answer))
