"""Maintenance as spans of time: once, every week, over midnight, and where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.calendar import DAYS, WEEK_MS, Calendar, Span, merged, spans_of
from contracts.limits import TS_MS_MAX
from contracts.settings import Maintenance, Settings

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
DAY = timedelta(days=1)


def _ms(*moment, zone=UTC):
    return round(datetime(*moment, tzinfo=zone).timestamp()) * 1000


def _once(*, start, end, asset="*", comment=None):
    return Maintenance(
        asset=asset, start=datetime.fromisoformat(start), end=datetime.fromisoformat(end), comment=comment
    )


def _calendar(*entries):
    return Calendar(Settings(maintenance=entries))


def test_without_maintenance_nothing_is_covered():
    """Nearly every plant, nearly always."""
    calendar = _calendar()

    assert not calendar.concerns("press-1")
    assert calendar.covering("press-1", _ms(2026, 5, 1)) is None
    assert calendar.spans("press-1", 0, TS_MS_MAX) == []


def test_once_is_from_its_first_millisecond_to_before_its_last():
    """The end is when work is over: an alarm at that very time is told."""
    calendar = _calendar(_once(start="2026-05-01T06:00:00+02:00", end="2026-05-01T14:00:00+02:00", comment="overhaul"))
    span = Span(_ms(2026, 5, 1, 4), _ms(2026, 5, 1, 12), "overhaul")

    assert calendar.covering("press-1", span.start) == span
    assert calendar.covering("press-1", span.end - 1) == span
    assert calendar.covering("press-1", span.start - 1) is None
    assert calendar.covering("press-1", span.end) is None


@pytest.mark.parametrize(
    ("pattern", "asset", "concerned"),
    [("*", "a", True), ("press-*", "press-1", True), ("press-[12]", "press-3", False), ("Press-*", "press-1", False)],
)
def test_maintenance_concerns_the_assets_of_its_pattern(pattern, asset, concerned):
    """Work on the presses doesn't hide the ovens."""
    calendar = _calendar(Maintenance(asset=pattern, days=("mon",), at="06:00", for_h=2))
    monday = _ms(2026, 5, 4, 7)

    assert calendar.concerns(asset) is concerned
    assert (calendar.covering(asset, monday) is not None) is concerned


def test_a_shift_over_midnight_ends_on_the_next_day():
    """From Saturday evening to Sunday morning is one maintenance, of Saturday."""
    calendar = _calendar(Maintenance(days=("sat",), at="22:00", for_h=8, time_zone="Europe/Berlin"))
    saturday = Span(_ms(2026, 5, 2, 22, zone=BERLIN), _ms(2026, 5, 3, 6, zone=BERLIN), None)

    assert calendar.covering("press-1", _ms(2026, 5, 3, 3, zone=BERLIN)) == saturday
    assert calendar.spans("press-1", saturday.start - WEEK_MS, saturday.start + WEEK_MS) == [
        Span(saturday.start - WEEK_MS, saturday.end - WEEK_MS, None),
        saturday,
    ]


@pytest.mark.parametrize(
    ("day", "zone_before", "zone_after"),
    [((2026, 3, 29), 1, 2), ((2026, 10, 25), 2, 1)],
    ids=["spring", "autumn"],
)
def test_a_day_on_which_clocks_change_begins_by_the_clock_and_lasts_its_hours(day, zone_before, zone_after):
    """At six in the morning of the plant, before and after; four hours of work are four hours."""
    calendar = _calendar(Maintenance(days=("sun",), at="06:00", for_h=4, time_zone="Europe/Berlin"))
    before, after = (_ms(*day) + (6 - hours) * HOUR_MS for hours in (zone_before, zone_after))

    starts = [span.start for span in calendar.spans("press-1", before - WEEK_MS, after + HOUR_MS)]

    assert starts == [before - WEEK_MS, after]
    assert calendar.covering("press-1", after) == Span(after, after + 4 * HOUR_MS, None)


