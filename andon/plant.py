"""A simulated plant: pumps, presses and ovens, with faults that are known, so that it can be said which were found.

Each machine has a load that wanders and follows the shifts of the day; the hall has a temperature. Its sensors move
with both, have a slow noise and a quick one of their own, and are read every ten seconds. The seed decides it all.

It is kind to detectors in one way that real plants aren't: apart from the faults, nothing unusual ever happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from contracts.findings import Kind
from dataflows.chunks import CHUNK, Chunk, Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["FAULT_KINDS", "LIVE_MS_MIN", "Fault", "Plant", "faults_of"]

SAMPLE_MS = 10_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
JITTER_MS = 200
"""A scan comes up to this late: less than machines are apart, so that the plant's readings come in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sensor:
    """How one sensor of a type of machine behaves, in its own unit."""

    name: str
    level: float
    load: float = 0.0
    """Change for one standard deviation of the machine's load."""
    hall: float = 0.0
    """Change for one degree of the hall."""
    noise: float
    """Standard deviation of its slow noise; the quick one has half of it."""
    surge: float = 0.0
    """A rise that no machine of this type should see: what a limit fault does. 0: it has no limit."""
    jump: float = 0.0
    """A rise within seconds that it should never make: what a rate fault does. 0: its rate isn't watched."""
    digits: int = 2

    @property
    def spread(self) -> float:
        """Standard deviation of its minute means, about."""
        return float(np.hypot(self.load, self.noise))


