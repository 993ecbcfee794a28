"""What a person says of the files of a recording: the options that all commands which read them share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataflows.sheets import Choice
from dataflows.time_formats import TimeFormat

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["choice_of", "names_of", "recording_options"]

Command = TypeVar("Command", bound="Callable[..., Any]")


def names_of(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Names separated by commas: a callback of click."""
    return None if value is None else tuple(name.strip() for name in value.split(",") if name.strip())


def _format_of(_context: click.Context, _parameter: click.Parameter, value: str | None) -> TimeFormat | None:
    try:
        return None if value is None else TimeFormat(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE…"
)
_OPTIONS = (
    click.option("--asset", help="Asset of readings that name none. By default the file's name without its suffix."),
    click.option("--time-column", help="Column with the time. By default `ts`, or else the first one."),
    click.option(
        "--time-format",
        callback=_format_of,
        metavar="s|ms|us|ns|PATTERN",
        help="How times are written, where it can't be seen: the unit of numbers, or a pattern like %d.%m.%Y %H:%M:%S.",
    ),
    click.option("--sensor-columns", callback=names_of, help="Wide tables: the sensors, separated by commas."),
    click.option(
        "--ignore-columns",
        callback=names_of,
        help="Wide tables: columns of numbers that are no sensors, e.g. labels.",
    ),
)


def recording_options(command: Command) -> Command:
    """Give a command the argument `files` and the options about their columns: a decorator.

    The command gets `files`, and the options by name: `choice_of` makes one value of them.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return _FILES(command)


def choice_of(columns: dict[str, Any], *, ignored_too: tuple[str, ...] = ()) -> Choice:
    """What was said about the columns.

    Args:
        columns: the values of the options, by name.
        ignored_too: columns that are no sensors, beside those that a person named.
    """
    ignored = (*(columns.pop("ignore_columns", None) or ()), *ignored_too)
    return Choice(ignore_columns=ignored, **columns)
