"""A table, whatever file it came from: named columns, handed out in batches of lines.

Two layouts are understood. *Long*: a line is one reading, with the columns `sensor` and `value` and maybe `asset` and
`quality`. *Wide*: a line is one time, and every other column of numbers is a sensor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.errors import SourceError
from contracts.names import name_fault
from contracts.readings import Quality, Reason, Reject
from dataflows.cells import MISSING_WORDS, SECONDS_BELOW, ms_of_numbers, number_of, numbers_of, quality_of, times_of
from dataflows.chunks import CHUNK, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dataflows.chunks import Names
    from dataflows.time_formats import TimeFormat

__all__ = [
    "BATCH_LINES",
    "Batch",
    "Choice",
    "Column",
    "Layout",
    "Sheet",
    "Tally",
    "check_columns",
    "check_time",
    "layout_of",
    "time_column",
    "times_in",
    "words_in",
]

BATCH_LINES = 4096
"""Lines read at once: enough that the cost of a batch is lost in its lines, and a few MB with a hundred columns."""

Column: TypeAlias = "Sequence[str] | NDArray[Any]"
"""Text as it stands in the file; or numbers (float64, NaN where missing), or times (int64 ms, 0 where missing)."""

NAME_INVALID = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive lines of a table."""

    columns: tuple[Column, ...]
    """One for each of the sheet's columns, all of one length n >= 0."""
    lines: NDArray[np.int64]
    """Line numbers from 1, shape (n,)."""
    rejects: tuple[Reject, ...] = ()
    """Lines that are no row of this table."""


class Sheet(Protocol):
    """A table in a file."""

    @property
    def source(self) -> str:
        """Name of the file, for messages and rejects."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def decimal_comma(self) -> bool:
        """Whether `1,5` may mean one and a half."""

    @property
    def position(self) -> int:
        """Bytes read so far, for the progress bar."""

    def batches(self) -> Iterator[Batch]:
        """All lines, in batches of at most `BATCH_LINES`."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person said about the columns; None leaves it to the reader."""

    asset: str | None = None
    """Asset of the readings that don't name one; by default the file's name without its suffix."""
    time_column: str | None = None
    """By default `ts`, or else the first column."""
    time_format: TimeFormat | None = None
    """How times are written; by default as `dataflows.cells.time_of` takes them."""
    sensor_columns: tuple[str, ...] | None = None
    """Wide tables: the sensors; by default all other columns of numbers."""
    ignore_columns: tuple[str, ...] = ()
    """Wide tables: no sensors, although they hold numbers (labels, for example)."""


@dataclass(slots=True)
class Tally:
    """What was left out without being wrong."""

    empty_cells: int = 0
    text_columns: tuple[str, ...] = ()
    """Columns of the last file that were taken for no sensors."""


class Layout(Protocol):
    """How a line becomes readings."""

    def chunk(self, batch: Batch) -> Chunk:
        """The readings of a batch, in the order of its lines."""


def layout_of(
    sheet: Sheet, first: Batch, choice: Choice, *, names: Names, source: int, asset: str
) -> tuple[Layout, Tally]:
    """The layout of a table, judged by its columns and its first lines.

    Args:
        first: the first batch, by which columns of numbers are told from columns of text.
        names: where the series of the table are entered.
        source: index of the file in its recording.
        asset: of readings that don't name one.

    Raises: SourceError that says which columns there are, if one that was asked for isn't among them.
    """
    columns = sheet.columns
    time = time_column(sheet, choice)
    common = _Common(sheet=sheet, time=time, choice=choice, names=names, source=source, asset=asset, tally=Tally())
    if {"sensor", "value"} <= set(columns) and choice.sensor_columns is None:
        return _Long(common), common.tally
    ignored = {time, *(index for index, name in enumerate(columns) if name in choice.ignore_columns)}
    if choice.sensor_columns is not None:
        sensors = tuple(_column(sheet, name) for name in choice.sensor_columns)
    else:
        rest = [index for index in range(len(columns)) if index not in ignored]
        comma = sheet.decimal_comma
        sensors = tuple(index for index in rest if _looks_numeric(first.columns[index], decimal_comma=comma))
        common.tally.text_columns = tuple(columns[index] for index in rest if index not in sensors)
    if not sensors:
        raise SourceError(f"{sheet.source}: no column of numbers beside the time; it has {_listed(columns)}.")
    return _Wide(common, sensors), common.tally


def check_columns(sheets: Sequence[Sheet], choice: Choice) -> None:
    """See that the tables of a recording have the columns that were asked for.

    The time and the sensors are asked of every table. A column to ignore may be missing from some of them: recordings
    of faults often have labels where those of a healthy machine have none.

    Raises: SourceError that says which columns there are.
    """
    for sheet in sheets:
        for name in (choice.time_column, *(choice.sensor_columns or ())):
            if name is not None:
                _column(sheet, name)
    there = tuple(dict.fromkeys(column for sheet in sheets for column in sheet.columns))
    for name in choice.ignore_columns if sheets else ():
        if name not in there:
            raise (
                _missing(sheets[0], name)
                if len(sheets) == 1
                else SourceError(f"no file has a column {name!r}; there are {_listed(there)}.")
            )


