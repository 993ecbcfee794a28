"""Arrays of records grow, and take over what an earlier version saved."""

from __future__ import annotations

import numpy as np

from detectors.records import CAPACITY_MIN, adopted, copied, grown

INNER = np.dtype([("a", np.int64), ("b", np.float64)], align=True)
OUTER = np.dtype([("inner", INNER), ("pair", INNER, (2,)), ("kept", np.int32)], align=True)


def test_rows_grow_by_doubling_and_keep_what_they_hold():
    """New rows know nothing."""
    rows = np.zeros(CAPACITY_MIN, OUTER)
    rows["kept"] = 7

    larger = grown(rows, CAPACITY_MIN + 1)

    assert grown(rows, CAPACITY_MIN) is rows
    assert len(larger) == 2 * CAPACITY_MIN
    assert larger["kept"].tolist() == [7] * CAPACITY_MIN + [0] * CAPACITY_MIN


def test_rows_grow_at_once_to_what_is_asked():
    """A block may bring a thousand series."""
    assert len(grown(np.zeros(CAPACITY_MIN, OUTER), 1000)) == 1000


def test_saved_rows_are_taken_over_by_the_names_of_their_fields():
    """A later version may add, drop and reorder fields, also inside of nested records."""
    later_inner = np.dtype([("b", np.float64), ("new", np.int8), ("a", np.int64)], align=True)
    later = np.dtype([("new", np.float64), ("pair", later_inner, (2,)), ("inner", later_inner)], align=True)
    saved = np.zeros(2, OUTER)
    saved["inner"]["a"] = [1, 2]
    saved["pair"]["b"] = [[3, 4], [5, 6]]

    rows = adopted(saved, later)

    assert len(rows) == CAPACITY_MIN
    assert rows["inner"]["a"][:2].tolist() == [1, 2]
    assert rows["pair"]["b"][:2].tolist() == [[3, 4], [5, 6]]
    assert not rows["new"].any()
    assert not rows["pair"]["new"].any()
    assert not rows["inner"]["a"][2:].any()


def test_a_copy_has_nothing_of_other_memory_in_it():
    """What is saved is the state and zeros, so that equal states are equal bytes."""
    rows = np.zeros(1000, OUTER)
    rows["kept"] = 7
    used = np.full(1000 * OUTER.itemsize, 255, np.uint8)
    del used  # its memory is likely to be given to the copy

    copy = copied(rows)

    assert copy.tobytes() == rows.tobytes()
    assert not np.shares_memory(copy, rows)


def test_no_saved_rows_are_rows_too():
    """A group may be saved before it has an asset."""
    assert len(adopted(np.zeros(0, OUTER), OUTER)) == CAPACITY_MIN
