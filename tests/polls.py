"""Polls for tests: what a lane would hand to its decoder."""

from __future__ import annotations

import numpy as np

from dataflows.polls import joined

__all__ = ["ARRIVED", "SOURCES", "poll"]

ARRIVED = 1_700_000_100_000
"""The Kafka timestamp of a test's messages, where it doesn't matter."""

SOURCES = (("readings", 0), ("readings", 3))


def poll(*values, stamps=None, keys=None, first_offset=0):
    """A poll of these messages; their offsets count from `first_offset`, and every other one is of partition 3."""
    count = len(values)
    return joined(
        values,
        stamps_ms=[ARRIVED] * count if stamps is None else stamps,
        partitions=np.arange(count, dtype=np.uint16) % 2,
        offsets=np.arange(first_offset, first_offset + count, dtype=np.int64),
        sources=SOURCES,
        key=lambda i: keys[i] if keys else b"press-1",
    )
