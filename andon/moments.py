"""Times as people type them on a command line: `24h` ago, or `2026-03-02T08:00Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from andon.durations import duration_ms
from contracts.limits import TS_MS_MAX

if TYPE_CHECKING:
    _Type = click.ParamType["Moment"]
else:
    _Type = click.ParamType  # generic only in newer versions of click

__all__ = ["Moment", "MomentType", "moment_of"]


class Moment(NamedTuple):
    """A time that a person gives: ms since the epoch, or so many ms before the end of what there is."""

    ms: int
    ago: bool

    def before(self, end: int) -> int:
        """The time itself, ms since the epoch."""
        return end - self.ms if self.ago else self.ms


def moment_of(text: str) -> Moment:
    """A span or a time; without an offset it is UTC.

    Raises: ValueError, with words for a person, if it is neither.
    """
    try:
        return Moment(duration_ms(text), ago=True)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        ms = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        ms = 0
    if not 0 < ms <= TS_MS_MAX:
        raise ValueError(f"{text[:40]!r} is neither a span like 90m, 24h or 7d nor a time like 2026-03-02T08:00Z")
    return Moment(ms, ago=False)


class MomentType(_Type):
    """An option's value, given to the command as a `Moment`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        """Parse it; moments are passed on as they are."""
        if isinstance(value, Moment):
            return value
        try:
            return moment_of(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
