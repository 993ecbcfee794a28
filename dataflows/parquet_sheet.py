"""Parquet files as sheets. Needs pyarrow, which comes with `pip install 'andon[parquet]'`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.errors import SourceError
from dataflows.sheets import BATCH_LINES, Batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dataflows.sheets import Column

__all__ = ["ParquetSheet"]


class ParquetSheet:
    """A Parquet file. Timestamps without a zone are taken as UTC; null is an empty cell. Lines are rows, from 1."""

    decimal_comma = False

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an optional extra
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError as error:
            raise SourceError(f"{path}: Parquet files need pyarrow: pip install 'andon[parquet]'.") from error
        self.source = path.name
        self._arrow = pa
        try:
            self._file = parquet.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{path}: can't be read as Parquet: {error}") from error
        self._bytes = path.stat().st_size
        self._rows = 0
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)

    @property
    def position(self) -> int:
        """Bytes read so far, as far as the share of rows tells."""
        return self._bytes * self._rows // max(1, int(self._file.metadata.num_rows))

    def batches(self) -> Iterator[Batch]:
        """All rows."""
        try:
            for batch in self._file.iter_batches(batch_size=BATCH_LINES):
                lines = np.arange(self._rows + 1, self._rows + 1 + batch.num_rows, dtype=np.int64)
                self._rows += batch.num_rows
                yield Batch(columns=tuple(self._column(column) for column in batch.columns), lines=lines)
        except (OSError, self._arrow.ArrowException) as error:
            raise SourceError(f"{self.source}: can't be read after row {self._rows}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _column(self, column: Any) -> Column:
        types = self._arrow.types
        kind = column.type
        if types.is_timestamp(kind):
            return np.asarray(column.cast(self._arrow.timestamp("ms"), safe=False).cast("int64").fill_null(0), np.int64)
        if types.is_boolean(kind) or types.is_floating(kind) or types.is_integer(kind):
            return np.asarray(column.cast("float64", safe=False).to_numpy(zero_copy_only=False), np.float64)
        return ["" if cell is None else str(cell) for cell in column.to_pylist()]
