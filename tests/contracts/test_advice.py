"""What is allowed in the settings and was hardly meant is said."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.advice import WARMUP_WINDOWS, advice, covers, window_advice
from contracts.loading import parse
from detectors.policy import WARMUP

NOW_MS = 1_777_600_000_000
"""1 May 2026, 03:46 in Berlin."""


def _advice(text, *, now_ms=NOW_MS):
    return [str(problem) for problem in advice(parse(text, "andon.toml", {}), now_ms=now_ms)]


def test_the_settings_of_a_careful_person_get_no_advice():
    """A warning that is always there is read by nobody."""
    text = """
        [[rules]]
        asset = "press-1"
        limit = { hh = 95, severity = { hh = 950 } }
        [[rules]]
        asset = "press-*"
        limit = { hh = 90 }
        rate = { rise_max_per_s = 1 }
        [[rules]]
        stale = { after_s = 30 }
        [[assets]]
        asset = "press-*"
        window_s = 10
        late_s_max = 10
        [[assets]]
        window_s = 60
        [alarms]
        shelve_max_h = 168
        [[maintenance]]
        asset = "press-*"
        start = 2026-05-01T06:00:00+02:00
        end = 2026-05-01T14:00:00+02:00
        [[maintenance]]
        start = 2026-05-01T08:00:00+02:00
        end = 2026-05-01T16:00:00+02:00
        [[maintenance]]
        asset = "press-1"
        days = ["sat"]
        time_zone = "Europe/Berlin"
        [[maintenance]]
        days = ["sat"]
        time_zone = "Asia/Kolkata"
        """

    assert _advice(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[[rules]]\nlimit = { h = 1 }\n[[rules]]\nasset = 'press-*'\nlimit = { h = 2 }",
            "rules[2]: never applies, because of rules[1] before it. Put the narrower one first.",
        ),
        (
            (
                "[[rules]]\nlimit = { h = 1 }\n[[rules]]\nsensor = 't*'\ndrift = false\n"
                "[[rules]]\nsensor = 'te*'\nlimit = { h = 2 }\ndrift = false"
            ),
            "rules[3]: never applies, because of rules[1] and rules[2] before it. Put the narrower one first.",
        ),
        ("[[rules]]\nasset = 'press-*'", "rules[1]: sets nothing. Give it a key, or drop it."),
        (
            "[[rules]]\nlimit = { h = 1, severity = { hh = 900 } }",
            "rules[1].limit.severity.hh: is the severity of a limit that isn't given. Give hh too, or drop it.",
        ),
        (
            "[[assets]]\nwindow_s = 1\n[[assets]]\nasset = 'x'\nwindow_s = 2",
            "assets[2]: never applies, because of assets[1] before it. Put the narrower one first.",
        ),
        (
            "[[assets]]\nlate_s_max = 90",
            (
                "assets[1].late_s_max: is 90, longer than a window of 60 s: the window's length counts. "
                "Lengthen window_s, or shorten late_s_max."
            ),
        ),
        (
            "[[assets]]\nwindow_s = 86400",
            "assets[1].window_s: is 86400: the learned detectors judge after 150 windows, 150 days. Shorten it.",
        ),
        (
            "[service]\nclock = 'event'",
            (
                'service.clock: is "event": an asset that falls silent as a whole is never noticed. '
                'Leave it at "wall", except for recordings.'
            ),
        ),
    ],
)
def test_what_was_hardly_meant_is_said_once(text, line):
    """A rule that never applies is found at the desk, not in the plant."""
    assert _advice(text) == [line]


_ONCE = "[[maintenance]]\nasset = '{}'\nstart = {}\nend = {}\n"
_MAY = ("2026-05-01T06:00:00+02:00", "2026-05-01T14:00:00+02:00")
_APRIL = ("2026-04-01T06:00:00Z", "2026-04-01T14:00:00Z")
_WEEKLY = "[[maintenance]]\nasset = '{}'\ndays = {}\nat = '{}'\nfor_h = {}\ntime_zone = '{}'\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (_ONCE.format("*", *_APRIL), "maintenance[1]: ended at 2026-04-01 14:00:00+00:00. Drop it."),
        (
            _ONCE.format("*", *_MAY) + _ONCE.format("press-1", "2026-05-01T05:00:00Z", _MAY[1]),
            "maintenance[2]: changes nothing: maintenance[1] covers all of it. Drop it.",
        ),
        (
            _ONCE.format("press-1", "2026-05-01T05:00:00Z", _MAY[1]) + _ONCE.format("*", *_MAY),
            "maintenance[1]: changes nothing: maintenance[2] covers all of it. Drop it.",
        ),
        (
            2 * _ONCE.format("press-1", *_MAY),
            "maintenance[2]: changes nothing: maintenance[1] covers all of it. Drop it.",
        ),
        (
            (
                _WEEKLY.format("*", ["sat", "sun"], "00:00", 24, "Europe/Berlin")
                + _WEEKLY.format("press-*", ["sat"], "23:00", 6, "Europe/Berlin")
            ),
            "maintenance[2]: changes nothing: maintenance[1] covers all of it. Drop it.",
        ),
        (
            (
                _WEEKLY.format("press-1", ["sun"], "02:00", 1.5, "Europe/Berlin")
                + _WEEKLY.format("press-?", ["sun"], "00:00", 2, "UTC")
                + _WEEKLY.format("press-*", ["sun"], "00:00", 2, "UTC")
            ),
            "maintenance[2]: changes nothing: maintenance[3] covers all of it. Drop it.",
        ),
        (
            _WEEKLY.format("*", ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "06:00", 24, "Europe/Berlin"),
            (
                "maintenance[1]: never ends: no alarm of these assets is ever annunciated. "
                "Shorten for_h, or take the assets out of service by a command."
            ),
        ),
        (
            _WEEKLY.format("*", ["mon"], "06:00", 168, "UTC"),
            (
                "maintenance[1]: never ends: no alarm of these assets is ever annunciated. "
                "Shorten for_h, or take the assets out of service by a command."
            ),
        ),
        (
            "[alarms]\nshelve_max_h = 720",
            (
                "alarms.shelve_max_h: lets alarms be shelved for 30 days: what is held back so long is forgotten. "
                "Give at most 168; suppress what is meant to last."
            ),
        ),
    ],
)
def test_maintenance_that_was_hardly_meant_is_said_once(text, line):
    """Work that is over, is said twice, or never ends."""
    assert _advice(text) == [line]


@pytest.mark.parametrize(
    "text",
    [
        _ONCE.format("press-1", *_MAY) + _ONCE.format("press-2", *_MAY),
        _WEEKLY.format("*", ["sat"], "00:00", 6, "UTC") + _WEEKLY.format("*", ["sat"], "01:00", 6, "UTC"),
        _WEEKLY.format("*", ["sun"], "02:00", 1, "Europe/Berlin") + _WEEKLY.format("*", ["sun"], "00:00", 1, "UTC"),
        _ONCE.format("*", *_MAY) + _WEEKLY.format("*", ["fri"], "08:00", 1, "Europe/Berlin"),
    ],
    ids=["other assets", "partly", "in summer only", "once within every week"],
)
def test_maintenance_that_adds_something_is_left_alone(text):
    """Entries may overlap: they are one then."""
    assert _advice(text) == []


def test_maintenance_that_is_over_is_meant_for_a_recording():
    """A recording of last year is replayed with the maintenance of last year."""
    text = _ONCE.format("*", *_APRIL)

    assert _advice(text, now_ms=0) == []
    assert [line.split(":")[0] for line in _advice(f"[service]\nclock = 'event'\n{text}")] == ["service.clock"]


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("*", "anything[ab]?", True),
        ("press-*", "press-*", True),
        ("press-*", "press-1*", True),
        ("press-*", "press-?", True),
        ("press-1*", "press-*", False),
        ("press-?", "press-*", False),
        ("press-?", "press-1", False),
        ("a[bc]", "ab", False),
        ("oven-*", "press-1", False),
    ],
)
def test_a_wider_pattern_covers_a_narrower_one(wide, narrow, covered):
    """Where it can't be told easily, nothing is said."""
    assert covers(wide, narrow) is covered


