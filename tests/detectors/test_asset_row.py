"""Windows of an asset's sensors side by side, in arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from detectors import asset_row

MINUTE_MS = 60_000


class Taken(NamedTuple):
    """A row that was taken."""

    minute: int
    values: dict[int, float]
    """Of who is present."""
    readings: int
    learn: bool


class Asset:
    """One asset's row and members."""

    def __init__(self, sensors=2):
        self.members = np.zeros(sensors, asset_row.MEMBER)
        self.slots = np.arange(sensors, dtype=np.int32)
        self.row = np.zeros(1, asset_row.ROW)[0]
        asset_row.fresh(self.row)

    def close(self, sensor, minute, x=0.0, *, learn=True):
        """A sensor closes its window; the rows that are taken by it."""
        start, taken = minute * MINUTE_MS, []
        if asset_row.is_ended_by(self.row, start):
            taken.append(self._take())
        member = self.members[sensor]
        if asset_row.enter(self.row, member, x, start, start + MINUTE_MS, 6, learn, False):
            taken.append(self._take())
        return taken

    def _take(self):
        learn = asset_row.take(self.row, self.members, self.slots, len(self.slots))
        here = {i: float(member["x"]) for i, member in enumerate(self.members) if member["present"]}
        return Taken(int(self.row["taken"]) // MINUTE_MS, here, int(self.row["count"]), bool(learn))


def of_two():
    """An asset of which two sensors are known; the row of minute 1 is open, with sensor 0 in it."""
    asset = Asset()
    assert asset.close(0, 0, 20.0) == []
    assert asset.close(1, 0, 1.0) == []
    (first,) = asset.close(0, 1, 21.0)
    assert first == Taken(0, {0: 20.0, 1: 1.0}, 12, learn=True)
    return asset


def test_a_row_is_taken_when_all_have_closed_it():
    """The last sensor of a minute completes it."""
    (row,) = of_two().close(1, 1, 2.0)

    assert row == Taken(1, {0: 21.0, 1: 2.0}, 12, learn=True)


def test_a_later_window_takes_the_row_without_the_missing_sensor():
    """A silent sensor doesn't hold up the others: its last value stands in, and it isn't waited for again."""
    rows = of_two().close(0, 2, 22.0)

    assert rows == [Taken(1, {0: 21.0, 1: 1.0}, 6, learn=True), Taken(2, {0: 22.0, 1: 1.0}, 6, learn=True)]


def test_a_slow_sensor_is_not_waited_for():
    """A sensor that speaks once in a quarter of an hour doesn't make the others late."""
    asset = of_two()
    asset.close(0, 2, 22.0)

    rows = [asset.close(0, minute, minute) for minute in range(3, 15)]

    assert [[row.minute for row in taken] for taken in rows[1:]] == [[minute] for minute in range(4, 15)]


def test_a_sensor_that_missed_a_window_is_waited_for_again():
    """One lost message doesn't put a sensor out of step with the others for ever."""
    asset = of_two()
    asset.close(0, 2, 22.0)  # sensor 1 has no window of minute 1 ...
    asset.close(1, 2, 2.0)

    assert asset.close(0, 3, 23.0) == []  # ... and one of minute 2
    assert [row.values for row in asset.close(1, 3, 3.0)] == [{0: 23.0, 1: 3.0}]


def test_a_late_window_stands_in_the_next_row():
    """What comes after its row was taken isn't lost, and doesn't open the row again."""
    asset = of_two()
    asset.close(0, 2, 22.0)

    assert asset.close(1, 1, 9.0) == []
    assert [row.values[1] for row in asset.close(0, 3, 23.0)] == [9.0]


def test_a_window_between_the_rows_is_late():
    """A sensor that catches up on a gap which the other had as well."""
    asset = of_two()
    asset.close(1, 1, 1.0)
    asset.close(0, 5, 25.0)

    assert asset.close(1, 3, 3.0) == []
    assert [(row.minute, row.values) for row in asset.close(1, 5, 5.0)] == [(5, {0: 25.0, 1: 5.0})]


def test_a_silent_sensor_stands_for_a_while_and_leaves():
    """A dead sensor's last word isn't held against the others for ever; when it speaks it is there again."""
    asset = of_two()

    rows = [row for minute in range(2, 40) for row in asset.close(0, minute, minute)]

    assert [1 in row.values for row in rows] == [True] * 12 + [False] * (len(rows) - 12)
    asset.close(1, 39, 8.0)
    asset.close(0, 40, 40.0)
    back, *_ = asset.close(0, 41, 41.0)
    assert back.values == {0: 40.0, 1: 8.0}


def test_a_slow_sensor_stands_until_it_is_missed():
    """How long a value may stand goes by how often its sensor speaks."""
    asset = of_two()
    for minute in range(2, 900):
        asset.close(0, minute)
        if minute % 15 == 0:
            asset.close(1, minute)

    present = [1 in row.values for minute in range(900, 1200) for row in asset.close(0, minute)]

    assert 130 < present.index(False) < 170


@pytest.mark.parametrize("learn", [True, False])
def test_one_uncertain_window_keeps_the_row_from_being_learned(learn):
    """It is judged all the same."""
    (row,) = of_two().close(1, 1, 2.0, learn=learn)

    assert row == Taken(1, {0: 21.0, 1: 2.0}, 12, learn)


def test_a_sensor_out_of_service_leaves_the_others_alone():
    """Who takes a broken sensor out of service wants to hear no more of it, and the others to go on learning."""
    asset = of_two()
    (first,) = asset.close(1, 1, 500.0, learn=False)

    later = [
        row
        for minute in range(2, 30)
        for sensor in (0, 1)
        for row in asset.close(sensor, minute, 500.0, learn=sensor == 0)
    ]

    assert (1 in first.values, first.learn) == (True, False)
    assert (1 in later[-1].values, later[-1].learn) == (False, True)
    asset.close(0, 30, 1.0)
    assert [1 in row.values for row in asset.close(1, 30, 1.0)] == [True]


def test_an_asset_out_of_service_is_judged_as_a_whole():
    """In its maintenance all its sensors are the same: none leaves, and nothing is learned."""
    asset = of_two()
    asset.close(1, 1)

    rows = [row for minute in range(2, 60) for sensor in (0, 1) for row in asset.close(sensor, minute, learn=False)]

    assert {len(row.values) for row in rows} == {2}
    assert not any(row.learn for row in rows)


def test_a_sensor_without_a_usable_value_is_not_there():
    """A sensor that never said a number isn't in the row."""
    asset = Asset(sensors=3)
    asset.close(0, 0, 20.0)
    asset.close(1, 0, 1.0)

    (row,) = asset.close(0, 1, 21.0)

    assert set(row.values) == {0, 1}
