"""What is looked at on every reading: order, limits, rate, flatline, silence; and the windows that close.

`Samples` is the state of one key group: one record for each series, one for each asset. A compiled loop takes each row
of a block through the rules in turn (checking.py); Python meets blocks and findings, never readings. The cut into
blocks changes nothing (by the event clock), and nor does a restart from a snapshot.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.alarm_states import Recorded
from contracts.commands import Command, Verb
from contracts.errors import StateError
from contracts.findings import CLOSED, Closed, Expected, Finding, Kind
from contracts.readings import Block, Clock, Reject, Rows, SeriesName, Tick
from contracts.settings import ResolvedAsset, Settings
from detectors import flatline, found, limit, order, rate, recall, running, stale, tumbling
from detectors.checking import (
    CLOSED_ROWS,
    COUNTS,
    FAULT,
    FOUND_ROW_MAX,
    FOUND_ROWS,
    NEXT_ROW,
    PLAN,
    PROGRESS,
    SERIES,
    Counts,
    check_rows,
)
from detectors.compiled import compiled
from detectors.found import Line
from detectors.pause import Pauses
from detectors.recall import Silence
from detectors.records import CAPACITY_MIN, adopted, copied, grown
from detectors.slots import Slots

__all__ = ["VERSION", "Counts", "Read", "Samples"]

VERSION = 3
"""Of the snapshot. 1 knew nothing out of service, 1 and 2 of no machine whether it runs."""

BUFFER_ROWS_MIN = 64
BUFFER_ROWS_MAX = 16_384
"""Beyond this the loop is entered again rather than given more room, except where one asset needs more."""

SUGGESTED = 3
"""Sensors that are named to whoever has asked for one that isn't there."""

_RULES = {
    found.LIMIT_HH: (Kind.LIMIT, "hh"),
    found.LIMIT_H: (Kind.LIMIT, "h"),
    found.LIMIT_LL: (Kind.LIMIT, "ll"),
    found.LIMIT_L: (Kind.LIMIT, "l"),
    found.RISE: (Kind.RATE, "rise"),
    found.FALL: (Kind.RATE, "fall"),
    found.FLAT: (Kind.FLATLINE, "flat"),
    found.SILENT: (Kind.STALE, "silent"),
    found.ASSET_SILENT: (Kind.STALE, "silent"),
}


class Read(NamedTuple):
    """What a block led to."""

    findings: list[Finding]
    closed: Closed | None
    counts: Counts


