"""Report by exception, heartbeats and gaps."""

from __future__ import annotations

from math import inf, nan

import pytest

from gateways import reporting
from gateways.reporting import Reporting
from gateways.seam import BAD, GOOD, UNCERTAIN, Frame


def told(report, *frames):
    """What comes of frames (ts, quality, values) of one asset."""
    return [tuple(frame)[1:] for frame in report.filter(Frame("press", *frame) for frame in frames)]


@pytest.fixture
def report():
    """Deadband 1 for temp, none for others; a heartbeat every 10 s."""
    return Reporting(deadband=lambda _asset, sensor: 1.0 if sensor == "temp" else 0.0, heartbeat_ms=10_000)


def test_only_what_moved_by_more_than_the_deadband_is_told(report):
    """A thermocouple that flickers fills no topic; what it was last told at is what counts."""
    frames = [(ts, GOOD, {"temp": value}) for ts, value in enumerate([20, 20.9, 21, 21.1, 20.2, 20.1], 1)]

    assert told(report, *frames) == [(1, GOOD, {"temp": 20}), (4, GOOD, {"temp": 21.1})]
    assert report.suppressed == 4


def test_a_value_that_stays_is_told_once_in_a_heartbeat(report):
    """So that a quiet sensor isn't taken for a dead one."""
    frames = [(ts, GOOD, {"p": 5.0}) for ts in range(0, 25_000, 1_000)]

    assert [ts for ts, _, _ in told(report, *frames)] == [0, 10_000, 20_000]


def test_a_changed_quality_is_told_also_of_a_value_that_stays(report):
    """Whoever trusts a value must hear that it isn't to be trusted."""
    frames = [(1, GOOD, {"p": 5}), (2, UNCERTAIN, {"p": 5}), (3, UNCERTAIN, {"p": 5}), (4, GOOD, {"p": 5})]

    assert [(ts, quality) for ts, quality, _ in told(report, *frames)] == [(1, GOOD), (2, UNCERTAIN), (4, GOOD)]


def test_news_that_is_older_than_what_was_said_is_told_and_changes_nothing(report):
    """An event of a device whose clock is behind: the present value that comes with it is told too."""
    told(report, (5_000, GOOD, {"p": 5}))

    assert told(report, (4_000, GOOD, {"p": 9}), (6_000, GOOD, {"p": 9})) == [
        (4_000, GOOD, {"p": 9}),
        (6_000, GOOD, {"p": 9}),
    ]


def test_a_clock_that_was_set_back_is_followed(report):
    """By more than a heartbeat: everything would be older news for ever."""
    told(report, (50_000, GOOD, {"p": 5}))

    assert told(report, (4_000, GOOD, {"p": 9}), (5_000, GOOD, {"p": 9})) == [(4_000, GOOD, {"p": 9})]


@pytest.mark.parametrize("nothing", [nan, inf, -inf])
def test_no_number_means_that_the_last_one_is_bad(report, nothing):
    """NaN from a broken probe is told once, with the last value and bad quality, and its neighbours are untouched."""
    assert told(report, (1, GOOD, {"temp": 20, "p": 5}), (2, GOOD, {"temp": nothing, "p": 6})) == [
        (1, GOOD, {"temp": 20, "p": 5}),
        (2, GOOD, {"p": 6}),
        (2, BAD, {"temp": 20}),
    ]
    assert told(report, (3, GOOD, {"temp": nothing})) == []
    assert told(report, (4, GOOD, {"temp": 20})) == [(4, GOOD, {"temp": 20})]
    assert told(report, (5, GOOD, {"never": nothing})) == []
    assert report.refused == 1


def test_a_source_of_changes_is_spoken_for_up_to_the_time_that_is_known(report):
    """As long as the server is there, silence means that nothing has changed."""
    told(report, (1_000, GOOD, {"p": 5, "q": 1}), (2_000, BAD, {"q": 1}))

    assert report.repeat(10_999) == []
    assert report.repeat(11_000) == [Frame("press", 11_000, GOOD, {"p": 5})]
    assert report.repeat(11_500) == []


def test_a_change_that_was_older_than_our_repetition_is_dated_after_it(report):
    """Else andon would take it for out of order, and no limit would judge it."""
    told(report, (1_000, GOOD, {"p": 5}))
    report.repeat(12_000)

    assert told(report, (11_800, GOOD, {"p": 99})) == [(12_001, GOOD, {"p": 99})]
    assert told(report, (11_900, GOOD, {"p": 98})) == [(11_900, GOOD, {"p": 98})]  # the device's own disorder stays


def test_a_lost_connection_marks_all_that_was_good(report):
    """The gap is in the data: the last value, of bad quality, later than all before; once."""
    told(report, (9_000, GOOD, {"p": 5, "temp": 20}), (9_500, BAD, {"q": 1}))

    (gap,) = report.lose(8_000)

    assert gap == Frame("press", 9_001, BAD, {"p": 5, "temp": 20})
    assert report.lose(10_000) == []
    assert told(report, (9_600, GOOD, {"p": 5})) == [(9_600, GOOD, {"p": 5})]


def test_only_the_asset_that_died_is_marked(report):
    """One device of many behind a gateway."""
    list(report.filter([Frame("a", 1, GOOD, {"x": 1}), Frame("b", 1, GOOD, {"x": 1})]))

    assert report.lose(5, asset="b") == [Frame("b", 5, BAD, {"x": 1})]


def test_a_device_that_makes_up_names_is_stopped(report, monkeypatch):
    """Bounded: what was known before goes on."""
    monkeypatch.setattr(reporting, "SERIES_MAX", 2)

    assert told(report, (1, GOOD, {"a": 1, "b": 2, "c": 3})) == [(1, GOOD, {"a": 1, "b": 2})]
    assert told(report, (2, GOOD, {"a": 5, "c": 6})) == [(2, GOOD, {"a": 5})]
    assert (report.refused, report.series_count) == (2, 2)
