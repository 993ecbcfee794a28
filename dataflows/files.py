"""Recordings in files: CSV, NDJSON or Parquet, one after another, as chunks of readings in bounded memory.

CSV and NDJSON may be packed (`.zst`); Parquet packs itself.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

from contracts.errors import SourceError
from dataflows.chunks import Names
from dataflows.csv_sheet import CsvSheet
from dataflows.ndjson import ndjson_chunks
from dataflows.packed import inner_suffix, stem_of
from dataflows.parquet_sheet import ParquetSheet
from dataflows.sheets import Tally, check_columns, check_time, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from contracts.settings import Settings
    from dataflows.chunks import Chunk
    from dataflows.sheets import Choice, Sheet

__all__ = ["FILE_KINDS", "Files", "is_table", "open_sheet"]

_NDJSON = (".ndjson", ".jsonl", ".json")
_PARQUET = (".parquet", ".pq")
FILE_KINDS = ("CSV", *_NDJSON, *_PARQUET)
"""What can be read, by the end of the name; everything else is taken for CSV. All but Parquet also with `.zst`."""


class Files:
    """A recording that lies in files, in the order in which they are given.

    Bad lines are values in the chunks; a file that can't be read, or hasn't the columns that were asked for, raises
    SourceError: what can be seen at once when this is made, the rest while it is read.
    """

    def __init__(self, paths: Sequence[Path], settings: Settings, choice: Choice) -> None:
        self.names = Names()
        self.sources: tuple[str, ...] = tuple(path.name for path in paths)
        self.tally = Tally()
        self._paths = tuple(paths)
        self._settings = settings
        self._choice = choice
        self._bytes_before = 0
        self._sheet: Sheet | None = None
        self._bytes: list[int] = []
        tables: list[Sheet] = []
        for path in paths:
            try:
                self._bytes.append(path.stat().st_size)
            except OSError as error:
                raise SourceError(f"{path}: can't be read: {error.strerror}.") from error
            if is_table(path):
                with closing(open_sheet(path)) as sheet:
                    tables.append(sheet)
        check_columns(tables, choice)
        for path in paths:
            if is_table(path):
                with closing(open_sheet(path)) as sheet:
                    for first in islice(sheet.batches(), 1):
                        check_time(sheet, first, choice)

    @property
    def bytes_total(self) -> int:
        """Size of all files."""
        return sum(self._bytes)

    @property
    def position(self) -> int:
        """Bytes read so far, about: for the progress bar."""
        return self._bytes_before + (self._sheet.position if self._sheet else 0)

    def chunks(self) -> Iterator[Chunk]:
        """All readings of all files."""
        for source, path in enumerate(self._paths):
            self._bytes_before = sum(self._bytes[:source])
            if not is_table(path):
                for chunk, position in ndjson_chunks(path, self._settings, names=self.names, source=source):
                    self._bytes_before = sum(self._bytes[:source]) + position
                    yield chunk
            else:
                yield from self._table(path, source)
        self._bytes_before = self.bytes_total

    def _table(self, path: Path, source: int) -> Iterator[Chunk]:
        sheet = self._sheet = open_sheet(path)
        layout = None
        try:
            for batch in sheet.batches():
                if layout is None:
                    asset = self._choice.asset or stem_of(path)
                    layout, tally = layout_of(sheet, batch, self._choice, names=self.names, source=source, asset=asset)
                yield layout.chunk(batch)
        finally:
            self._sheet = None
            sheet.close()
        if layout is not None:
            self.tally.empty_cells += tally.empty_cells
            self.tally.text_columns = tally.text_columns


def open_sheet(path: Path) -> Sheet:
    """A table in a file.

    Raises: SourceError if it can't be read, or is none.
    """
    return ParquetSheet(path) if path.suffix.lower() in _PARQUET else CsvSheet(path)


def is_table(path: Path) -> bool:
    """Whether a file of this name is taken for a table, not for messages."""
    return inner_suffix(path) not in _NDJSON