class Samples:
    """The state of one key group on every reading: feed it blocks and ticks, take findings and closed windows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_arrival = settings.service.clock == "wall"
        self._slots = Slots()
        self._units: list[str | None] = []  # by slot
        self._pauses = Pauses(settings)
        self._series = np.zeros(CAPACITY_MIN, SERIES)
        self._assets = np.zeros(CAPACITY_MIN, stale.ASSET)
        self._machines = np.zeros(CAPACITY_MIN, running.STATE)  # by asset
        # Many series have equal settings: each has a row of `_plan_rows`, and distinct ones are kept once.
        self._plans = np.zeros(CAPACITY_MIN, np.int32)
        self._plan_rows = np.zeros(CAPACITY_MIN, PLAN)
        self._plan_numbers: dict[tuple[Any, ...], int] = {}  # by what the settings say
        self._described: dict[tuple[int, int, int], tuple[Expected, dict[str, float | int | str | None]]] = {}
        self._asset_settings: dict[int, ResolvedAsset] = {}
        self._announced = np.zeros(CAPACITY_MIN, np.bool_)
        self._found = np.zeros(BUFFER_ROWS_MIN, found.FOUND)
        self._closed = np.zeros(BUFFER_ROWS_MIN, CLOSED)
        self._progress = np.zeros(PROGRESS, np.int64)
        self._newest = np.zeros(0, np.int64)  # time by asset, for `clock_of` alone
        self._spoke = np.zeros(0, np.bool_)  # by asset, False between two calls

    @classmethod
    def restore(cls, settings: Settings, snapshot: dict[str, Any]) -> Samples:
        """The state that a snapshot was taken of, under settings that may have changed since.

        What the settings no longer watch is forgotten; so are open windows whose length changed.

        Raises:
            StateError: the snapshot is of a version that this program doesn't know.
        """
        version = snapshot.get("version")
        if version not in (1, 2, VERSION):
            raise StateError(
                f"the saved state of step `samples` has version {version!r}; this andon reads 1 to {VERSION}. "
                "Run the andon that wrote it, or begin with a fresh state directory."
            )
        samples = cls(settings)
        samples._pauses = Pauses(settings, snapshot.get("out_of_service", ()))
        samples._series = adopted(snapshot["series"], SERIES)
        samples._assets = adopted(snapshot["asset_records"], stale.ASSET)
        machines = snapshot.get("machines", np.zeros(len(snapshot["assets"]), running.STATE))
        samples._machines = adopted(machines, running.STATE)
        owners = samples._series["stale"]["asset"][: len(snapshot["sensors"])].tolist()
        samples._slots = Slots.restored(assets=snapshot["assets"], sensors=snapshot["sensors"], owners=owners)
        count = len(samples._slots)
        samples._plan(range(count))
        samples._pauses.meet(samples._slots, range(count))
        plans = samples._plan_rows[samples._plans[:count]]
        series = samples._series[:count]
        limit.settle(series["limit"], plans["limit"])
        rate.settle(series["rate"], plans["rate"])
        for slot, before in enumerate(snapshot.get("units", ())):
            if before and (now := samples._units[slot]) and before != now:
                rate.forget(series["rate"][slot])
        flatline.settle(series["flatline"], plans["flatline"])
        stale.settle(series["stale"], samples._assets[: samples.asset_count], plans["stale"])
        tumbling.settle(series["windows"], plans["windows"])
        watched = [samples._settings.asset(asset).running is not None for asset in samples._slots.assets]
        running.settle(samples._machines[: samples.asset_count], watched)
        samples._make_room()
        return samples

    def snapshot(self) -> dict[str, Any]:
        """All that must outlive the process, as copies: numpy arrays and built-in types only."""
        return {
            "version": VERSION,
            "assets": list(self._slots.assets),
            "sensors": list(self._slots.sensors),
            "units": list(self._units),
            "series": copied(self._series[: len(self._slots)]),
            "asset_records": copied(self._assets[: self.asset_count]),
            "machines": copied(self._machines[: self.asset_count]),
            "out_of_service": self._pauses.out_of_service,
        }

    @property
    def empty(self) -> bool:
        """No series is known yet: there is nothing to save, and a tick has nothing to say."""
        return not (self._slots.sensors or self._pauses.out_of_service)

    @property
    def series_count(self) -> int:
        """Series that were ever seen."""
        return len(self._slots)

    @property
    def asset_count(self) -> int:
        """Assets that were ever seen."""
        return len(self._slots.assets)

    def read(self, block: Block) -> Read:
        """Take the rows of a block through all rules, in their order.

        Args:
            block: is left as it is. Every series number in it was announced by its lane.
        Raises: ValueError if one wasn't.
        """
        self._learn(block.lane, block.names)
        table = self._slots.table(block.lane)
        rows = block.rows
        if not (rows.flags.c_contiguous and rows.flags.writeable):
            rows = rows.copy()  # the compiled loop is of one type of array; a read-only one is another type
        if self._pauses.possible:
            rows = self._marked(rows, table)
        progress = self._progress
        progress[:] = 0
        findings: list[Finding] = []
        closed: list[Rows] = []
        while progress[NEXT_ROW] < len(rows):
            check_rows(
                rows,
                table,
                self._series,
                self._series["stale"],
                self._plans,
                self._plan_rows,
                self._assets,
                self._machines,
                block.lane,
                block.arrived_ms,
                self._by_arrival,
                self._found,
                self._closed,
                progress,
            )
            if progress[FAULT]:
                number = int(rows["series"][progress[NEXT_ROW]])
                raise ValueError(f"lane {block.lane} uses series number {number}, which it never announced")
            if progress[FOUND_ROWS]:
                findings += self._findings(self._found[: progress[FOUND_ROWS]], block)
            if progress[CLOSED_ROWS]:
                closed.append(self._closed[: progress[CLOSED_ROWS]].copy())
            if progress[NEXT_ROW] < len(rows):
                self._widen()
        counts = Counts(*progress[:COUNTS].tolist())
        return Read(findings, self._announce(closed, block.sources) if closed else None, counts)

    def tick(self, tick: Tick) -> list[Finding]:
        """Judge the silence of the assets that listen to the tick's lane; never by the event clock."""
        if self.empty or not self._by_arrival:
            return []
        states = self._series["stale"]
        if tick.after_outage:
            stale.excuse(states[: len(self._slots)], self._assets, tick.lane, tick.now_ms)
            return []
        findings: list[Finding] = []
        written = np.zeros(1, np.int64)
        number = 0
        while number < self.asset_count:
            number = stale.tick(
                states,
                self._plans,
                self._plan_rows,
                self._assets,
                self.asset_count,
                number,
                tick.lane,
                tick.now_ms,
                self._found,
                written,
            )
            findings += self._findings(self._found[: written[0]], None)
        return findings

    def clock_of(self, block: Block) -> Clock:
        """How far the assets of a block have come, after `read` of it: never back, whichever of their sensors spoke."""
        owners, times = self._series["stale"]["asset"], self._series["order"]["newest_ts"]
        if len(self._newest) < self.asset_count:
            count = len(self._slots)
            self._newest = np.zeros(len(self._assets), np.int64)
            np.maximum.at(self._newest, owners[:count], times[:count])
            self._spoke = np.zeros(len(self._assets), np.bool_)
        spoke = np.empty(min(len(block.rows), self.asset_count), np.int64)
        table = self._slots.table(block.lane)
        count = _come_forward(block.rows["series"], table, owners, times, self._newest, self._spoke, spoke)
        numbers = spoke[:count]
        self._spoke[numbers] = False
        names = self._slots.assets
        moments = self._newest[numbers].tolist()
        return Clock(tuple((names[number], ms) for number, ms in zip(numbers.tolist(), moments, strict=True)))

    def obey(self, command: Command) -> Command | Reject:
        """Take what a command is about out of service or back, if it is about that; pass on what can be done.

        Returns: the command as it came; or why nobody can carry it out: its asset, or its sensor, was never seen.
        """
        asset = self._slots.asset(command.asset)
        if asset is None:
            return command.refused(f"no reading of an asset {command.asset!r} was ever seen: check its name")
        sensor = command.scope.sensor
        if sensor and self._slots.slot(asset, sensor) is None:
            known = self._slots.sensors_of(asset)
            near = get_close_matches(sensor, known, n=SUGGESTED, cutoff=0.0)
            more = f" and {len(known) - SUGGESTED} more" if len(known) > SUGGESTED else ""
            return command.refused(f"asset {command.asset} has no sensor {sensor!r}: it has {', '.join(near)}{more}")
        if command.verb in (Verb.OUT_OF_SERVICE, Verb.IN_SERVICE):
            return self._pauses.obey(command, self._slots)
        return command

    def out_of_service(self) -> list[tuple[str, str | None]]:
        """(asset, sensor) of what is out of service by command; a sensor of None: the asset as a whole."""
        return self._pauses.out_of_service

    def resting(self) -> list[tuple[str, str | None]]:
        """(asset, None) of the machines that rest by their own sensor, as far as is known."""
        rests = np.flatnonzero(self._machines["rests"][: self.asset_count])
        return [(self._slots.assets[number], None) for number in rests.tolist()]

    def recall(self, recorded: Recorded) -> list[Finding]:
        """After a start: take over what the alarm-state topic knows and the saved state doesn't.

        A silence that was told just before the process died, and that its saved state didn't know yet, is told again
        if it lasts: with the same onset, so it is the same alarm. What is recorded as out of service is so again.
        """
        self._pauses.recall(recall.out_of_service(recorded), self._slots)
        return [finding for silence in recall.silences(recorded) if (finding := self._silent_still(silence))]

    def _silent_still(self, silence: Silence) -> Finding | None:
        """A recorded silence, raised again; None: it is over, or raised already, or not watched (any more)."""
        asset = self._slots.asset(silence.asset)
        slot = None if asset is None or silence.sensor is None else self._slots.slot(asset, silence.sensor)
        if asset is None or (slot is None and silence.sensor is not None):
            return None
        count = len(self._slots)
        states = self._series["stale"][:count]
        configs = self._plan_rows["stale"][self._plans[:count]]
        if not stale.recall(states, self._assets, configs, asset, slot, silence):
            return None
        return Finding(
            asset=silence.asset,
            sensor=silence.sensor,
            kind=Kind.STALE,
            rule="silent",
            active=True,
            onset_ts=silence.onset_ts,
            ts=silence.onset_ts,
            value=None if slot is None else float(states[slot]["last_value"]),
            evidence={"after_ms": silence.after_ms, "last_ts": silence.last_ts},
        )

    def _marked(self, rows: Rows, table: NDArray[np.int32]) -> Rows:
        """The rows with their field `paused`: a copy where any is."""
        # A number that was never announced is clipped to any other one here; the loop refuses it.
        marks = self._pauses.marks(table.take(rows["series"], mode="clip"), rows["ts"])
        if marks.any():
            rows = rows.copy()
            rows["paused"] = marks
        return rows

    def _learn(self, lane: int, names: tuple[SeriesName, ...]) -> None:
        """Note a lane's names and give new series their records."""
        if not names:
            return
        new = self._slots.learn(lane, names)
        if not new:
            return
        self._series = grown(self._series, len(self._slots))
        self._assets = grown(self._assets, self.asset_count)
        self._machines = grown(self._machines, self.asset_count)
        self._plan(new)
        self._pauses.meet(self._slots, new)
        added = slice(new.start, new.stop)
        self._series["windows"]["window_ms"][added] = self._plan_rows["windows"]["window_ms"][self._plans[added]]
        stale.attach(self._series["stale"], self._assets, new, self._slots.owners[added])
        self._make_room()

    def _plan(self, slots: range) -> None:
        """Find what is watched on these series, which are the newest."""
        count = len(self._slots)
        for name in ("_plans", "_announced"):
            before = getattr(self, name)
            if count > len(before):
                after = np.zeros(max(2 * len(before), count), before.dtype)
                after[: len(before)] = before
                setattr(self, name, after)
        for slot in slots:
            owner = self._slots.owners[slot]
            asset, sensor = self._slots.assets[owner], self._slots.sensors[slot]
            rule = self._settings.rule(asset, sensor)
            self._units.append(rule.unit)
            resolved = self._asset_settings.get(owner)
            if resolved is None:
                resolved = self._asset_settings[owner] = self._settings.asset(asset)
            machine = resolved.running
            alike = (  # series that share these objects and numbers share a plan: most are found by this alone
                id(rule),
                resolved.window_ms,
                resolved.phase_ms,
                resolved.late_ms_max,
                id(machine),
                machine is not None and sensor == machine.sensor,
            )
            number = self._plan_numbers.get(alike)
            if number is None:
                number = self._plan_numbers[alike] = len(self._plan_numbers)
                self._plan_rows = grown(self._plan_rows, number + 1)
                self._plan_rows[number] = (
                    order.config_of(resolved),
                    tumbling.config_of(resolved),
                    running.config_of(resolved, sensor),
                    stale.config_of(rule),
                    rate.config_of(rule),
                    flatline.config_of(rule),
                    limit.config_of(rule),
                )
            self._plans[slot] = number

    def _make_room(self) -> None:
        """Any one row of a block, and any one asset at a tick, must fit into the buffer of findings."""
        needed = int(self._assets["sensors"].max()) + FOUND_ROW_MAX
        self._found = grown(self._found, needed)

    def _widen(self) -> None:
        """A buffer was full: the next block like this one needs fewer rounds."""
        if 2 * self._progress[FOUND_ROWS] > len(self._found) and len(self._found) < BUFFER_ROWS_MAX:
            self._found = grown(self._found, len(self._found) + 1)
        if 2 * self._progress[CLOSED_ROWS] > len(self._closed) and len(self._closed) < BUFFER_ROWS_MAX:
            self._closed = grown(self._closed, len(self._closed) + 1)

    def _announce(self, parts: list[Rows], sources: tuple[str, ...]) -> Closed:
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        names = []
        for slot in rows["slot"][~self._announced[rows["slot"]]].tolist():
            if not self._announced[slot]:
                self._announced[slot] = True
                names.append(SeriesName(slot, self._slots.assets[self._slots.owners[slot]], self._slots.sensors[slot]))
        return Closed(rows=rows, names=tuple(names), sources=sources)

    def _findings(self, rows: Rows, block: Block | None) -> list[Finding]:
        """Words for rows of FOUND, which a block caused, or a tick."""
        lines = [Line(*row) for row in rows.tolist()]
        sources = [""] * len(lines) if block is None else _sources(block, rows["row"])
        return [self._finding(line, source) for line, source in zip(lines, sources, strict=True)]

    def _finding(self, line: Line, source: str) -> Finding:
        subject = line.subject
        kind, rule = _RULES[line.rule]
        about_asset = line.rule == found.ASSET_SILENT
        expected, evidence = self._describe(line)
        return Finding(
            asset=self._slots.assets[subject if about_asset else self._slots.owners[subject]],
            sensor=None if about_asset else self._slots.sensors[subject],
            kind=kind,
            rule=rule,
            active=bool(line.active),
            onset_ts=line.onset_ts,
            ts=line.ts,
            value=None if about_asset else line.value,
            expected=expected,
            evidence=evidence,
            source=source,
        )

    def _describe(self, line: Line) -> tuple[Expected, dict[str, float | int | str | None]]:
        if line.rule in (found.SILENT, found.ASSET_SILENT):
            return stale.describe(line)
        number = int(self._plans[line.subject])
        if line.rule in (found.RISE, found.FALL):
            return rate.describe(line, self._plan_rows[number]["rate"])
        same = (number, line.rule, line.active)  # what else has the same words: thousands, when a plant trips
        if same not in self._described:
            plan = self._plan_rows[number]
            flat = line.rule == found.FLAT
            self._described[same] = flatline.describe(plan["flatline"]) if flat else limit.describe(line, plan["limit"])
        expected, evidence = self._described[same]
        return expected, evidence.copy()


def _sources(block: Block, rows: NDArray[np.int32]) -> list[str]:
    """Where these rows of a block came from."""
    readings = block.rows[rows]
    places = zip(readings["partition"].tolist(), readings["offset"].tolist(), strict=True)
    return [f"{block.sources[partition]}/{offset}" for partition, offset in places]


@compiled
def _come_forward(numbers: Any, table: Any, owners: Any, times: Any, newest: Any, spoke: Any, order: Any) -> int:
    """Bring the newest time of each asset that has a row up to date.

    Args:
        numbers: of the rows' series, shape (n,).
        table: slot by series number.
        owners: asset by slot.
        times: of the newest reading by slot.
        newest: by asset; written.
        spoke: by asset, False everywhere; True for those that have a row.
        order: receives the assets that have a row, in the order of their first one.
    Returns: how many they are.
    """
    count = 0
    for row in range(len(numbers)):
        slot = table[numbers[row]]
        asset = owners[slot]
        if not spoke[asset]:
            spoke[asset] = True
            order[count] = asset
            count += 1
        newest[asset] = max(newest[asset], times[slot])
    return count