_TYPES = {
    "pump": (
        _Sensor(name="flow", level=120.0, load=2.0, noise=0.8),
        _Sensor(name="pressure", level=6.2, load=0.04, noise=0.03, jump=1.2, digits=3),
        _Sensor(name="motor_current", level=42.0, load=0.9, noise=0.3),
        _Sensor(name="bearing_temp", level=58.0, load=0.4, hall=0.1, noise=0.4, surge=24.0),
        _Sensor(name="vibration", level=2.3, load=0.05, noise=0.05, digits=3),
    ),
    "press": (
        _Sensor(name="force", level=820.0, load=9.0, noise=5.0, digits=1),
        _Sensor(name="hydraulic_pressure", level=180.0, load=1.6, noise=0.9, surge=42.0),
        _Sensor(name="oil_temp", level=46.0, load=0.3, hall=0.1, noise=0.3, jump=12.0),
        _Sensor(name="stroke_rate", level=24.0, load=0.2, noise=0.15),
    ),
    "oven": (
        _Sensor(name="zone1_temp", level=210.0, load=0.5, hall=0.05, noise=0.6, jump=30.0),
        _Sensor(name="zone2_temp", level=235.0, load=0.5, hall=0.05, noise=0.6, jump=30.0),
        _Sensor(name="burner_power", level=85.0, load=1.5, noise=1.0),
        _Sensor(name="exhaust_temp", level=160.0, load=1.0, hall=0.1, noise=0.9, surge=38.0),
        _Sensor(name="belt_speed", level=1.8, noise=0.01, digits=3),
    ),
}
MACHINES_PER_TYPE = 4
_MACHINES = tuple((f"{kind}-{number:02d}", kind) for kind in _TYPES for number in range(1, MACHINES_PER_TYPE + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with one sensor."""

    kind: Kind
    """The alarm that should tell of it."""
    asset: str
    sensor: str
    start_ms: int
    end_ms: int
    size: float
    """How far the sensor goes off, in its own unit; 0 where that has no meaning."""

    def offset(self, ts: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the fault adds to the sensor at these times within it, shape (n,)."""
        since_s = (ts - self.start_ms) / 1000
        left_s = (self.end_ms - ts) / 1000
        if self.kind is Kind.LIMIT:  # heats up and cools down in five minutes
            return np.asarray(self.size * np.minimum(np.minimum(since_s, left_s) / 300, 1.0))
        if self.kind is Kind.RATE:  # up within half a minute, then slowly back
            return np.asarray(self.size * np.minimum(since_s / 30, 1.0) * np.exp(-np.maximum(since_s - 30, 0) / 180))
        if self.kind is Kind.DRIFT:  # creeps for three hours, then stays
            return np.asarray(self.size * np.minimum(since_s / DRIFT_S, 1.0))
        return np.full(len(ts), self.size)


DRIFT_S = 3 * 3600
FAULT_KINDS = (Kind.DRIFT, Kind.LIMIT, Kind.FLATLINE, Kind.ANOMALY, Kind.RATE, Kind.STALE)
"""In the order in which they begin."""

_SCHEDULE = {  # begins at this share of the time, lasts so many minutes (None: to the end)
    Kind.DRIFT: (0.02, None),
    Kind.LIMIT: (0.12, 20),
    Kind.FLATLINE: (0.25, 40),
    Kind.ANOMALY: (0.40, 45),
    Kind.RATE: (0.62, 15),
    Kind.STALE: (0.76, 15),
}
_SPREADS = {Kind.ANOMALY: 10.0, Kind.DRIFT: 6.0}
"""Size of the faults that stay inside of the limits, in spreads of the sensor."""

LIVE_MS_MIN = int(4.5 * HOUR_MS)
"""Shorter, and the last faults couldn't be told from the first."""


def faults_of(seed: int, *, start_ms: int, end_ms: int) -> tuple[Fault, ...]:
    """One fault of each kind, on six machines, within this time (at least `LIVE_MS_MIN` long)."""
    random = np.random.default_rng([seed, 1])
    machines = [_MACHINES[index] for index in random.permutation(len(_MACHINES))]
    faults = []
    for kind in FAULT_KINDS:
        (asset, type_), sensor = next(
            (machine, sensor)
            for machine in machines
            for sensor in (_TYPES[machine[1]][index] for index in random.permutation(len(_TYPES[machine[1]])))
            if _can(sensor, kind)
        )
        machines.remove((asset, type_))
        share, minutes = _SCHEDULE[kind]
        begin_ms = start_ms + int((share + random.uniform(0.0, 0.03)) * (end_ms - start_ms))
        sign = random.choice([-1.0, 1.0])
        sizes = {Kind.LIMIT: sensor.surge, Kind.RATE: sensor.jump}
        sizes |= {kind: sign * sensor.spread * spreads for kind, spreads in _SPREADS.items()}
        faults.append(
            Fault(
                kind=kind,
                asset=asset,
                sensor=sensor.name,
                start_ms=begin_ms,
                end_ms=begin_ms + minutes * 60_000 if minutes is not None else end_ms,
                size=float(sizes.get(kind, 0.0)),
            )
        )
    return tuple(faults)


def _can(sensor: _Sensor, kind: Kind) -> bool:
    return (kind is not Kind.LIMIT or sensor.surge > 0) and (kind is not Kind.RATE or sensor.jump > 0)


class Plant:
    """The readings of the plant from one time to another, as a recording.

    Cost: about a quarter of a microsecond a reading. Made in steps of an hour, whoever asks for however much.
    """

    def __init__(self, seed: int, *, start_ms: int, end_ms: int, faults: Sequence[Fault] = ()) -> None:
        """Make it ready to be played.

        Args:
            seed: of everything random.
            start_ms: of the first scan, ms since the epoch.
            end_ms: readings before this only.
            faults: what goes wrong.
        """
        self.names = Names()
        self.sources: tuple[str, ...] = ("plant",)
        self._seed = seed
        self._start_ms, self._end_ms = start_ms, end_ms
        self._faults = tuple(faults)
        self._held: dict[int, float] = {}
        series = [(machine, sensor) for machine, (_, type_) in enumerate(_MACHINES) for sensor in _TYPES[type_]]
        self._machine = np.array([machine for machine, _ in series])
        names = [self.names.index(_MACHINES[machine][0], sensor.name) for machine, sensor in series]
        self._name = np.array(names, np.int32)
        self._load_gain = np.array([sensor.load for _, sensor in series])
        self._hall_gain = np.array([sensor.hall for _, sensor in series])
        self._noise_gain = np.array([sensor.noise for _, sensor in series])
        self._scale = 10.0 ** np.array([sensor.digits for _, sensor in series])
        levels = np.array([sensor.level for _, sensor in series])
        self._level = levels * np.random.default_rng([seed, 2]).uniform(0.98, 1.02, len(levels))  # no two are the same

    @property
    def reading_count(self) -> int:
        """Readings in the whole time, about (a silent sensor's are in it)."""
        return (self._end_ms - self._start_ms) // SAMPLE_MS * len(self._name)

    def chunks(self) -> Iterator[Chunk]:
        """An hour of the plant each, in order of time."""
        random = np.random.default_rng([self._seed, 3])
        scans = HOUR_MS // SAMPLE_MS
        load = random.standard_normal(len(_MACHINES))
        hall = random.standard_normal(1)
        noise = random.standard_normal(len(self._name))
        line = 0
        for hour_ms in range(self._start_ms, self._end_ms, HOUR_MS):
            loads = _wander(random, load, scans=scans, minutes=1.5)
            halls = _wander(random, hall, scans=scans, minutes=30.0)
            noises = _wander(random, noise, scans=scans, minutes=1.0)
            load, hall, noise = loads[-1], halls[-1], noises[-1]
            ts = self._times(random, hour_ms, scans)
            day = 2 * np.pi * (ts % DAY_MS) / DAY_MS
            loads = loads - 0.6 * np.cos(day)  # most at noon
            halls = 0.3 * halls - 3.0 * np.cos(day - 0.8)  # warmest at three in the afternoon
            values = (
                self._level
                + self._load_gain * loads[:, self._machine]
                + self._hall_gain * halls[:, self._machine]
                + self._noise_gain * (noises + 0.5 * random.standard_normal(noises.shape))
            )
            times = ts[:, self._machine]
            there = times < self._end_ms
            for index, fault in enumerate(self._faults):
                self._strike(index, fault, times=times, values=values, there=there)
            values = np.round(values * self._scale) / self._scale
            rows = np.zeros(int(there.sum()), CHUNK)
            rows["ts"] = times[there]
            rows["value"] = values[there]
            rows["line"] = line + 1 + np.arange(len(rows))
            rows["name"] = np.broadcast_to(self._name, there.shape)[there]
            line += len(rows)
            yield Chunk(rows=rows, source=0)

    def _times(self, random: np.random.Generator, hour_ms: int, scans: int) -> NDArray[np.int64]:
        """When each machine is scanned, shape (scans, machines): one after another, and never quite on time."""
        turn_ms = SAMPLE_MS // len(_MACHINES)
        scan = hour_ms + np.arange(scans, dtype=np.int64)[:, None] * SAMPLE_MS
        turns = np.arange(len(_MACHINES), dtype=np.int64) * turn_ms
        return scan + turns + random.integers(0, JITTER_MS, (scans, len(_MACHINES)))

    def _strike(
        self,
        index: int,
        fault: Fault,
        *,
        times: NDArray[np.int64],
        values: NDArray[np.float64],
        there: NDArray[np.bool_],
    ) -> None:
        """Let a fault happen in one hour's values, in place."""
        column = self.names.pairs.index((fault.asset, fault.sensor))
        ts = times[:, column]
        during = (ts >= fault.start_ms) & (ts < fault.end_ms)
        if fault.kind is Kind.FLATLINE:
            before = np.flatnonzero(ts < fault.start_ms)
            if len(before):
                self._held[index] = float(values[before[-1], column])
            values[during, column] = self._held.get(index, self._level[column])
        elif fault.kind is Kind.STALE:
            there[during, column] = False
        else:
            values[during, column] += fault.offset(ts[during])


def _wander(
    random: np.random.Generator, latest: NDArray[np.float64], *, scans: int, minutes: float
) -> NDArray[np.float64]:
    """A noise that forgets itself within so many minutes, standard deviation 1, shape (scans, len(latest)).

    An AR(1) that goes on from `latest`. Instead of step by step it is summed up in doubling strides: after the strides
    1, 2, 4 … 2^k every value holds its last 2^(k+1) innovations, each with its weight.
    """
    kept = float(np.exp(-SAMPLE_MS / 60_000 / minutes))
    values: NDArray[np.float64] = random.standard_normal((scans, len(latest))) * np.sqrt(1 - kept * kept)
    values[0] += kept * latest
    stride = 1
    while stride < scans:
        values[stride:] += kept**stride * values[:-stride].copy()
        stride *= 2
    return values
