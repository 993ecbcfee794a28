"""Names of a key group's series and assets, and the slots that their records have.

A slot is given at the first mention of a series and never changes. Each lane has numbers of its own for the series;
they last as long as the process, so they are not saved: after a restart the names come again.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from contracts.readings import SeriesName

__all__ = ["UNKNOWN", "Slots"]

UNKNOWN = -1
"""In a lane's table: no name was announced for this number."""

_NO_TABLE = np.full(1, UNKNOWN, np.int32)


class Slots:
    """Series ↔ slot, asset ↔ number, and for each lane its series number → slot."""

    def __init__(self) -> None:
        self.assets: list[str] = []
        """Name by number of the asset."""
        self.sensors: list[str] = []
        """Name by slot."""
        self.owners: list[int] = []
        """Number of the asset by slot."""
        self._asset_numbers: dict[str, int] = {}
        self._slots: dict[tuple[int, str], int] = {}
        self._tables: dict[int, NDArray[np.int32]] = {}

    @classmethod
    def restored(cls, *, assets: list[str], sensors: list[str], owners: list[int]) -> Slots:
        """The slots of a saved state: the three lists as they were."""
        slots = cls()
        slots.assets = list(assets)
        slots.sensors = list(sensors)
        slots.owners = list(owners)
        slots._asset_numbers = {name: number for number, name in enumerate(assets)}
        slots._slots = {(owner, sensor): slot for slot, (owner, sensor) in enumerate(zip(owners, sensors, strict=True))}
        return slots

    def __len__(self) -> int:
        return len(self.sensors)

    def learn(self, lane: int, names: Iterable[SeriesName]) -> range:
        """Note what a lane announces; returns the slots that are new."""
        before = len(self.sensors)
        for name in names:
            self._note(lane, name.number, self._given(name.asset, name.sensor))
        return range(before, len(self.sensors))

    def asset(self, name: str) -> int | None:
        """The number of an asset; None: it was never mentioned."""
        return self._asset_numbers.get(name)

    def slot(self, asset: int, sensor: str) -> int | None:
        """The slot of an asset's sensor; None: it was never mentioned."""
        return self._slots.get((asset, sensor))

    def sensors_of(self, asset: int) -> list[str]:
        """The sensors of an asset, by number."""
        return [sensor for sensor, owner in zip(self.sensors, self.owners, strict=True) if owner == asset]

    def table(self, lane: int) -> NDArray[np.int32]:
        """Slot by the lane's series number, UNKNOWN where none was announced; for reading only."""
        return self._tables.get(lane, _NO_TABLE)

    def _given(self, asset: str, sensor: str) -> int:
        owner = self._asset_numbers.setdefault(asset, len(self.assets))
        if owner == len(self.assets):
            self.assets.append(asset)
        slot = self._slots.setdefault((owner, sensor), len(self.sensors))
        if slot == len(self.sensors):
            self.sensors.append(sensor)
            self.owners.append(owner)
        return slot

    def _note(self, lane: int, number: int, slot: int) -> None:
        table = self.table(lane)
        if number >= len(table) or table is _NO_TABLE:
            longer = np.full(max(number + 1, 2 * len(table)), UNKNOWN, np.int32)
            longer[: len(table)] = table
            self._tables[lane] = table = longer
        table[number] = slot
