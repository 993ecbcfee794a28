"""CSV files as sheets: the separator (comma, semicolon or tab) is seen from the header line."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from contracts.errors import SourceError
from contracts.readings import Reason, Reject
from dataflows.cells import number_of, time_of
from dataflows.packed import Opened
from dataflows.sheets import BATCH_LINES, Batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CsvSheet"]

SEPARATORS = ";\t,"
"""In this order where a header has as many of one as of another."""


class CsvSheet:
    """A CSV file with a header line, in UTF-8; bytes that aren't are shown as �.

    A line with more or fewer cells than the header is refused; empty lines are passed over.
    """

    def __init__(self, path: Path) -> None:
        self.source = path.name
        self._file = Opened(path)
        self._text = io.TextIOWrapper(self._file.stream, encoding="utf-8-sig", errors="replace", newline="")
        try:
            header = self._text.readline()
        except OSError as error:
            self.close()
            raise SourceError(f"{path}: can't be read: {error}.") from error
        separator = max(SEPARATORS, key=header.count)
        self.decimal_comma = separator == ";"
        self.columns = tuple(cell.strip() for cell in next(csv.reader([header], delimiter=separator), []))
        self._separator = separator
        try:
            self._check_header()
        except SourceError:
            self.close()
            raise
        self._lines = csv.reader(self._text, delimiter=separator)

    @property
    def position(self) -> int:
        """Bytes read so far, some of them not handed out yet."""
        return self._file.position

    def batches(self) -> Iterator[Batch]:
        """All lines after the header."""
        while True:
            rows: list[list[str]] = []
            lines: list[int] = []
            rejects: list[Reject] = []
            seen = 0
            for line, row in islice(self._numbered(rejects), BATCH_LINES):
                seen += 1
                if len(row) == len(self.columns):
                    rows.append(row)
                    lines.append(line)
                elif row:
                    detail = f"{len(row)} cells, the header has {len(self.columns)}"
                    rejects.append(self._reject(line, detail, self._separator.join(row)))
            if not seen and not rejects:
                return
            columns = tuple(zip(*rows, strict=True)) if rows else ((),) * len(self.columns)
            yield Batch(columns=columns, lines=np.array(lines, dtype=np.int64), rejects=tuple(rejects))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _numbered(self, rejects: list[Reject]) -> Iterator[tuple[int, list[str]]]:
        """(line number, cells); what the csv module can't read becomes a reject."""
        while True:
            try:
                row = next(self._lines)
            except StopIteration:
                return
            except csv.Error as error:
                rejects.append(self._reject(self._lines.line_num + 1, str(error), ""))
                continue
            except OSError as error:  # a packed file that was cut
                raise SourceError(f"{self.source}: can't be read after line {self._lines.line_num}: {error}") from error
            yield self._lines.line_num + 1, row  # the header is line 1

    def _reject(self, line: int, detail: str, text: str) -> Reject:
        return Reject(Reason.BAD_VALUE, detail, None, text.encode(), self.source, 0, line)

    def _check_header(self) -> None:
        if any(letter < " " and letter != "\t" for cell in self.columns for letter in cell):
            raise SourceError(
                f"{self.source}: the first line isn't text in UTF-8. Unpack the file if it is packed, or save it as "
                "CSV in UTF-8."
            )
        if not any(self.columns):
            raise SourceError(f"{self.source}: the first line is empty; it must name the columns.")
        if any(time_of(cell) or (number_of(cell, decimal_comma=True) or 0.0) > 0 for cell in self.columns):
            raise SourceError(f"{self.source}: the first line holds data; it must name the columns.")
        if len(self.columns) == 1:
            raise SourceError(f"{self.source}: only one column; cells are separated by comma, semicolon or tab.")
        doubles = sorted({cell for cell in self.columns if self.columns.count(cell) > 1})
        if doubles:
            raise SourceError(f"{self.source}: more than one column is named {doubles[0]!r}.")
