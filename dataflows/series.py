"""The series that a lane knows: (asset, sensor) → the lane's own dense number and its key group.

A name is judged once, when it is first met; after that a series costs one dictionary look-up. The numbers live as long
as the lane: after a restart the names come again.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from contracts.codec import Refusal
from contracts.findings import Finding, Kind
from contracts.names import name_fault
from contracts.readings import Reason, SeriesName, group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from contracts.settings import Service

__all__ = ["Refusal", "SeriesTable"]


REPORTED_AGAIN_S = 600.0
"""So often it is told that a bound is still met, since an alarm of which nothing is heard for an hour is over."""


class SeriesTable:
    """Numbers the series of one lane, and refuses those that are badly named or too many."""

    def __init__(self, service: Service, *, clock_s: Callable[[], float] = monotonic) -> None:
        self._service = service
        self._clock_s = clock_s
        self._numbers: dict[str, dict[str, int]] = {}
        self._groups: dict[str, int] = {}
        self._per_group = np.zeros(service.key_groups, np.int64)
        self._group_of_number = np.zeros(256, np.int16)
        self._count = 0
        self._unannounced: dict[int, list[SeriesName]] = {}
        self._unreported: list[tuple[int, Finding]] = []
        self._reported: dict[tuple[str, str], tuple[str, float]] = {}

    def number(self, asset: str, sensor: str, ts: int) -> int | Refusal:
        """The number of a series, new or known; or why it is refused.

        Args:
            ts: event time of the reading (ms), for the alert that says that a bound was met.
        """
        sensors = self._numbers.get(asset)
        if sensors is not None and (number := sensors.get(sensor)) is not None:
            return number
        return self._add(asset, sensor, ts)

    @property
    def groups(self) -> NDArray[np.int16]:
        """Key group by series number, shape (at least the count of series,)."""
        return self._group_of_number

    @property
    def group_count(self) -> int:
        """How many key groups there are, with series or without."""
        return len(self._per_group)

    def take_names(self, group: int) -> tuple[SeriesName, ...]:
        """The names that this key group has not been told yet, in the order of their numbers; once."""
        return tuple(self._unannounced.pop(group, ()))

    def take_findings(self) -> list[tuple[int, Finding]]:
        """(key group, finding) of each bound that was met since the last call; the same one once in ten minutes."""
        findings, self._unreported = self._unreported, []
        return findings

    def _add(self, asset: str, sensor: str, ts: int) -> int | Refusal:
        if fault := name_fault(asset):
            return Refusal(Reason.BAD_NAME, f"asset {fault}")
        if fault := name_fault(sensor):
            return Refusal(Reason.BAD_NAME, f"sensor {fault}")
        group = self._groups.get(asset)
        if group is None:
            group = group_of(asset, self._service.key_groups)
        sensors = self._numbers.get(asset, {})
        if len(sensors) >= self._service.sensors_per_asset_max:
            return self._refuse(asset, group, "sensors", self._service.sensors_per_asset_max, ts)
        if self._per_group[group] >= self._service.series_per_group_max:
            return self._refuse(asset, group, "series", self._service.series_per_group_max, ts)
        number = self._count
        if number == len(self._group_of_number):
            self._group_of_number = np.concatenate([self._group_of_number, np.zeros_like(self._group_of_number)])
        self._group_of_number[number] = group
        self._groups[asset] = group
        self._numbers.setdefault(asset, {})[sensor] = number
        self._per_group[group] += 1
        self._count += 1
        self._unannounced.setdefault(group, []).append(SeriesName(number, asset, sensor))
        return number

    def _refuse(self, asset: str, group: int, rule: str, bound: int, ts: int) -> Refusal:
        subject = asset if rule == "sensors" else str(group)
        now_s = self._clock_s()
        first, told_s = self._reported.get((rule, subject), (asset, -REPORTED_AGAIN_S))
        if (rule, subject) not in self._reported or now_s - told_s >= REPORTED_AGAIN_S:
            self._reported[rule, subject] = (first, now_s)
            finding = Finding(
                asset=first,  # one alarm, whoever of the key group is refused
                sensor=None,
                kind=Kind.CAPACITY,
                rule=rule,
                active=True,
                onset_ts=ts,
                ts=ts,
                evidence={f"{rule}_max": bound},
            )
            self._unreported.append((group, finding))
        return Refusal(Reason.CAPACITY, f"{rule} of {asset!r} exceed {bound}: raise service.{_SETTING[rule]}")


_SETTING = {"sensors": "sensors_per_asset_max", "series": "series_per_group_max"}
