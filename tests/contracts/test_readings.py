"""Blocks, as they travel to another process."""

from __future__ import annotations

import pickle

import numpy as np

from contracts.readings import READING, Block, SeriesName


def test_a_block_arrives_as_it_was_sent():
    """Rows, names and all; and the rows are of the one type of array that compiled code knows."""
    rows = np.zeros(78, READING)
    rows["ts"] = np.arange(78)
    rows["value"] = np.linspace(0, 1, 78)
    names = (SeriesName(0, "press-1", "temp"),)
    sent = Block(lane=3, rows=rows, names=names, sources=("readings/0", "readings/1"), arrived_ms=17)

    came = pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own

    assert (came.lane, came.names, came.sources, came.arrived_ms) == (3, names, sent.sources, 17)
    np.testing.assert_array_equal(came.rows, rows)
    assert came.rows.dtype == READING
    assert came.rows.flags.c_contiguous
    assert came.rows.flags.writeable
    assert came.rows.flags.aligned
