"""Pauses: which readings are judged by the rules as ever, and not learned from.

Two reasons, each by what a reading is and not by when it comes through:

    out of service   its sensor, or its asset as a whole: from one command to the next
    maintenance      its own time lies in a span of `[[maintenance]]` in the settings (contracts.calendar)

A window with such a reading in it is like one with an uncertain reading: judged, and not learned. Maintenance depends
on the reading alone, so neither the cut into blocks nor a restart changes anything; a command is where it comes among
the readings.

An asset keeps the *spell* that its newest reading lay in: a stretch of time in which maintenance neither begins nor
ends, at most a day (UTC) long. Nearly always the next reading lies in it too, and all readings of a block are looked up
at once.

Misses: a machine that is off without anybody having said so.
Cost: nothing while nothing is out of service and the settings have no maintenance for these assets; else 25 bytes an
asset and some 20 ns a reading, and once a day and asset some 0.1 ms for each entry that concerns it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from contracts.calendar import DAY_MS, Calendar
from contracts.commands import Command, Verb
from detectors.records import CAPACITY_MIN, grown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from contracts.readings import Reject
    from contracts.settings import Settings
    from detectors.slots import Slots

__all__ = ["Pauses"]

DAYS_MAX = 4096
"""Days of assets that are remembered: a device whose clock jumps about makes more of them than a calendar has."""

_FIRST_MS, _LAST_MS = np.iinfo(np.int64).min, np.iinfo(np.int64).max

_Name = tuple[str, str | None]
"""(asset, sensor); a sensor of None: the asset as a whole."""


class _Spell(NamedTuple):
    since: int
    until: int
    maintained: int
    """1 or 0."""


class Pauses:
    """What is out of service, or under maintenance, in one key group."""

    def __init__(self, settings: Settings, out_of_service: Iterable[_Name] = ()) -> None:
        self._calendar = Calendar(settings)
        self._out = frozenset(out_of_service)  # replaced whole: other threads ask for it
        self._commanded: set[_Name] = set()  # since the start of the process, until the alarm-state topic was compared
        self._out_by_slot = np.zeros(CAPACITY_MIN, np.uint8)
        self._owners = np.zeros(CAPACITY_MIN, np.int32)  # number of the asset by slot
        # The spell of each asset; since = until: none is known yet.
        self._since = np.zeros(CAPACITY_MIN, np.int64)
        self._until = np.zeros(CAPACITY_MIN, np.int64)
        self._maintained = np.zeros(CAPACITY_MIN, np.uint8)
        self._assets: list[str] = []  # name by number, as in the slots
        self._concerned = False  # some asset has maintenance
        self._days: dict[tuple[int, int], list[_Spell]] = {}

    @property
    def out_of_service(self) -> list[_Name]:
        """What is out of service by command, in order; a sensor of None: an asset as a whole."""
        return sorted(self._out, key=lambda name: (name[0], name[1] or "", name[1] is not None))

    @property
    def possible(self) -> bool:
        """Some reading may have to be marked."""
        return bool(self._out) or self._concerned

    def meet(self, slots: Slots, new: range) -> None:
        """Take note of new series, and of their assets where these are new."""
        self._out_by_slot = grown(self._out_by_slot, len(slots))
        self._owners = grown(self._owners, len(slots))
        self._owners[new.start : new.stop] = slots.owners[new.start : new.stop]
        if self._out:
            self._mark(slots, new)
        for name in ("_since", "_until", "_maintained"):
            setattr(self, name, grown(getattr(self, name), len(slots.assets)))
        for number in range(len(self._assets), len(slots.assets)):
            asset = slots.assets[number]
            self._assets.append(asset)
            if self._calendar.concerns(asset):
                self._concerned = True
            else:
                self._since[number], self._until[number] = _FIRST_MS, _LAST_MS

    def obey(self, command: Command, slots: Slots) -> Command | Reject:
        """Take a known asset, or one of its sensors, out of service or back; or say why that can't be."""
        name = (command.asset, command.scope.sensor)
        if name[1] == "":
            return command.refused(f"{command.verb} is about a sensor, or without `sensor` about all of its asset")
        if command.verb is Verb.OUT_OF_SERVICE:
            if name in self._out:
                return command.refused(f"{_words(name)} is out of service already")
            self._out |= {name}
        else:
            if name not in self._out:
                return command.refused(f"{_words(name)} isn't out of service{self._hint(name)}")
            self._out -= {name}
        self._commanded.add(name)
        self._mark(slots, range(len(slots)))
        return command

    def recall(self, recorded: Iterable[_Name], slots: Slots) -> None:
        """Take over what the alarm-state topic says is out of service, where no command since the start said else."""
        self._out |= {name for name in recorded if name not in self._commanded}
        self._commanded.clear()
        self._mark(slots, range(len(slots)))

    def marks(self, slots: NDArray[np.int32], ts: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Which readings are not to be learned from.

        Args:
            slots: of the readings' series, shape (n,).
            ts: event times (ms), shape (n,).
        Returns: 1 or 0, shape (n,).
        """
        marks: NDArray[np.uint8] = self._out_by_slot[slots]
        if not self._concerned:
            return marks
        owners = self._owners[slots]
        maintained = self._maintained[owners]
        astray = np.flatnonzero((ts < self._since[owners]) | (ts >= self._until[owners]))
        if len(astray):
            maintained[astray] = self._look_up(owners[astray].tolist(), ts[astray].tolist())
        return marks | maintained

    def _look_up(self, owners: list[int], ts: list[int]) -> list[int]:
        """Whether readings outside of their assets' spells are in maintenance; the assets' spells are theirs then."""
        latest: dict[int, _Spell] = {}
        maintained = []
        for owner, moment in zip(owners, ts, strict=True):
            spell = latest.get(owner)
            if spell is None or not spell.since <= moment < spell.until:
                spell = latest[owner] = self._spell(owner, moment)
            maintained.append(spell.maintained)
        for owner, spell in latest.items():
            self._since[owner], self._until[owner], self._maintained[owner] = spell
        return maintained

    def _spell(self, owner: int, ts: int) -> _Spell:
        """The spell that `ts` lies in."""
        day = ts // DAY_MS
        spells = self._days.get((owner, day))
        if spells is None:
            if len(self._days) >= DAYS_MAX:
                self._days.clear()
            spells = self._days[owner, day] = self._spells_of(owner, day * DAY_MS, (day + 1) * DAY_MS)
        return next(spell for spell in spells if spell.since <= ts < spell.until)

    def _spells_of(self, owner: int, start: int, end: int) -> list[_Spell]:
        """The spells of one day, in order and without gaps."""
        spells: list[_Spell] = []
        until = start
        for span in self._calendar.spans(self._assets[owner], start, end):
            if span.start > until:
                spells.append(_Spell(until, span.start, 0))
            until = min(span.end, end)
            spells.append(_Spell(max(span.start, start), until, 1))
        if until < end:
            spells.append(_Spell(until, end, 0))
        return spells

    def _mark(self, slots: Slots, which: range) -> None:
        for slot in which:
            asset = slots.assets[slots.owners[slot]]
            self._out_by_slot[slot] = (asset, None) in self._out or (asset, slots.sensors[slot]) in self._out

    def _hint(self, name: _Name) -> str:
        """What is out of service in its stead, if anything of its asset is."""
        asset, sensor = name
        if sensor is not None and (asset, None) in self._out:
            return f": {asset} as a whole is, leave `sensor` out"
        others = sorted(other for where, other in self._out if where == asset and other is not None)
        if sensor is None and others:
            return f" as a whole: its {', '.join(others[:5])} {'is' if len(others) == 1 else 'are'}, name the sensor"
        return ""


def _words(name: _Name) -> str:
    return name[0] if name[1] is None else f"{name[0]} {name[1]}"
