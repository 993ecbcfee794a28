"""Key groups: where Bytewax sends them."""

from __future__ import annotations

from collections import Counter

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, cluster_main

from contracts.groups import group_key, route

KEYS = [group_key(group) for group in range(128)]


class Passing(StatefulBatchLogic):
    """A step of one key."""

    def on_batch(self, values):
        """As they came."""
        return values, False

    def snapshot(self):
        """Nothing."""


class Places(DynamicSink):
    """Which worker each key came to."""

    def __init__(self):
        self.found = {}

    def build(self, step_id, worker_index, worker_count):  # noqa: ARG002 - Bytewax's words
        """A part that knows its worker."""
        return Place(self.found, worker_index)


class Place(StatelessSinkPartition):
    """Of one worker."""

    def __init__(self, found, worker):
        self.found = found
        self.worker = worker

    def write_batch(self, items):
        """Note them."""
        self.found.update({key: self.worker for key, _ in items})


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_bytewax_sends_a_key_where_its_hash_says(workers):
    """The names are chosen by that hash: with another one in a new Bytewax, groups would spread less evenly."""
    places = Places()
    flow = Dataflow("places")
    stream = op.input("in", flow, TestingSource([(key, 0) for key in KEYS]))
    op.output("out", op.stateful_batch("step", stream, lambda _: Passing()), places)

    cluster_main(flow, [], 0, worker_count_per_proc=workers)

    assert places.found == {key: route(key) % workers for key in KEYS}


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 6, 12])
def test_processes_have_as_many_groups_each(processes):
    """Else one of them would be full while others have time."""
    counts = Counter(route(key) % processes for key in KEYS)

    assert sum(counts.values()) == 128
    assert max(counts.values()) - min(counts.values()) <= 1


def test_names_are_told_apart_and_keep_their_order():
    """Two groups never share their state; lists of them are in the order of their numbers."""
    assert len(set(KEYS)) == 128
    assert sorted(KEYS) == KEYS
    assert [key[:5] for key in KEYS] == [f"g{group:04d}" for group in range(128)]
