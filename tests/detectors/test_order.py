"""Order: which readings count, and which are late, doubled or out of order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.samples import Counts
from tests.detectors.plant import BAD, UNCERTAIN, outcome, settings_of


def verdicts(*seconds: float, late_s: float = 5.0, window_s: float = 60.0) -> Counts:
    settings = settings_of(late_s=late_s, window_s=window_s)
    return outcome(settings, [(0, second, 1.0) for second in seconds]).counts


def test_readings_whose_time_rises_are_accepted():
    """What comes in order counts."""
    assert verdicts(0, 1, 2) == Counts(3, 0, 0, 0, 0, 0)


def test_a_reading_as_old_as_the_newest_is_a_duplicate():
    """A producer that sends a reading twice changes nothing."""
    assert verdicts(0, 1, 1) == Counts(2, 0, 1, 0, 0, 0)


def test_a_reading_as_old_as_the_allowance_is_out_of_order_and_an_older_one_late():
    """`late_s_max` is the last age that is still taken."""
    assert verdicts(10, 5) == Counts(1, 0, 0, 1, 0, 0)
    assert verdicts(10, 4.999) == Counts(1, 1, 0, 0, 0, 0)


def test_an_older_reading_is_late_where_each_is_a_window_of_its_own():
    """Its window closed with the reading after it."""
    assert verdicts(10, 9.999, window_s=0) == Counts(1, 1, 0, 0, 0, 0)


def test_an_out_of_order_reading_does_not_turn_time_back():
    """The newest reading stays the newest."""
    assert verdicts(10, 6, 10, 5) == Counts(1, 0, 1, 2, 0, 0)


def test_readings_of_any_quality_take_part_in_order_and_are_counted_by_quality():
    """A bad reading is the newest too: time has passed."""
    counts = outcome(settings_of(), [(0, 0, 1.0, UNCERTAIN), (0, 10, 1.0, BAD), (0, 10, 1.0), (0, 1, 1.0)]).counts

    assert counts == Counts(2, 1, 1, 0, 1, 1)


def test_a_value_that_is_not_finite_counts_as_bad():
    """Not a number is no reading."""
    readings = [(0, 0, float("nan")), (0, 1, float("inf")), (0, 2, float("-inf"), UNCERTAIN), (0, 3, 1.0, 3)]

    assert outcome(settings_of(), readings).counts == Counts(4, 0, 0, 0, 0, 4)


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=60))
def test_verdicts_follow_their_definition(times_ms):
    """Every reading is accepted, late, duplicate or out of order, and never two of these."""
    newest = None
    expected = [0, 0, 0, 0]
    for ts in times_ms:
        if newest is None or ts > newest:
            newest = ts
            expected[0] += 1
        elif ts == newest:
            expected[2] += 1
        elif newest - ts > 5000:
            expected[1] += 1
        else:
            expected[3] += 1

    counts = verdicts(*(ts / 1000 for ts in times_ms))

    assert list(counts[:4]) == expected
