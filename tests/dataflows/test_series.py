"""The series that a lane knows: numbers, names once, and bounds."""

from __future__ import annotations

import pytest

from contracts.codec import Refusal
from contracts.readings import Reason, SeriesName, group_of
from contracts.settings import Service
from dataflows.series import REPORTED_AGAIN_S, SeriesTable


def _table(**service):
    return SeriesTable(Service(**service))


def test_series_are_numbered_as_they_are_met():
    """One number for one sensor of one asset, for as long as the lane lives."""
    table = _table()

    numbers = [table.number(asset, sensor, 1) for asset, sensor in ["ab", "ac", "bb", "ab", "bb"]]

    assert numbers == [0, 1, 2, 0, 2]


def test_a_name_is_told_once_and_to_its_own_group():
    """A key group hears of a series before its first reading, and not again."""
    table = _table()
    group = group_of("press-1", 128)
    table.number("press-1", "temp", 1)
    table.number("press-1", "p", 1)

    first = table.take_names(group)
    table.number("press-1", "temp", 2)
    table.number("press-1", "q", 2)

    assert first == (SeriesName(0, "press-1", "temp"), SeriesName(1, "press-1", "p"))
    assert table.take_names(group) == (SeriesName(2, "press-1", "q"),)
    assert table.take_names(group) == ()
    assert table.take_names(group + 1) == ()


def test_groups_are_known_for_more_series_than_the_table_began_with():
    """The table grows."""
    table = _table(key_groups=16)

    numbers = [table.number(f"asset-{i}", "s", 1) for i in range(1000)]

    assert numbers == list(range(1000))
    assert table.groups[:1000].tolist() == [group_of(f"asset-{i}", 16) for i in range(1000)]


@pytest.mark.parametrize(
    ("asset", "sensor", "detail"),
    [("", "s", "asset name is empty"), ("a", "", "sensor name is empty"), ("a\n", "s", "asset name has control")],
)
def test_a_bad_name_is_refused_and_takes_no_number(asset, sensor, detail):
    """Rubbish in a name costs its message and nothing more."""
    table = _table()

    refusal = table.number(asset, sensor, 1)

    assert refusal.reason is Reason.BAD_NAME
    assert refusal.detail.startswith(detail)
    assert table.number("a", "s", 1) == 0


def test_an_asset_with_too_many_sensors_is_told_once_and_its_old_sensors_go_on():
    """A gateway that makes up names can't push out the sensors that are watched."""
    table = _table(sensors_per_asset_max=2)
    table.number("a", "s0", 1)
    table.number("a", "s1", 1)

    refusals = [table.number("a", f"new-{i}", 7 + i) for i in range(3)]

    assert {refusal.reason for refusal in refusals} == {Reason.CAPACITY}
    ((group, finding),) = table.take_findings()
    assert group == group_of("a", 128)
    assert (finding.asset, finding.rule, finding.ts, finding.active) == ("a", "sensors", 7, True)
    assert table.take_findings() == []
    assert table.number("a", "s1", 9) == 1
    assert table.number("b", "s0", 9) == 2


def test_a_group_with_too_many_series_is_told_once():
    """Memory has a bound whatever is sent."""
    table = _table(key_groups=1, series_per_group_max=2)
    table.number("a", "s", 1)
    table.number("b", "s", 1)

    refusals = [table.number(name, "s", 5) for name in "cde"]

    assert all(isinstance(refusal, Refusal) for refusal in refusals)
    assert refusals[0].detail == "series of 'c' exceed 2: raise service.series_per_group_max"
    assert [finding.rule for _, finding in table.take_findings()] == ["series"]


def test_a_bound_that_is_still_met_is_told_again_after_ten_minutes_in_the_same_name():
    """The alarm ends by itself when nothing is heard of it; it is one alarm, whoever of the group is refused."""
    now = [50.0]
    table = SeriesTable(Service(key_groups=1, series_per_group_max=1), clock_s=lambda: now[0])
    table.number("a", "s", 1)
    told = []

    for later_s in (0, 1, REPORTED_AGAIN_S - 2, 1):
        now[0] += later_s
        table.number(f"new-{now[0]}", "s", 5)
        told.append([(finding.asset, finding.rule) for _, finding in table.take_findings()])

    assert told == [[("new-50.0", "series")], [], [], [("new-50.0", "series")]]
