"""Windows of an asset's sensors side by side."""

from __future__ import annotations

import json

from detectors.joined import Join

MINUTE_MS = 60_000


def add(join, sensor, minute, mean, *, learn=True):
    """Close one window of a sensor."""
    start = minute * MINUTE_MS
    return join.add(sensor, start=start, end=start + MINUTE_MS, mean=mean, count=6, learn=learn)


def two_known():
    """A join that knows two sensors; the row of minute 1 is open."""
    join = Join()
    add(join, "temp", 0, 20.0)
    add(join, "speed", 0, 1.0)
    (first,) = add(join, "temp", 1, 21.0)
    assert first.means == {"temp": 20.0, "speed": 1.0}
    return join


def test_a_row_is_taken_when_all_known_sensors_have_closed_it():
    """The last sensor of a minute completes it."""
    (row,) = add(two_known(), "speed", 1, 2.0)

    assert row.means == {"temp": 21.0, "speed": 2.0}
    assert (row.start, row.end, row.readings, row.learn) == (MINUTE_MS, 2 * MINUTE_MS, 12, True)


def test_the_first_row_waits_for_a_later_window():
    """The first sensor to speak isn't taken for the only one."""
    join = Join()

    assert add(join, "temp", 0, 20.0) == []
    assert add(join, "speed", 0, 1.0) == []
    assert [row.means for row in add(join, "speed", 1, 2.0)] == [{"temp": 20.0, "speed": 1.0}]


def test_a_later_window_takes_the_row_without_the_missing_sensor():
    """A silent sensor doesn't hold up the others: its last value stands in."""
    (row,) = add(two_known(), "temp", 2, 22.0)

    assert row.start == MINUTE_MS
    assert row.means == {"temp": 21.0, "speed": 1.0}
    assert row.readings == 6


def test_one_window_can_complete_two_rows():
    """The window that ends the wait for others completes its own row too, if nobody else is known."""
    join = Join()
    add(join, "temp", 0, 20.0)

    assert [row.start for row in add(join, "temp", 1, 21.0)] == [0, MINUTE_MS]
    assert [row.start for row in add(join, "temp", 2, 22.0)] == [2 * MINUTE_MS]


def test_a_late_window_only_brings_its_value_up_to_date():
    """A row that was taken isn't taken again."""
    join = two_known()
    add(join, "temp", 2, 22.0)

    assert add(join, "speed", 1, 9.0) == []
    (row,) = add(join, "temp", 3, 23.0)
    assert row.means == {"temp": 22.0, "speed": 9.0}


def test_a_value_that_is_no_number_is_stood_in_for_by_the_last():
    """A broken mean completes the row without entering it."""
    (row,) = add(two_known(), "speed", 1, None)

    assert row.means == {"temp": 21.0, "speed": 1.0}


def test_one_uncertain_window_makes_the_row_uncertain():
    """A row with a doubtful value is judged and not learned; the next is learned again."""
    join = two_known()

    (row,) = add(join, "speed", 1, 2.0, learn=False)
    add(join, "temp", 2, 22.0)
    (after,) = add(join, "speed", 2, 2.0)

    assert (row.learn, after.learn) == (False, True)


def test_a_new_sensor_joins():
    """A sensor that is mounted later is waited for from then on."""
    join = two_known()
    add(join, "flow", 1, 5.0)
    add(join, "speed", 1, 2.0)

    assert add(join, "temp", 2, 22.0) == []
    assert add(join, "speed", 2, 2.0) == []
    (row,) = add(join, "flow", 2, 5.0)
    assert list(row.means) == ["temp", "speed", "flow"]


def test_a_saved_join_goes_on():
    """A restart between two sensors of a row loses neither."""
    join = two_known()

    restored = Join.restore(json.loads(json.dumps(join.snapshot())))

    assert add(restored, "speed", 1, 2.0) == add(join, "speed", 1, 2.0)
    assert restored.snapshot() == join.snapshot()
