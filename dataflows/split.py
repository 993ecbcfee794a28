"""Split the rows of one poll into one block for each key group: what Bytewax carries, instead of single events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contracts.readings import READING, Block, group_key
from dataflows.scan.deal import deal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from contracts.readings import Rows
    from dataflows.series import SeriesTable

__all__ = ["split"]


def split(
    rows: Rows, *, table: SeriesTable, lane: int, sources: tuple[str, ...], arrived_ms: NDArray[np.int64] | int
) -> Iterator[tuple[str, Block]]:
    """Blocks of the rows by key group; rows of one group keep their order.

    Args:
        rows: dtype READING, shape (n,); `series` numbers come from `table`.
        table: whose new names are announced, each with the first block of its group.
        lane: that read the rows.
        sources: `topic/partition` by the rows' partition index.
        arrived_ms: Kafka timestamp of each row's message, shape (n,), or one for all; a block has the newest of its
            own rows.
    """
    if not len(rows):
        return
    dealt = np.empty(len(rows), READING)
    starts = np.empty(table.group_count + 1, np.int64)
    newest = np.empty(table.group_count, np.int64)
    deal(rows, _for_each(rows, arrived_ms), table.groups, dealt, starts, newest)
    for group in np.flatnonzero(starts[1:] > starts[:-1]).tolist():
        yield (
            group_key(group),
            Block(
                lane=lane,
                rows=dealt[starts[group] : starts[group + 1]],
                names=table.take_names(group),
                sources=sources,
                arrived_ms=int(newest[group]),
            ),
        )


def _for_each(rows: Rows, arrived_ms: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """One for each row, of the one type of array for which `deal` is compiled."""
    if isinstance(arrived_ms, int):
        return np.full(len(rows), arrived_ms, np.int64)
    return np.require(arrived_ms, np.int64, ["C", "W"])