def check_time(sheet: Sheet, first: Batch, choice: Choice) -> None:
    """See that the column that is taken for the time, because nobody named one, is one.

    A column whose name says so passes: a recording may count its seconds from 0. A first column of any other name must
    hold times since 1973, or a table of temperatures without times would be read as some seconds of the year 1970.

    Args:
        first: the first batch.

    Raises: SourceError that says what the column holds, and how to name another one.
    """
    time = time_column(sheet, choice)
    name = sheet.columns[time]
    if choice.time_column is not None or choice.time_format is not None or _TIME_NAME.search(name):
        return
    column = first.columns[time]
    full = _full(column)
    if 2 * np.count_nonzero(times_in(column, choice)[full] >= SECONDS_BELOW) >= np.count_nonzero(full):
        return
    example = column[int(np.flatnonzero(full)[0])]
    raise SourceError(
        f"{sheet.source}: the first column, {name!r}, is taken for the time, and holds {str(example)!r}. Name the "
        f"column with the time by --time-column; there are {_listed(sheet.columns)}."
    )


_TIME_NAME = re.compile(r"(?<![a-z])(t|ts|time|timestamp|datetime|date|datum|zeit|zeitstempel)(?![a-z])", re.IGNORECASE)


def _full(column: Column) -> NDArray[np.bool_]:
    """Which cells hold anything, shape (n,)."""
    if not isinstance(column, np.ndarray):
        return np.array([cell.strip().lower() not in MISSING_WORDS for cell in column], dtype=np.bool_)
    return column != 0 if column.dtype == np.int64 else ~np.isnan(column)


def time_column(sheet: Sheet, choice: Choice) -> int:
    """Which column is the time.

    Raises: SourceError if there is no column of the name that was given.
    """
    if choice.time_column is not None:
        return _column(sheet, choice.time_column)
    return sheet.columns.index("ts") if "ts" in sheet.columns else 0


def times_in(column: Column, choice: Choice) -> NDArray[np.int64]:
    """Times of a column in ms since the epoch, shape (n,); 0 where a cell is none."""
    if isinstance(column, np.ndarray) and column.dtype == np.int64:
        return column  # the file says that they are times
    if choice.time_format is None:
        return ms_of_numbers(column) if isinstance(column, np.ndarray) else times_of(column)
    return (
        choice.time_format.of_numbers(column) if isinstance(column, np.ndarray) else choice.time_format.of_cells(column)
    )


def words_in(column: Column) -> Sequence[str]:
    """The cells of a column of names or codes as text: a whole number has no point, and a missing one is empty."""
    if not isinstance(column, np.ndarray):
        return column
    return [
        "" if np.isnan(cell) else f"{cell:.0f}" if cell == np.trunc(cell) else repr(cell) for cell in column.tolist()
    ]


def _column(sheet: Sheet, name: str) -> int:
    if name not in sheet.columns:
        raise _missing(sheet, name)
    return sheet.columns.index(name)


def _missing(sheet: Sheet, name: str) -> SourceError:
    return SourceError(f"{sheet.source}: there is no column {name!r}; it has {_listed(sheet.columns)}.")


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(repr(column) for column in columns)


def _looks_numeric(column: Column, *, decimal_comma: bool) -> bool:
    """Whether most of the cells that hold anything hold a number. An empty column may fill later, and passes."""
    if isinstance(column, np.ndarray):
        return column.dtype == np.float64
    full = [cell for cell in column if cell.strip().lower() not in MISSING_WORDS]
    numeric = sum(number_of(cell, decimal_comma=decimal_comma) is not None for cell in full)
    return 2 * numeric > len(full) or not full


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    sheet: Sheet
    time: int
    choice: Choice
    names: Names
    source: int
    asset: str
    tally: Tally

    def times(self, batch: Batch) -> tuple[NDArray[np.int64], list[Reject]]:
        """Times of the lines, 0 where there is none, and the rejects of those lines."""
        column = batch.columns[self.time]
        times = times_in(column, self.choice)
        written = self.choice.time_format
        wanted = f"give {written.text}" if written else "give ms since 1970 or ISO 8601"
        rejects = [
            self.reject(batch, row, Reason.BAD_TS, f"{column[row]!r} is no time: {wanted}")
            for row in np.flatnonzero(times == 0).tolist()
        ]
        return times, rejects

    def reject(self, batch: Batch, row: int, reason: Reason, detail: str) -> Reject:
        """A reject of one line, or one cell of it."""
        line = ",".join(str(column[row]) for column in batch.columns)
        return Reject(reason, detail, None, line.encode(), self.sheet.source, 0, int(batch.lines[row]))

    def numbers(self, column: Column) -> tuple[NDArray[np.float64], list[int]]:
        """Numbers of a column, NaN where there is none, and its bad rows."""
        if not isinstance(column, np.ndarray):
            return numbers_of(column, decimal_comma=self.sheet.decimal_comma)
        numbers = column.astype(np.float64)
        bad = np.flatnonzero(np.isinf(numbers))
        numbers[bad] = np.nan
        return numbers, bad.tolist()


