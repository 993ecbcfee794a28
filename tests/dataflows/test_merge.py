"""Messages of several partitions in one order, which hangs on nothing but the messages."""

from hypothesis import given
from hypothesis import strategies as st

from dataflows.merge import Merge

PARTITIONS = st.lists(st.lists(st.integers(-1, 20), max_size=12), min_size=1, max_size=4)


def merged(partitions, arrivals):
    """All messages, (partition, place, ts), when they arrive in this order; what is left at the end comes then."""
    merge = Merge(len(partitions))
    places = [0] * len(partitions)
    out = []
    for partition in [*arrivals, *(at for at, times in enumerate(partitions) for _ in times)]:
        at = partition % len(partitions)
        if places[at] < len(partitions[at]):
            ts = partitions[at][places[at]]
            merge.add(at, ts, (at, places[at], ts), 1)
            places[at] += 1
        if places[at] == len(partitions[at]):
            merge.rest(at)
        out += merge.take()
    for at in range(len(partitions)):
        merge.rest(at)
    return [*out, *merge.take()], merge


@given(PARTITIONS, st.lists(st.integers(0, 3), max_size=50))
def test_the_order_does_not_hang_on_when_messages_arrive(partitions, arrivals):
    """Two recordings of the same readings are the same file."""
    assert merged(partitions, arrivals)[0] == merged(partitions, [])[0]


@given(PARTITIONS, st.lists(st.integers(0, 3), max_size=50))
def test_every_message_comes_once_and_each_partition_in_its_order(partitions, arrivals):
    """An asset's readings stay in the order in which it sent them, whatever its clock did."""
    out, merge = merged(partitions, arrivals)

    for at, times in enumerate(partitions):
        assert [item for item in out if item[0] == at] == [(at, place, ts) for place, ts in enumerate(times)]
        assert merge.weight(at) == 0


@given(st.lists(st.lists(st.integers(0, 20), max_size=12).map(sorted), min_size=1, max_size=4))
def test_where_clocks_do_not_go_back_the_order_is_that_of_time(partitions):
    """A plant's history reads as it happened."""
    out, _ = merged(partitions, [])

    assert out == sorted(out, key=lambda item: (item[2], item[0], item[1]))


def test_nothing_comes_while_a_partition_may_still_have_something_older():
    """The slowest partition decides, until it has nothing more."""
    merge = Merge(2)
    merge.add(0, 5, "a", 10)
    merge.add(0, 6, "b", 10)

    assert list(merge.take()) == []
    assert merge.weight(0) == 20

    merge.add(1, 5, "c", 1)
    assert list(merge.take()) == ["a", "c"]  # what the other one says next may still be older than b

    merge.rest(1)
    assert list(merge.take()) == ["b"]


def test_a_partition_that_rested_is_waited_for_again_when_it_speaks():
    """What is followed comes in order as far as it can be known."""
    merge = Merge(2)
    merge.rest(0)
    merge.rest(1)
    merge.add(0, 5, "a", 1)

    assert list(merge.take()) == ["a"]

    merge.add(1, 4, "b", 1)  # older, but the other one is gone
    assert list(merge.take()) == []  # the first one spoke last, and has not said that it rests
    merge.rest(0)
    assert list(merge.take()) == ["b"]
