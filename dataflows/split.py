"""Split the rows of one poll into one block for each key group: what Bytewax carries, instead of single events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contracts.readings import Block, group_key

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
    groups = table.groups[rows["series"]]
    order = np.argsort(groups, kind="stable")
    sorted_rows = rows[order]
    sorted_groups = groups[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_groups[1:] != sorted_groups[:-1]]))
    ends = np.append(starts[1:], len(rows))
    arrived = np.maximum.reduceat(np.broadcast_to(arrived_ms, len(rows))[order], starts)
    for start, end, newest_ms in zip(starts.tolist(), ends.tolist(), arrived.tolist(), strict=True):
        group = int(sorted_groups[start])
        yield (
            group_key(group),
            Block(
                lane=lane,
                rows=sorted_rows[start:end],
                names=table.take_names(group),
                sources=sources,
                arrived_ms=newest_ms,
            ),
        )
