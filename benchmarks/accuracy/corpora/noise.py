"""Streams of nothing but noise, and of noise whose level moves once: what a budget and a drift detector are held to.

Every stream is drawn from a seed of its own, so that a table can be made again to the last digit.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.accuracy.streams import Stream

if TYPE_CHECKING:
    from numpy.random import Generator

    from benchmarks.accuracy.streams import Floats

__all__ = ["BEGIN_MS", "CHANGES", "KINDS", "ROW_MS", "Change", "moving", "quiet"]

ROW_MS = 60_000
BEGIN_MS = 946_684_800_000
"""The beginning of the year 2000."""

BURN_IN = 500
"""Rows that are dropped, until an autocorrelated stream has forgotten how it began."""


def _normal(rng: Generator, rows: int) -> Floats:
    return rng.standard_normal(rows)


def _autocorrelated(rho: float, draw: Callable[[Generator, int], Floats] = _normal) -> Callable[..., Floats]:
    def drawn(rng: Generator, rows: int) -> Floats:
        steps = draw(rng, rows + BURN_IN) * np.sqrt(1 - rho * rho)
        values = np.empty(len(steps))
        value = 0.0
        for place, step in enumerate(steps.tolist()):
            value = rho * value + step
            values[place] = value
        return values[BURN_IN:]

    return drawn


def _student(freedom: float) -> Callable[[Generator, int], Floats]:
    return lambda rng, rows: rng.standard_t(freedom, rows)


KINDS: dict[str, Callable[[Generator, int], Floats]] = {
    "normal": _normal,
    "autocorrelated, 0.5": _autocorrelated(0.5),
    "autocorrelated, 0.9": _autocorrelated(0.9),
    "autocorrelated, 0.99": _autocorrelated(0.99),
    "Student, 3 degrees of freedom": _student(3),
    "Student, 2 degrees of freedom": _student(2),
    "Student 3 and autocorrelated, 0.9": _autocorrelated(0.9, _student(3)),
    "lognormal": lambda rng, rows: rng.lognormal(0.0, 1.0, rows),
    "rounded to two thirds of its spread": lambda rng, rows: np.round(rng.standard_normal(rows) * 1.5) / 1.5,
}


class Change(NamedTuple):
    """How a level moves."""

    name: str
    rows: int
    """Until it has arrived; 0: at once."""
    sd: float
    """How far, in standard deviations of the noise."""


CHANGES = (
    Change("step of 0.5", 0, 0.5),
    Change("step of 1", 0, 1.0),
    Change("step of 2", 0, 2.0),
    Change("ramp of 100 rows to 1", 100, 1.0),
    Change("ramp of 1000 rows to 1", 1000, 1.0),
    Change("ramp of 1000 rows to 2", 1000, 2.0),
)


def quiet(kind: str, *, streams: int, rows: int) -> list[Stream]:
    """Streams of one kind of noise, in which nothing is to be found."""
    return [
        _stream(f"{kind}/{number}", kind, KINDS[kind](_rng(kind, number), rows)) for number in range(1, streams + 1)
    ]


def moving(kind: str, change: Change, *, streams: int, at: int, after: int) -> list[Stream]:
    """Streams of one kind of noise whose level moves from row `at` on, and that go on for `after` rows."""
    moved = np.zeros(at + after)
    moved[at:] = change.sd * (np.minimum(np.arange(after) / change.rows, 1.0) if change.rows else 1.0)
    name = f"{kind}, {change.name}"
    return [
        _stream(f"{name}/{number}", kind, KINDS[kind](_rng(name, number), at + after) + moved)
        for number in range(1, streams + 1)
    ]


def _rng(name: str, number: int) -> Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), number])


def _stream(name: str, category: str, values: Floats) -> Stream:
    times = BEGIN_MS + ROW_MS * np.arange(len(values), dtype=np.int64)
    return Stream(name, category, ("value",), times, values[:, None])
