"""Names and slots: a series keeps its slot, whichever lane speaks of it by whatever number."""

from __future__ import annotations

from contracts.readings import SeriesName
from detectors.slots import UNKNOWN, Slots


def test_lanes_have_numbers_of_their_own_for_one_series():
    """An asset that moves to another partition is still the same asset."""
    slots = Slots()

    first = slots.learn(0, [SeriesName(5, "press", "temp"), SeriesName(2, "press", "flow")])
    second = slots.learn(3, [SeriesName(0, "press", "flow"), SeriesName(1, "pump", "temp")])

    assert (list(first), list(second)) == ([0, 1], [2])
    assert slots.table(0).tolist() == [UNKNOWN, UNKNOWN, 1, UNKNOWN, UNKNOWN, 0]
    assert slots.table(3).tolist() == [1, 2]
    assert (slots.assets, slots.sensors, slots.owners) == (["press", "pump"], ["temp", "flow", "temp"], [0, 0, 1])


def test_sensors_of_one_name_on_two_assets_are_two_series():
    """Also where the names run together to the same text."""
    slots = Slots()

    assert len(slots.learn(0, [SeriesName(0, "a", "bc"), SeriesName(1, "ab", "c"), SeriesName(2, "a", "c")])) == 3


def test_a_lane_that_has_said_nothing_knows_no_number():
    """Its first name doesn't change what other unknown lanes know."""
    slots = Slots()
    slots.learn(1, [SeriesName(0, "press", "temp")])

    assert slots.table(2).tolist() == [UNKNOWN]


def test_restored_slots_are_the_same_and_wait_for_the_lanes_names():
    """Numbers last as long as the process, slots for ever."""
    slots = Slots()
    slots.learn(0, [SeriesName(0, "press", "temp"), SeriesName(1, "pump", "temp")])
    restored = Slots.restored(assets=slots.assets, sensors=slots.sensors, owners=slots.owners)

    assert restored.table(0).tolist() == [UNKNOWN]
    assert list(restored.learn(0, [SeriesName(0, "pump", "temp"), SeriesName(1, "press", "flow")])) == [2]
    assert restored.table(0).tolist() == [1, 2]


def test_series_are_found_by_name():
    """A command names an asset and a sensor, and knows no numbers."""
    slots = Slots()
    slots.learn(0, [SeriesName(0, "press", "temp"), SeriesName(1, "pump", "temp"), SeriesName(2, "press", "flow")])

    assert (slots.asset("pump"), slots.asset("mill")) == (1, None)
    assert (slots.slot(0, "flow"), slots.slot(1, "flow")) == (2, None)
    assert (slots.sensors_of(0), slots.sensors_of(1)) == (["temp", "flow"], ["temp"])
