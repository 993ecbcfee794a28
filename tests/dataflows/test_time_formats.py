"""Times of a table, written as a person says."""

import numpy as np
import pytest

from dataflows.time_formats import TIME_UNITS, TimeFormat

T0 = 1_700_000_000_000


@pytest.mark.parametrize(
    ("unit", "cell"), [("s", "1700000000"), ("ms", f"{T0}"), ("us", f"{T0}000"), ("ns", f"{T0}000000")]
)
def test_numbers_are_read_in_the_unit_that_is_given(unit, cell):
    """A logger that counts microseconds is read without being converted first."""
    times = TimeFormat(unit).of_cells([cell, "", "noon"])

    assert times.tolist() == [T0, 0, 0]
    assert TimeFormat(unit).of_numbers(np.array([float(cell), np.nan, np.inf, -1.0])).tolist() == [T0, 0, 0, 0]


def test_small_numbers_are_what_the_unit_says_they_are():
    """Milliseconds of the year 1970 aren't taken for seconds."""
    assert TimeFormat("ms").of_cells(["1500"]).tolist() == [1500]
    assert TimeFormat("s").of_cells(["1,5"]).tolist() == [1500]


def test_dates_are_read_by_their_pattern_and_taken_as_utc_without_an_offset():
    """A German export is read as it is; what has another shape is no time."""
    pattern = TimeFormat("%d.%m.%Y %H:%M:%S")

    times = pattern.of_cells(["14.11.2023 22:13:20", " 14.11.2023 22:13:20 ", "2023-11-14", "31.02.2023 00:00:00"])

    assert times.tolist() == [T0, T0, 0, 0]
    assert TimeFormat("%Y-%m-%dT%H:%M:%S%z").of_cells(["2023-11-14T23:13:20+0100"]).tolist() == [T0]


def test_a_number_is_no_date_and_a_time_before_1970_is_none():
    """What can't be placed is refused line by line."""
    pattern = TimeFormat("%Y")

    assert pattern.of_numbers(np.array([2020.0])).tolist() == [0]
    assert pattern.of_cells(["1969", "2020"]).tolist() == [0, 1_577_836_800_000]


@pytest.mark.parametrize("text", ["", "minutes", "%Q", "%"])
def test_what_is_no_format_is_told(text):
    """A slip in an option is told before the recording is read."""
    with pytest.raises(ValueError, match=r"neither one of s, ms, us, ns|no pattern of a time"):
        TimeFormat(text)


def test_the_units_agree_with_each_other():
    """One table, four loggers."""
    assert {unit: ms * 1_000_000 for unit, ms in TIME_UNITS.items()} == {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1}