_PATTERN = st.text("ab*?[]", min_size=1, max_size=5)


@given(wide=_PATTERN, narrow=_PATTERN, name=st.text("ab*?[]", max_size=6))
def test_a_covered_pattern_matches_nothing_that_the_wider_one_does_not(wide, narrow, name):
    """A rule that could apply is never called dead."""
    if covers(wide, narrow) and fnmatchcase(name, narrow):
        assert fnmatchcase(name, wide)


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("", ""),
        ("[[rules]]\nstale = { after_s = 90 }", ""),
        ("[[rules]]\nstale = { after_s = 3600 }", "sensors may be silent for 3600 s, and a window has 60 s"),
        ("[[rules]]\nstale = { after_s = 3600 }\n[[assets]]\nwindow_s = 0", ""),
        ("[[assets]]\nwindow_s = 7200", "with windows of 7200 s the learned detectors judge after 12 days"),
    ],
)
def test_windows_that_fit_badly_are_named_for_an_asset(text, beginning):
    """Slow sensors want each reading judged; long windows learn for weeks."""
    unwise = window_advice(parse(text, "andon.toml", {}), "press-1")

    assert unwise.startswith(beginning)
    assert bool(unwise) is bool(beginning)


def test_the_warm_up_that_is_spoken_of_is_that_of_the_detectors():
    """The figure in a message is the figure in the mathematics."""
    assert WARMUP_WINDOWS == WARMUP