def test_work_through_the_change_of_clocks_lasts_its_hours():
    """From ten in the evening for eight hours: to seven in spring, to five in autumn."""
    calendar = _calendar(Maintenance(days=("sat",), at="22:00", for_h=8, time_zone="Europe/Berlin"))

    spring, autumn = (
        calendar.covering("press-1", _ms(*day, zone=BERLIN)) for day in ((2026, 3, 29, 1), (2026, 10, 25, 1))
    )

    assert datetime.fromtimestamp(spring.end / 1000, BERLIN).hour == 7
    assert datetime.fromtimestamp(autumn.end / 1000, BERLIN).hour == 5


def test_a_time_that_the_clock_skips_begins_when_it_would_have_been():
    """02:30 doesn't exist on the last Sunday of March: work begins an hour and a half after 01:00, as ever."""
    calendar = _calendar(Maintenance(days=("sun",), at="02:30", for_h=1, time_zone="Europe/Berlin"))

    (span,) = calendar.spans("press-1", _ms(2026, 3, 28, 12), _ms(2026, 3, 29, 12))

    assert span == Span(_ms(2026, 3, 29, 1, 30), _ms(2026, 3, 29, 2, 30), None)


def test_a_time_that_comes_twice_begins_the_first_time():
    """02:30 is twice on the last Sunday of October: work begins once."""
    calendar = _calendar(Maintenance(days=("sun",), at="02:30", for_h=1, time_zone="Europe/Berlin"))

    (span,) = calendar.spans("press-1", _ms(2026, 10, 24, 12), _ms(2026, 10, 25, 12))

    assert span == Span(_ms(2026, 10, 25, 0, 30), _ms(2026, 10, 25, 1, 30), None)


@pytest.mark.parametrize(("gap_min", "spans"), [(-30, 1), (0, 1), (1, 2)])
def test_spans_that_meet_are_one(gap_min, spans):
    """Nothing ends and begins again between two entries that meet; a minute between them is a gap."""
    second = datetime(2026, 5, 1, 8, tzinfo=UTC) + timedelta(minutes=gap_min)
    calendar = _calendar(
        Maintenance(start=second, end=second + timedelta(hours=1), comment="second"),
        _once(start="2026-05-01T07:00:00Z", end="2026-05-01T08:00:00Z", comment="first"),
    )

    found = calendar.spans("press-1", _ms(2026, 5, 1), _ms(2026, 5, 2))

    assert len(found) == spans
    assert found[0].comment == "first"
    assert found[-1].end == round(second.timestamp()) * 1000 + HOUR_MS


def test_the_whole_weekend_is_one_span():
    """Saturday for a day and Sunday for a day: nobody is told at midnight that it's over."""
    calendar = _calendar(Maintenance(days=("sat", "sun"), comment="weekend"))

    assert calendar.covering("press-1", _ms(2026, 5, 3)) == Span(_ms(2026, 5, 2), _ms(2026, 5, 4), "weekend")


def test_maintenance_without_end_is_cut_a_week_away_at_the_least():
    """Whoever waits for its end waits, looks again, and waits on."""
    calendar = _calendar(Maintenance(days=DAYS))
    ts = _ms(2026, 5, 1, 12)

    span = calendar.covering("press-1", ts)

    assert span.start <= ts - WEEK_MS
    assert ts + WEEK_MS <= span.end
    assert calendar.covering("press-1", span.end).end > span.end


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("ts", [1, TS_MS_MAX], ids=["first", "last"])
def test_the_ends_of_time_are_no_error(zone, ts):
    """A file may have readings of the year 9999, by mistake: they end nothing."""
    weekly = Maintenance(days=("mon",), for_h=168, time_zone=zone)
    everlasting = _once(start="0001-01-01T00:00:00+14:00", end="9999-12-31T23:59:59-12:00")

    _calendar(weekly).covering("press-1", ts)

    assert _calendar(weekly, everlasting).covering("press-1", ts).start < 0


