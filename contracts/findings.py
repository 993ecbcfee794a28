"""What detection says: windows that closed, and conditions that became true or false."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np

from contracts.readings import Rows, SeriesName

__all__ = ["CLOSED", "RULES", "Closed", "Evidence", "Expected", "Finding", "Kind", "Share", "Window"]

CLOSED = np.dtype(
    [
        ("start", np.int64),  # ms since the epoch, inclusive
        ("end", np.int64),  # ms since the epoch, exclusive; equal to start where window_s = 0
        ("mean", np.float64),
        ("offset", np.int64),  # of the reading that closed it
        ("slot", np.int32),  # the group's own number for the series
        ("count", np.int32),  # readings in the mean
        ("partition", np.uint16),  # of the reading that closed it, index into Closed.sources
        ("learn", np.uint8),  # 0: an uncertain or paused reading is in it, so it is judged and not learned
        ("spare", np.uint8),
        ("spare4", np.int32),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Windows of one key group that closed, in the order in which they did."""

    rows: Rows
    """dtype CLOSED, shape (n,), n > 0. A series' windows come strictly in order of time."""
    names: tuple[SeriesName, ...]
    """Of the slots that are used here for the first time since the start of the process."""
    sources: tuple[str, ...]


class Kind(StrEnum):
    """What sort of condition an alarm is about."""

    LIMIT = "limit"
    RATE = "rate"
    FLATLINE = "flatline"
    STALE = "stale"
    ANOMALY = "anomaly"
    DRIFT = "drift"
    CAPACITY = "capacity"
    FLOOD = "flood"
    INVENTORY = "inventory"


RULES: dict[Kind, tuple[str, ...]] = {
    Kind.LIMIT: ("hh", "h", "l", "ll"),
    Kind.RATE: ("rise", "fall"),
    Kind.FLATLINE: ("flat",),
    Kind.STALE: ("silent",),
    Kind.ANOMALY: ("sensor", "asset"),
    Kind.DRIFT: ("level",),
    Kind.CAPACITY: ("series", "sensors"),
    Kind.FLOOD: ("site",),
    Kind.INVENTORY: ("appeared", "vanished", "changed"),
}
"""The rules of each kind. A closed list: a command that names another rule is refused."""


class Expected(NamedTuple):
    """The range that was expected, in the sensor's unit; None is open."""

    low: float | None = None
    high: float | None = None


class Share(NamedTuple):
    """One sensor's part in a finding; the shares of a finding sum to 1."""

    sensor: str
    share: float


@dataclass(frozen=True, slots=True)
class Window:
    """The window that a finding is about (ms since the epoch, readings in it)."""

    start: int
    end: int
    count: int


Evidence: TypeAlias = dict[str, float | int | str | None]
"""What a finding rests on, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition became true (`active`) or false. A function of the data and the settings alone."""

    asset: str
    sensor: str | None
    """None: the finding is about the asset as a whole."""
    kind: Kind
    rule: str
    active: bool
    onset_ts: int
    """When the condition began (ms): the same in the finding that ends it."""
    ts: int
    """When it was decided: of the reading that made it true or false, or the end of the window."""
    value: float | None = None
    expected: Expected = Expected()
    score: float | None = None
    rank: float | None = None
    contributions: tuple[Share, ...] = ()
    evidence: Evidence = field(default_factory=dict)
    window: Window | None = None
    source: str = ""
    """`topic/partition/offset` of the reading that caused it; empty where a tick did."""
