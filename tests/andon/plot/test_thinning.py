"""A long series, thinned to what an eye would see of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.plot.thinning import Thinned

ROW = np.dtype([("ts", np.int64), ("value", np.float64), ("mark", np.uint8)])


def rows_of(values, *, step_ms=1):
    rows = np.zeros(len(values), ROW)
    rows["ts"] = 1_700_000_000_000 + np.arange(len(values)) * step_ms
    rows["value"] = values
    return rows


def thinned(rows, *, rows_max, cuts=()):
    found = Thinned("ts", ("value",), rows_max=rows_max, always=("mark",))
    for part in np.split(rows, cuts):
        found.add(part)
    return found


VALUES = st.lists(st.floats(-10, 10, width=16) | st.just(float("nan")), min_size=1, max_size=80)


@given(VALUES, st.integers(8, 40))
def test_of_each_interval_the_first_the_lowest_and_the_highest_row_are_kept(values, rows_max):
    """A spike of one reading is seen, whatever the zoom."""
    rows = rows_of(values)
    found = thinned(rows, rows_max=rows_max)
    kept = found.rows()

    assert found.seen == len(rows)
    assert set(kept["ts"]) <= set(rows["ts"])
    if found.interval_ms:
        assert len(kept) <= rows_max
        for interval in np.unique(rows["ts"] // found.interval_ms):
            whole = rows[rows["ts"] // found.interval_ms == interval]
            part = kept[kept["ts"] // found.interval_ms == interval]
            assert part["ts"][0] == whole["ts"][0]
            if not np.isnan(whole["value"]).all():
                assert np.nanmin(part["value"]) == np.nanmin(whole["value"])
                assert np.nanmax(part["value"]) == np.nanmax(whole["value"])
    else:
        assert kept.tobytes() == rows.tobytes()


@given(VALUES, st.integers(8, 40), st.lists(st.integers(0, 80), max_size=5).map(sorted))
def test_how_a_recording_is_cut_into_pieces_decides_nothing(values, rows_max, cuts):
    """Two plots of one recording are the same."""
    rows = rows_of(values)
    whole, pieces = thinned(rows, rows_max=rows_max), thinned(rows, rows_max=rows_max, cuts=cuts)

    assert whole.rows().tobytes() == pieces.rows().tobytes()
    assert whole.interval_ms == pieces.interval_ms


def test_memory_is_bounded_however_long_a_series_is():
    """A recording of years is drawn as one of hours."""
    found = Thinned("ts", ("value",), rows_max=100)
    for start in range(0, 100_000, 1_000):
        rows = rows_of(np.sin(np.arange(start, start + 1_000)), step_ms=1_000)
        rows["ts"] += start * 1_000
        found.add(rows)
        assert found._count <= 200

    assert 30 < len(found.rows()) <= 100
    assert found.seen == 100_000

    found.add(rows[:1])
    assert found._parts[-1].base is None, "one row doesn't keep its block"


def test_marked_rows_are_kept_in_any_case():
    """Where an alarm began is never thinned away."""
    rows = rows_of(np.zeros(1_000))
    rows["mark"][::100] = 1

    kept = thinned(rows, rows_max=50).rows()

    assert set(rows["ts"][::100]) <= set(kept["ts"])


def test_more_marked_rows_than_there_is_room_for_end_the_search_for_it():
    """A series that raises with every reading is thinned as far as it goes."""
    rows = rows_of(np.zeros(100))
    rows["mark"] = 1

    assert len(thinned(rows, rows_max=10).rows()) == 100


def test_rows_that_came_late_are_in_order_in_the_end():
    """A line that runs backwards would be a scribble."""
    rows = rows_of([1.0, 2.0, 3.0])[[0, 2, 1]]

    assert thinned(rows, rows_max=10).rows()["value"].tolist() == [1.0, 2.0, 3.0]


def test_room_can_be_taken_away_later():
    """The more series there are, the less of each one is kept."""
    found = thinned(rows_of(np.arange(100.0)), rows_max=1_000)
    found.shrink(20)
    found.shrink(500)

    assert len(found.rows()) <= 20


def test_a_series_that_never_spoke_has_no_rows():
    """An asset as a whole has no readings of its own."""
    found = Thinned("ts", (), rows_max=5)
    found.add(rows_of([]))

    assert found.rows() is None


@pytest.mark.parametrize("count", [20, 21])
def test_what_there_is_room_for_is_kept_whole(count):
    """A short recording is shown as it is."""
    found = thinned(rows_of(np.arange(float(count))), rows_max=20)

    assert (len(found.rows()) == count) is (count == 20)
    assert (found.interval_ms == 0) is (count == 20)