_START = datetime(2026, 3, 1, tzinfo=UTC)
_MOMENTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: _START + timedelta(minutes=minutes))
_ONCE = st.builds(
    lambda start, minutes: Maintenance(start=start, end=start + timedelta(minutes=minutes)),
    _MOMENTS,
    st.integers(1, 40 * 24 * 60),
)
_WEEKLY = st.builds(
    lambda days, hour, minute, for_min, zone: Maintenance(
        days=tuple(sorted(days)), at=f"{hour:02}:{minute:02}", for_h=for_min / 60, time_zone=zone
    ),
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 23),
    st.sampled_from([0, 17, 30, 59]),
    st.integers(1, 168 * 60),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
_ENTRIES = st.lists(_ONCE | _WEEKLY, min_size=1, max_size=3)


def _is_in(entry, ts):
    """The same by another way: from the moment back, minute by minute, to one at which the entry begins."""
    if entry.start is not None:
        return entry.start <= ts < entry.end
    zone = ZoneInfo(entry.time_zone)
    hour, minute = map(int, entry.at.split(":"))
    for days in range(10):
        day = (ts.astimezone(zone) - days * DAY).date() + DAY
        begins = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        if begins <= ts < begins + timedelta(hours=entry.for_h) and DAYS[day.weekday()] in entry.days:
            return True
    return False


@given(entries=_ENTRIES, moment=_MOMENTS)
def test_a_moment_is_covered_when_any_entry_covers_it(entries, moment):
    """What the plant's clocks say is what counts, whatever the entries are."""
    ts = round(moment.timestamp() * 1000)

    span = _calendar(*entries).covering("press-1", ts)

    assert (span is not None) is any(_is_in(entry, moment) for entry in entries)


@given(entries=_ENTRIES, moment=_MOMENTS)
def test_a_span_is_covered_throughout_and_its_ends_are_ends(entries, moment):
    """Who is told that it's over can rely on it."""
    calendar = _calendar(*entries)
    ts = round(moment.timestamp() * 1000)
    span = calendar.covering("press-1", ts)
    if span is None:
        return

    for inside in range(span.start, span.end, 7 * HOUR_MS):
        assert any(_is_in(entry, datetime.fromtimestamp(inside / 1000, UTC)) for entry in entries)
    for edge, just_outside in ((span.start, span.start - MINUTE_MS), (span.end, span.end)):
        outside = datetime.fromtimestamp(just_outside / 1000, UTC)
        assert abs(edge - ts) >= WEEK_MS or not any(_is_in(entry, outside) for entry in entries)


@given(entries=_ENTRIES, moments=st.tuples(_MOMENTS, _MOMENTS))
def test_spans_of_a_time_are_apart_and_touch_it(entries, moments):
    """What is asked for is what is given, in order of time."""
    start, end = (round(moment.timestamp() * 1000) for moment in sorted(moments))

    spans = _calendar(*entries).spans("press-1", start, end)

    assert all(span.start < end and span.end > start for span in spans)
    assert all(one.end < other.start for one, other in pairwise(spans))


@given(entry=_WEEKLY, moment=_MOMENTS)
def test_where_the_question_begins_changes_no_answer(entry, moment):
    """The same moment asked about in a longer time is the same moment."""
    ts = round(moment.timestamp() * 1000)

    near, far = (
        [span for span in spans_of(entry, ts - width, ts + width) if span.start < ts + HOUR_MS and span.end > ts]
        for width in (HOUR_MS, 30 * 24 * HOUR_MS)
    )

    assert near == far


def test_merging_leaves_the_spans_that_were_given_alone():
    """The spans of an entry are used more than once."""
    spans = [Span(5, 9, "b"), Span(1, 5, "a")]

    assert merged(spans) == [Span(1, 9, "a")]
    assert spans == [Span(5, 9, "b"), Span(1, 5, "a")]
