"""The calendar is asked as seldom as possible, and answers the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.maintenance import Maintained
from contracts.calendar import WEEK_MS, Calendar
from contracts.limits import TS_MS_MAX
from contracts.settings import Maintenance, Settings

from .given import HOUR, NOON

START = datetime.fromtimestamp(NOON / 1000, UTC)
SETTINGS = Settings(
    maintenance=(
        Maintenance(asset="press-*", start=START, end=START + timedelta(hours=2), comment="overhaul"),
        Maintenance(asset="press-*", days=("sun", "wed"), at="02:00", for_h=3, time_zone="Europe/Berlin"),
    )
)


@given(st.lists(st.integers(NOON - 2 * WEEK_MS, NOON + 2 * WEEK_MS), max_size=30))
def test_the_answer_is_the_calendars_own_whatever_was_asked_before(times):
    """What is remembered of a question before never answers another one wrongly."""
    maintained, calendar = Maintained(SETTINGS), Calendar(SETTINGS)

    for ts in times:
        stretch = maintained.at("press-1", ts)

        assert stretch.span == calendar.covering("press-1", ts)
        assert stretch.start <= ts < stretch.end
        assert calendar.covering("press-1", stretch.end - 1) == stretch.span


def test_an_asset_without_entries_never_needs_to_be_asked_again():
    """Nearly all assets, nearly always."""
    maintained = Maintained(SETTINGS)

    assert not maintained.concerns("oven-1")
    assert maintained.at("oven-1", NOON).end > TS_MS_MAX


@pytest.mark.parametrize("ts", [-1, 0, TS_MS_MAX, TS_MS_MAX + WEEK_MS])
def test_times_of_a_broken_clock_are_answered(ts):
    """A device that thinks it is 1970, or the year 9999, stops nothing."""
    stretch = Maintained(SETTINGS).at("press-1", ts)

    assert stretch.start <= ts < stretch.end


def test_a_maintenance_begins_and_ends_where_it_is_written():
    """To the millisecond."""
    maintained = Maintained(SETTINGS)

    before, inside, after = (maintained.at("press-1", ts) for ts in (NOON - 1, NOON, NOON + 2 * HOUR))

    assert (before.span, before.end) == (None, NOON)
    assert (inside.start, inside.end) == (NOON, NOON + 2 * HOUR)
    assert inside.span is not None
    assert inside.span.comment == "overhaul"
    assert (after.span, after.start) == (None, NOON + 2 * HOUR)
