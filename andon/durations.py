"""Spans of time as people type them: `90s`, `30m`, `2h`, `1d`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    _Type = click.ParamType[int]
else:
    _Type = click.ParamType  # generic only in newer versions of click

__all__ = ["Duration", "duration_ms"]

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])", re.ASCII)
_HELP = "isn't a span of time like 90s, 30m, 2h or 1d"


def duration_ms(text: str) -> int:
    """Milliseconds of a span of time.

    Raises: ValueError, with words for a person, if it is none or nothing.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    span_ms = round(float(found[1]) * _UNITS_MS[found[2]]) if found else 0
    if span_ms <= 0:
        raise ValueError(f"{text[:40]!r} {_HELP}")
    return span_ms


class Duration(_Type):
    """An option's value, given to the command in ms."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse it; ms are passed on as they are."""
        if isinstance(value, int):
            return value
        try:
            return duration_ms(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
