"""What comes out of a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from benchmarks.accuracy.runs import Run
    from benchmarks.accuracy.streams import Flags, Stream

__all__ = ["Report", "Size", "us_per_value"]


class Size(Enum):
    """How much is run."""

    SMOKE = "smoke"
    """Some streams and some contenders: does it still run?"""
    USUAL = "usual"
    """All streams, and all contenders that take less than a few minutes."""
    FULL = "full"
    """All of them."""


class Report(NamedTuple):
    """Tables to read, figures to compare, and what they are made from."""

    lines: Sequence[str]
    """Markdown."""
    figures: Mapping[str, Any]
    """Of andon; plain data."""
    runs: Sequence[Run]
    """The first one is andon's, and is drawn; none where rows have no scores to look at."""
    streams: Sequence[Stream]
    faulty: Mapping[str, Flags]
    """Which rows are, by the labels; by name of the stream."""
    drawn: Sequence[str]
    """Streams that are worth a picture."""


def us_per_value(run: Run) -> float:
    """Microseconds for one value of one sensor, scoring and all that surrounds it."""
    return run.seconds / run.values * 1e6
