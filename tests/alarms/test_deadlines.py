"""Nothing is looked at before its time, and everything at its time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alarms.deadlines import SHELVES, Deadline, Deadlines


def taken(deadlines: Deadlines, line: str, now_ms: int) -> list[Deadline]:
    found = []
    while (deadline := deadlines.take(line, now_ms)) is not None:
        found.append(deadline)
    return found


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("ab")), max_size=40), st.integers(0, 100))
def test_what_is_due_comes_in_order_and_the_rest_waits(waiting, now):
    """By the wall clock there is one line for all assets."""
    deadlines = Deadlines(by_asset=False)
    for due, asset in waiting:
        deadlines.wait(Deadline(due, asset, SHELVES))

    first, rest = taken(deadlines, "", now), taken(deadlines, "", 100)

    assert first == sorted(Deadline(due, asset, SHELVES) for due, asset in waiting if due <= now)
    assert rest == sorted(Deadline(due, asset, SHELVES) for due, asset in waiting if due > now)


def test_by_the_event_clock_each_asset_has_a_line_of_its_own():
    """That the readings of one asset have come far says nothing of another's."""
    deadlines = Deadlines(by_asset=True)
    deadlines.wait(Deadline(1, "press-1", ("temp", "limit", "hh")))
    deadlines.wait(Deadline(1, "press-2", SHELVES))

    assert taken(deadlines, "press-2", 5) == [Deadline(1, "press-2", SHELVES)]
    assert taken(deadlines, "press-2", 5) == taken(deadlines, "", 5) == []
    assert len(taken(deadlines, "press-1", 5)) == 1
