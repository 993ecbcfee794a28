"""Cells of tables: what counts as a number, a time, a quality or nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.limits import TS_MS_MAX
from contracts.readings import Quality
from dataflows.cells import ms_of_numbers, number_of, numbers_of, quality_of, time_of, times_of

MARCH_FIRST_MS = 1_583_077_446_000


@pytest.mark.parametrize(
    ("cell", "ts"),
    [
        ("1583077446000", MARCH_FIRST_MS),
        ("1583077446", MARCH_FIRST_MS),
        ("1583077446.25", MARCH_FIRST_MS + 250),
        ("1583077446000.7", MARCH_FIRST_MS),
        ("2020-03-01T15:44:06Z", MARCH_FIRST_MS),
        ("2020-03-01t15:44:06z", MARCH_FIRST_MS),
        ("2020-03-01T16:44:06+01:00", MARCH_FIRST_MS),
        ("2020-03-01 15:44:06", MARCH_FIRST_MS),
        ("2020-03-01 15:44:06.5", MARCH_FIRST_MS + 500),
        ("2020-03-01 15:44:06.123456789", MARCH_FIRST_MS + 123),
        (" 2020-03-01 15:44:06 ", MARCH_FIRST_MS),
        ("2020-03-01", 1_583_020_800_000),
    ],
)
def test_times_of_every_usual_form_are_understood(cell, ts):
    """A recording's time may be ms or s since 1970, or a date with or without an offset."""
    assert time_of(cell) == ts


@pytest.mark.parametrize(
    "cell",
    ["", "0", "-5", "soon", "2020-02-30 10:00:00", "01/02/2020 10:00", "nan", "inf", "1e400", "9" * 30, "2020-13-01"],
)
def test_what_is_no_time_is_zero(cell):
    """A line without a usable time is refused, not guessed."""
    assert time_of(cell) == 0


def test_the_last_millisecond_of_9999_is_a_time_and_the_next_is_not():
    """No calendar prints a time beyond the year 9999."""
    assert times_of([str(TS_MS_MAX), str(TS_MS_MAX + 1)]).tolist() == [TS_MS_MAX, 0]


def test_numbers_in_a_parquet_file_are_times_as_their_text_would_be():
    """Seconds and milliseconds are told apart in every kind of file."""
    numbers = [1_583_077_446.0, 1_583_077_446.25, 1_583_077_446_000.0, 0.0, -1.0, 1e20, math.nan]

    assert ms_of_numbers(np.array(numbers)).tolist() == [time_of(repr(number)) for number in numbers]


@pytest.mark.parametrize("cell", ["", " ", "NaN", "NA", "null", "None", "-"])
def test_empty_cells_are_no_value_and_no_fault(cell):
    """A gap in a recording is left out without a complaint."""
    number = number_of(cell, decimal_comma=False)

    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize("cell", ["abc", "inf", "-Infinity", "1e999", "1,5", "12:30"])
def test_cells_that_are_no_finite_number_are_bad(cell):
    """Text where a number should be is told, never taken for something."""
    assert number_of(cell, decimal_comma=False) is None


def test_a_decimal_comma_counts_only_where_commas_do_not_separate():
    """Tables from countries that write 1,5 are read when semicolons separate their cells."""
    assert number_of("1,5", decimal_comma=True) == 1.5
    assert number_of("1,5", decimal_comma=False) is None
    assert number_of("1,234.5", decimal_comma=True) is None


def test_booleans_are_one_and_zero():
    """A switch is a sensor too."""
    assert [number_of(cell, decimal_comma=False) for cell in ("true", "False")] == [1.0, 0.0]


@given(st.lists(st.one_of(st.floats().map(repr), st.sampled_from(["", "x", "true", "1,5"])), max_size=20))
def test_a_column_reads_as_its_cells_one_by_one(cells):
    """Whether a table is read fast or slowly makes no difference to a single cell."""
    numbers, bad = numbers_of(cells, decimal_comma=True)

    one_by_one = [number_of(cell, decimal_comma=True) for cell in cells]
    assert bad == [row for row, number in enumerate(one_by_one) if number is None]
    np.testing.assert_array_equal(numbers, [math.nan if number is None else number for number in one_by_one])


@pytest.mark.parametrize(
    ("cell", "quality"),
    [
        ("", Quality.GOOD),
        ("Good", Quality.GOOD),
        ("uncertain", Quality.UNCERTAIN),
        ("BAD", Quality.BAD),
        ("0", Quality.GOOD),
        (str(0x40000000), Quality.UNCERTAIN),
        (str(0x80000000), Quality.BAD),
        (str(0xFFFFFFFF), Quality.BAD),
        ("fine", None),
        (str(1 << 32), None),
    ],
)
def test_qualities_are_words_or_status_codes(cell, quality):
    """A recording says how far a value can be trusted as a message would."""
    assert quality_of(cell) is quality
