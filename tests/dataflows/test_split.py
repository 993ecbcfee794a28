"""One poll's rows become one block for each key group."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contracts.readings import READING, group_key, group_of
from contracts.settings import Service
from dataflows.series import SeriesTable
from dataflows.split import split

ASSETS = [f"asset-{i}" for i in range(12)]


def _rows(table, assets):
    rows = np.zeros(len(assets), READING)
    rows["series"] = [table.number(asset, "s", 1) for asset in assets]
    rows["offset"] = np.arange(len(assets))
    return rows


@given(assets=st.lists(st.sampled_from(ASSETS), max_size=60))
def test_every_row_reaches_its_own_group_once_and_in_order(assets):
    """Nothing is lost, doubled or overtaken on the way to the detectors."""
    table = SeriesTable(Service(key_groups=5))

    blocks = list(split(_rows(table, assets), table=table, lane=3, sources=("t/0",), arrived_ms=9))

    expected = {}
    for offset, asset in enumerate(assets):
        expected.setdefault(group_key(group_of(asset, 5)), []).append(offset)
    assert {key: block.rows["offset"].tolist() for key, block in blocks} == expected
    assert len(blocks) == len(expected)
    assert all((block.lane, block.sources, block.arrived_ms) == (3, ("t/0",), 9) for _, block in blocks)


def test_names_come_with_the_first_block_of_their_group_alone():
    """A group is told a name before it needs it, and once."""
    table = SeriesTable(Service(key_groups=5))
    rows = _rows(table, ["asset-1", "asset-1"])

    ((_, first),) = split(rows, table=table, lane=0, sources=(), arrived_ms=1)
    ((_, again),) = split(rows, table=table, lane=0, sources=(), arrived_ms=1)

    assert [name.asset for name in first.names] == ["asset-1"]
    assert again.names == ()


def test_a_block_arrived_with_the_newest_of_its_own_rows():
    """Another group's newer message doesn't make this one's sensors look alive."""
    table = SeriesTable(Service(key_groups=4096))
    rows = _rows(table, ["asset-1", "asset-2", "asset-1"])

    blocks = split(rows, table=table, lane=0, sources=(), arrived_ms=np.array([5, 90, 7]))

    assert {int(block.rows["offset"][0]): block.arrived_ms for _, block in blocks} == {0: 7, 1: 90}
