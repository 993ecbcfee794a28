"""Places of the plant as people type them: `press-1`, `press-1/temp`, `press-1/` for the asset as a whole."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

import click

__all__ = ["Place", "parse_place"]

_ESCAPE = re.compile("%(?=[0-9A-Fa-f]{2})")


class Place(NamedTuple):
    """An asset, or one of its sensors."""

    asset: str
    sensor: str | None
    """None: all of the asset; "": what is about the asset as a whole."""

    def __str__(self) -> str:
        """As people write it: a slash within a name, and a percent sign that could be misread, are percent-encoded."""
        return _written(self.asset) if self.sensor is None else f"{_written(self.asset)}/{_written(self.sensor)}"


def parse_place(text: str) -> Place:
    """The names of a place; `%2F` in them is a slash.

    Raises: click.BadParameter if it has no asset, or a slash too many.
    """
    asset, slash, sensor = text.partition("/")
    if "/" in sensor:
        raise click.BadParameter(f"{text!r} has more than one slash: write %2F for one that belongs to a name.")
    if not asset:
        raise click.BadParameter(f"{text!r} names no asset: give ASSET or ASSET/SENSOR.")
    return Place(unquote(asset), unquote(sensor) if slash else None)


def _written(name: str) -> str:
    return _ESCAPE.sub("%25", name).replace("/", "%2F")
