"""The battery: what every detector must stand, as checks that any detector can be put to.

A check takes an entry (settings that switch a detector on, a stream that makes it speak, one that doesn't) and the
class to be checked; it raises AssertionError when a promise is broken. `test_battery.py` puts all entries to all
checks, and each check to a class that is built to fail it.
"""

from __future__ import annotations

import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

import detectors
from contracts.findings import Closed, Finding, Kind
from contracts.readings import READING, Block, Quality, Rows, SeriesName
from contracts.settings import Settings
from detectors.samples import Samples
from detectors.windows import Windows

__all__ = ["CHECKS", "Entry", "Line", "discovered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How one detector is switched on, made to speak, and left in peace."""

    settings: Settings
    names: tuple[tuple[str, str], ...]
    """(asset, sensor) by series number; all of one asset."""
    fault: Rows
    """dtype READING: a stream that makes it speak."""
    normal: Rows
    """dtype READING: a stream on which nothing is to be told."""
    tells: tuple[Kind, str]
    """Kind and rule of what it says of the fault."""
    long_readings: int = 200_000
    """Over how many readings its size is watched: fewer for what is slow."""


class Told(NamedTuple):
    """What a block led to."""

    findings: list[Finding]
    closed: bytes


class Line:
    """All detectors as they stand in the dataflow: samples, and windows behind them."""

    def __init__(self, settings: Settings) -> None:
        self.samples = Samples(settings)
        self.windows = Windows(settings)

    def read(self, block: Block) -> Told:
        """Feed a block through both."""
        read = self.samples.read(block)
        if read.closed is None:
            return Told(read.findings, b"")
        return Told(read.findings + self.judge(read.closed), read.closed.rows.tobytes())

    def judge(self, closed: Closed) -> list[Finding]:
        """Feed closed windows to the learned detectors."""
        return self.windows.judge(closed)

    def snapshot(self) -> dict[str, Any]:
        """The state of both."""
        return {"samples": self.samples.snapshot(), "windows": self.windows.snapshot()}

    @classmethod
    def restore(cls, settings: Settings, snapshot: dict[str, Any]) -> Line:
        """As after a restart."""
        line = cls(settings)
        line.samples = Samples.restore(settings, snapshot["samples"])
        line.windows = Windows.restore(settings, snapshot["windows"])
        return line


Detector = type[Line]


@dataclass(slots=True)
class Heard:
    """What a line said of a whole stream."""

    findings: list[Finding] = field(default_factory=list)
    closed: bytes = b""

    def add(self, told: Told) -> None:
        """Append what a block led to."""
        self.findings += told.findings
        self.closed += told.closed


def discovered() -> list[str]:
    """The public modules of `detectors`."""
    return sorted(module.name for module in pkgutil.iter_modules(detectors.__path__) if not module.name.startswith("_"))


def block_of(entry: Entry, rows: Rows, *, named: bool = True, others: tuple[tuple[str, str], ...] = ()) -> Block:
    """A block of these rows; `others` are numbered behind the entry's own series."""
    names = entry.names + others if named else ()
    return Block(
        lane=0,
        rows=rows,
        names=tuple(SeriesName(number, asset, sensor) for number, (asset, sensor) in enumerate(names)),
        sources=("readings/0",),
        arrived_ms=0,
    )


def hear(line: Line, entry: Entry, parts: list[Rows], *, named: bool = True) -> Heard:
    """What the line says of these rows, block by block."""
    heard = Heard()
    for number, part in enumerate(parts):
        heard.add(line.read(block_of(entry, part, named=named and number == 0)))
    return heard


def cuts_of(rows: Rows) -> Iterator[int]:
    """Where streams are cut: early, in the middle, late."""
    yield from (1, len(rows) // 3, len(rows) * 9 // 10)


# ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def finds_the_fault(entry: Entry, detector: Detector) -> None:
    """It says what it is there to say."""
    heard = hear(detector(entry.settings), entry, [entry.fault])
    told = {(finding.kind, finding.rule) for finding in heard.findings if finding.active}
    assert entry.tells in told, f"{entry.tells} was not told: {told}"


def is_quiet_on_normal(entry: Entry, detector: Detector) -> None:
    """It says nothing when nothing is wrong."""
    heard = hear(detector(entry.settings), entry, [entry.normal])
    assert not heard.findings, f"told of a normal stream: {heard.findings[0]}"


def goes_on_after_a_restart(entry: Entry, detector: Detector) -> None:
    """A snapshot, written and read again, goes on as if nothing had been."""
    steady = hear(detector(entry.settings), entry, [entry.fault])
    for cut in cuts_of(entry.fault):
        line = detector(entry.settings)
        broken = hear(line, entry, [entry.fault[:cut]])
        saved = pickle.loads(pickle.dumps(line.snapshot()))  # noqa: S301 - our own bytes
        later = hear(detector.restore(entry.settings, saved), entry, [entry.fault[cut:]])
        assert broken.findings + later.findings == steady.findings, f"a restart after {cut} readings tells otherwise"
        assert broken.closed + later.closed == steady.closed, f"a restart after {cut} readings changes windows"


def minds_no_blocks(entry: Entry, detector: Detector) -> None:
    """Blocks of one reading, of seven, and one of all tell the same."""
    whole = hear(detector(entry.settings), entry, [entry.fault])
    for size in (1, 7):
        parts = np.split(entry.fault, range(size, len(entry.fault), size))
        cut = hear(detector(entry.settings), entry, [part.copy() for part in parts])
        assert cut.findings == whole.findings, f"blocks of {size} tell otherwise"
        assert cut.closed == whole.closed, f"blocks of {size} change windows"


def never_looks_ahead(entry: Entry, detector: Detector) -> None:
    """What comes later in a block doesn't change what is said of what came before."""
    for cut in cuts_of(entry.fault):
        changed = entry.fault.copy()
        changed["value"][cut:] = 1000.0 - changed["value"][cut:]
        before = [
            [finding for finding in hear(detector(entry.settings), entry, [rows]).findings if _row(finding) < cut]
            for rows in (entry.fault, changed)
        ]
        assert before[0] == before[1], f"what was said before reading {cut} depends on what came after"


def _row(finding: Finding) -> int:
    """Readings of entries are numbered by their offsets."""
    return int(finding.source.rpartition("/")[2])


def drops_late_and_doubled_readings(entry: Entry, detector: Detector) -> None:
    """Each reading again at once, and again when it is late: nothing changes."""
    rows = entry.fault
    repeated = np.repeat(rows, 2)
    repeated["value"][1::2] += 500.0
    late = rows[: len(rows) // 2].copy()
    late["value"] += 500.0
    late["ts"] -= 10**9
    repeated = np.concatenate([repeated[: len(rows)], late, repeated[len(rows) :]])
    plain, noisy = (hear(detector(entry.settings), entry, [stream]) for stream in (rows, repeated))
    assert noisy.findings == plain.findings, "late or doubled readings were heard"
    assert noisy.closed == plain.closed, "late or doubled readings are in windows"


def lets_nothing_infinite_in(entry: Entry, detector: Detector) -> None:
    """Not-a-number, infinities, bad quality and gaps of weeks: it says only numbers, and keeps only numbers."""
    rows = entry.fault.copy()
    rows["value"][::5] = np.nan
    rows["value"][1::11] = np.inf
    rows["value"][2::13] = -np.inf
    rows["quality"][3::17] = Quality.BAD
    rows["quality"][4::19] = Quality.UNCERTAIN
    rows["ts"][len(rows) // 2 :] += 30 * 86_400_000
    plain, nasty = detector(entry.settings), detector(entry.settings)
    hear(plain, entry, [entry.fault])
    heard = hear(nasty, entry, [rows])
    for finding in heard.findings:
        numbers = [finding.value, finding.score, finding.rank, *finding.expected, *finding.evidence.values()]
        odd = [number for number in numbers if isinstance(number, float) and not np.isfinite(number)]
        assert not odd, f"{odd} was told: {finding}"
    assert _odd_fields(nasty.snapshot()) <= _odd_fields(plain.snapshot()), "not a number is in the state"


def _odd_fields(data: Any, path: str = "") -> set[str]:
    """Names of the fields that hold something that isn't finite."""
    if isinstance(data, dict):
        return set().union(*(_odd_fields(value, f"{path}.{key}") for key, value in data.items()))
    if isinstance(data, np.ndarray):
        if data.dtype.names:
            return set().union(*(_odd_fields(data[name], f"{path}.{name}") for name in data.dtype.names))
        if data.dtype.kind == "f" and not np.isfinite(data).all():
            return {path}
    return {path} if isinstance(data, float) and not np.isfinite(data) else set()


def is_quiet_on_a_constant(entry: Entry, detector: Detector) -> None:
    """A value that never moves is a flatline, and no other wonder."""
    rows = entry.normal.copy()
    rows["value"] = 20.0
    heard = hear(detector(entry.settings), entry, [rows])
    wonders = [finding for finding in heard.findings if finding.kind is not Kind.FLATLINE]
    assert not wonders, f"told of a constant: {wonders[0]}"


def hears_each_asset_alone(entry: Entry, detector: Detector) -> None:
    """A wild neighbour changes nothing."""
    neighbour = tuple((f"neighbour of {asset}", sensor) for asset, sensor in entry.names)
    wild = entry.fault.copy()
    wild["series"] += len(entry.names)
    wild["value"] = np.where(np.arange(len(wild)) % 3, 900.0, -900.0)
    wild["offset"] += len(wild)
    both = np.empty(2 * len(wild), READING)
    both[::2], both[1::2] = wild, entry.fault
    alone = hear(detector(entry.settings), entry, [entry.fault]).findings
    line = detector(entry.settings)
    together = line.read(block_of(entry, both, others=neighbour)).findings
    assert [finding for finding in together if finding.asset == entry.names[0][0]] == alone, "a neighbour is heard"


def stays_as_small_as_it_is(entry: Entry, detector: Detector) -> None:
    """Its saved state is as large after many readings as after half of them."""
    line = detector(entry.settings)
    span_ms = int(entry.normal["ts"][-1] - entry.normal["ts"][0]) + 1000
    sizes = []
    for lap in range(2 * max(1, entry.long_readings // (2 * len(entry.normal)))):
        rows = entry.normal.copy()
        rows["ts"] += lap * span_ms
        line.read(block_of(entry, rows, named=lap == 0))
        sizes.append(len(pickle.dumps(line.snapshot())))
    # Integers of Python's own take more bytes as they grow: some tens in all.
    assert sizes[-1] <= sizes[len(sizes) // 2] + 256, f"{sizes[len(sizes) // 2]} bytes grew to {sizes[-1]}"


def leaves_its_arguments_alone(entry: Entry, detector: Detector) -> None:
    """Blocks, settings and snapshots belong to the caller."""
    rows = entry.fault.copy()
    settings = entry.settings.model_copy(deep=True)
    line = detector(settings)
    block = block_of(entry, rows)
    before = replace(block, rows=rows.copy())
    line.read(block)
    snapshot = line.snapshot()
    frozen = pickle.dumps(snapshot)
    restored = detector.restore(settings, snapshot)
    later = entry.fault.copy()
    later["ts"] += 10**8
    restored.read(block_of(entry, later))
    line.read(block_of(entry, later, named=False))
    assert rows.tobytes() == before.rows.tobytes(), "the rows of a block were changed"
    assert (block.names, block.sources) == (before.names, before.sources), "a block was changed"
    assert settings == entry.settings, "settings were changed"
    assert pickle.dumps(snapshot) == frozen, "a snapshot was changed"


CHECKS = (
    finds_the_fault,
    is_quiet_on_normal,
    goes_on_after_a_restart,
    minds_no_blocks,
    never_looks_ahead,
    drops_late_and_doubled_readings,
    lets_nothing_infinite_in,
    is_quiet_on_a_constant,
    hears_each_asset_alone,
    stays_as_small_as_it_is,
    leaves_its_arguments_alone,
)
