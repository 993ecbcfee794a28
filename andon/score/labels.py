"""What a person says happened, and when: intervals of an asset's life, from files of several formats."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson

from contracts.errors import SourceError
from dataflows.cells import MISSING_WORDS, numbers_of, time_of
from dataflows.csv_sheet import CsvSheet
from dataflows.files import is_table, open_sheet
from dataflows.packed import stem_of
from dataflows.sheets import time_column, times_in, words_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from andon.replay.witness import Presence
    from dataflows.sheets import Choice, Column, Sheet

__all__ = ["Given", "Label", "labels_in_column", "labels_in_file", "resolved"]


class Given(NamedTuple):
    """A label as it was given."""

    start: int
    """ms since the epoch."""
    end: int
    """Inclusive."""
    asset: str | None = None
    """None: whichever asset."""
    sensor: str | None = None
    """None: the asset as a whole."""
    source: int | None = None
    """Index of the file whose assets are meant; None: whichever file."""


class Label(NamedTuple):
    """A label, with the assets of the recording that it is about."""

    start: int
    """ms since the epoch."""
    end: int
    """Inclusive."""
    assets: frozenset[str]
    sensor: str | None
    """None: the asset as a whole."""


def resolved(given: Iterable[Given], presences: Sequence[Presence]) -> tuple[list[Label], int]:
    """The labels of what was recorded, by their start, and how many are about something else.

    Args:
        presences: the assets of the recording, and when they spoke.
    """
    labels: list[Label] = []
    left_out = 0
    for one in given:
        assets = frozenset(
            there.asset
            for there in presences
            if (one.asset is None or there.asset == one.asset)
            and (one.source is None or there.source == one.source)
            and there.first_ts <= one.end
            and one.start <= there.last_ts
        )
        if assets:
            labels.append(Label(one.start, one.end, assets, one.sensor))
        else:
            left_out += 1
    return sorted(
        labels, key=lambda label: (label.start, label.end, sorted(label.assets), label.sensor or "")
    ), left_out


def labels_in_file(path: Path, recordings: Sequence[Path]) -> list[Given]:
    """The labels of a file: `.json` as the Numenta Anomaly Benchmark writes it, or a table.

    JSON: `{"folder/file.csv": [["start", "end"], …], …}`, or single times in place of pairs; files that aren't among
    the recordings are passed over. A table has the columns `start` and `end`, and maybe `asset` and `sensor`; an empty
    cell there means any. Times as those of recordings.

    Raises: SourceError that says where it is wrong.
    """
    return _of_json(path, recordings) if path.suffix.lower() == ".json" else list(_of_table(path))


def _of_json(path: Path, recordings: Sequence[Path]) -> list[Given]:
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise SourceError(f"{path}: can't be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise SourceError(f"{path}: labels are an object of file name and intervals.")
    given: list[Given] = []
    matched = False
    for name, intervals in document.items():
        source = _meant(name, recordings)
        if source is None:
            continue
        matched = True
        if not isinstance(intervals, list):
            raise SourceError(f"{path}: {name}: its labels are no list.")
        given += [Given(*_interval(path, name, interval), source=source) for interval in intervals]
    if not matched:
        example = next(iter(document), "none")
        raise SourceError(
            f"{path}: has labels of {len(document)} files ({example} …), and none of {recordings[0].name}."
        )
    return given


def _meant(name: str, recordings: Sequence[Path]) -> int | None:
    """Which recording a name means: as much of its path as is given must agree."""
    parts = name.split("/")
    whole = [at for at, path in enumerate(recordings) if path.resolve().parts[-len(parts) :] == tuple(parts)]
    alone = [at for at, path in enumerate(recordings) if path.name == parts[-1]]
    found = whole or (alone if len(alone) == 1 and len(recordings[alone[0]].parts) == 1 else [])
    return found[0] if found else None


def _interval(path: Path, name: str, interval: Any) -> tuple[int, int]:
    pair = [interval, interval] if isinstance(interval, str) else interval
    times = [time_of(str(each)) for each in pair] if isinstance(pair, list) else []
    if len(times) != 2 or not 0 < times[0] <= times[1]:
        raise SourceError(f"{path}: {name}: {interval!r} is no interval of two times.")
    return times[0], times[1]


def _of_table(path: Path) -> Iterator[Given]:
    with closing(CsvSheet(path)) as sheet:
        columns = {name.lower(): at for at, name in enumerate(sheet.columns)}
        if not {"start", "end"} <= columns.keys():
            raise SourceError(
                f"{path}: labels need the columns start and end, and maybe asset and sensor; it has "
                f"{', '.join(sheet.columns)}."
            )
        for batch in sheet.batches():
            for reject in batch.rejects:
                raise SourceError(f"{path} line {reject.offset}: {reject.detail}.")
            for row, line in enumerate(batch.lines.tolist()):
                cells = {name: str(batch.columns[at][row]).strip() for name, at in columns.items()}
                start, end = time_of(cells["start"]), time_of(cells["end"])
                if not 0 < start <= end:
                    raise SourceError(f"{path} line {line}: {cells['start']!r} to {cells['end']!r} is no interval.")
                asset, sensor = _name(cells.get("asset", "")), _name(cells.get("sensor", ""))
                yield Given(start, end, asset, sensor)


def _name(cell: str) -> str | None:
    return None if cell.lower() in MISSING_WORDS else cell


def labels_in_column(name: str, recordings: Sequence[Path], choice: Choice) -> list[Given]:
    """The stretches of the recordings where a column isn't 0: from the first such line to the last one.

    Files without the column have no labels. A stretch is one asset's.

    Raises: SourceError if no file has the column.
    """
    given: list[Given] = []
    there = False
    for source, path in enumerate(recordings):
        if is_table(path):
            with closing(open_sheet(path)) as sheet:
                if name in sheet.columns:
                    there = True
                    given += _stretches(sheet, name, choice, source=source, asset=choice.asset or stem_of(path))
    if not there:
        raise SourceError(f"no file has a column {name!r}.")
    return given


def _stretches(sheet: Sheet, name: str, choice: Choice, *, source: int, asset: str) -> Iterator[Given]:
    columns = sheet.columns
    flag, time = columns.index(name), time_column(sheet, choice)
    asset_column = columns.index("asset") if {"asset", "sensor", "value"} <= set(columns) else None
    begun: dict[str, tuple[int, int]] = {}
    for batch in sheet.batches():
        times = times_in(batch.columns[time], choice)
        flags = _numbers(batch.columns[flag], sheet)
        marked = np.nan_to_num(flags) != 0
        assets = None if asset_column is None else words_in(batch.columns[asset_column])
        for row in np.flatnonzero(times).tolist():
            ts = int(times[row])
            one = asset if assets is None else assets[row].strip() or asset
            if marked[row]:
                begun[one] = (min(begun[one][0], ts), max(begun[one][1], ts)) if one in begun else (ts, ts)
            elif one in begun:
                yield Given(*begun.pop(one), asset=one, source=source)
    for one, span in begun.items():
        yield Given(*span, asset=one, source=source)


def _numbers(column: Column, sheet: Sheet) -> np.ndarray[Any, np.dtype[np.float64]]:
    if isinstance(column, np.ndarray):
        return column.astype(np.float64)
    return numbers_of(column, decimal_comma=sheet.decimal_comma)[0]
