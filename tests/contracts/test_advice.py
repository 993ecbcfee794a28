"""What is allowed in the settings and was hardly meant is said."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.advice import WARMUP_WINDOWS, advice, covers, window_advice
from contracts.loading import parse
from detectors.policy import WARMUP


def _advice(text):
    return [str(problem) for problem in advice(parse(text, "andon.toml", {}))]


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