class _Wide:
    """One line, one time, many sensors."""

    def __init__(self, common: _Common, sensors: tuple[int, ...]) -> None:
        self._common = common
        self._sensors = sensors
        columns = common.sheet.columns
        names = [common.names.index(common.asset, columns[sensor]) for sensor in sensors]
        self._names = np.array(names, dtype=np.int32)

    def chunk(self, batch: Batch) -> Chunk:
        common = self._common
        times, rejects = common.times(batch)
        values = np.empty((len(times), len(self._sensors)))
        for place, sensor in enumerate(self._sensors):
            values[:, place], bad = common.numbers(batch.columns[sensor])
            common.tally.empty_cells -= len(bad)  # NaN below, but told as rejects
            for row in bad:
                detail = f"{common.sheet.columns[sensor]}: {batch.columns[sensor][row]!r} is not a number"
                rejects.append(common.reject(batch, row, Reason.BAD_VALUE, detail))
        there = ~np.isnan(values)
        common.tally.empty_cells += int(values.size - there.sum())
        there[times == 0] = False
        line, sensor_of_row = np.nonzero(there)
        rows = np.zeros(len(line), CHUNK)
        rows["ts"] = times[line]
        rows["value"] = values[there]
        rows["line"] = batch.lines[line]
        rows["name"] = self._names[sensor_of_row]
        return Chunk(rows=rows, source=common.source, rejects=_in_order(batch, rejects))


class _Long:
    """One line, one reading."""

    def __init__(self, common: _Common) -> None:
        self._common = common
        columns = common.sheet.columns
        self._sensor, self._value = columns.index("sensor"), columns.index("value")
        self._asset = columns.index("asset") if "asset" in columns else None
        self._quality = columns.index("quality") if "quality" in columns else None
        self._known: dict[tuple[str, str], int | str] = {}
        self._qualities: dict[str, Quality | None] = {}

    def chunk(self, batch: Batch) -> Chunk:
        common = self._common
        times, rejects = common.times(batch)
        values, bad_values = common.numbers(batch.columns[self._value])
        names = np.full(len(times), NAME_INVALID, np.int32)
        qualities = np.zeros(len(times), np.uint8)
        assets = words_in(batch.columns[self._asset]) if self._asset is not None else [common.asset] * len(times)
        for row, (asset, sensor) in enumerate(zip(assets, words_in(batch.columns[self._sensor]), strict=True)):
            name = self._name(asset, sensor)
            if isinstance(name, int):
                names[row] = name
            elif times[row]:
                rejects.append(common.reject(batch, row, Reason.BAD_NAME, name))
        if self._quality is not None:
            for row, cell in enumerate(words_in(batch.columns[self._quality])):
                quality = self._quality_of(cell)
                if quality is None:
                    names[row] = NAME_INVALID
                    rejects.append(common.reject(batch, row, Reason.BAD_QUALITY_CODE, f"{cell!r} is no quality"))
                else:
                    qualities[row] = quality
        for row in bad_values:
            detail = f"value: {batch.columns[self._value][row]!r} is not a number"
            rejects.append(common.reject(batch, row, Reason.BAD_VALUE, detail))
        there = ~np.isnan(values)
        common.tally.empty_cells += int(len(values) - there.sum()) - len(bad_values)
        there &= (times != 0) & (names != NAME_INVALID)
        rows = np.zeros(int(there.sum()), CHUNK)
        rows["ts"] = times[there]
        rows["value"] = values[there]
        rows["line"] = batch.lines[there]
        rows["name"] = names[there]
        rows["quality"] = qualities[there]
        return Chunk(rows=rows, source=common.source, rejects=_in_order(batch, rejects))

    def _name(self, asset: str, sensor: str) -> int | str:
        """The index of a series, or what is wrong with its names."""
        known = self._known.get((asset, sensor))
        if known is None:
            asset_named = asset.strip() or self._common.asset
            sensor_named = sensor.strip()
            fault = name_fault(asset_named) and f"asset {name_fault(asset_named)}"
            fault = fault or (name_fault(sensor_named) and f"sensor {name_fault(sensor_named)}")
            known = fault or self._common.names.index(asset_named, sensor_named)
            self._known[asset, sensor] = known
        return known

    def _quality_of(self, cell: str) -> Quality | None:
        if cell not in self._qualities:
            self._qualities[cell] = quality_of(cell)
        return self._qualities[cell]


def _in_order(batch: Batch, rejects: list[Reject]) -> tuple[Reject, ...]:
    """All rejects of a batch by line; one line's in the order in which they were found."""
    return tuple(sorted([*batch.rejects, *rejects], key=lambda reject: reject.offset))
