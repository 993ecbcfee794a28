"""What people see of an alert, and spans of time in words."""

import pytest

from andon.printing import clock_of, lasting, line_of
from tests.andon.alert_bodies import alert

TS = 1_772_439_272_000


def test_a_raised_alert_is_when_how_urgent_and_what():
    """One line tells an operator all that is needed."""
    line = line_of(alert(TS))

    assert line.plain == "2026-03-02 08:14:32  critical  press-1 is too hot"
    assert "dim" not in {span.style for span in line.spans}


@pytest.mark.parametrize(
    "quiet", [alert(TS, "cleared"), alert(TS, annunciated=False)], ids=["cleared", "not annunciated"]
)
def test_what_needs_no_attention_is_dim(quiet):
    """The eye finds what is new and urgent."""
    assert [span.style for span in line_of(quiet).spans] == ["dim"]


@pytest.mark.parametrize("severity", [900, 700, 500, 100])
def test_each_priority_has_a_colour_and_messages_line_up(severity):
    """A column of alerts can be read from top to bottom."""
    line = line_of(alert(TS, severity=severity))

    assert line.plain.index("press-1") == len("2026-03-02 08:14:32  critical  ")
    assert len(line.spans) == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.05, "0.05 s"),
        (45, "45 s"),
        (99.6, "99.6 s"),
        (100, "2 min"),
        (3600, "60 min"),
        (6600, "1 h 50 min"),
        (18_000, "5 h 00 min"),
        (4 * 86_400 + 7200, "4 d 02 h"),
    ],
)
def test_spans_of_time_are_said_in_their_own_unit(seconds, words):
    """Nobody has to divide by 3600."""
    assert lasting(seconds) == words


def test_times_are_shown_in_utc():
    """The same recording shows the same times everywhere."""
    assert clock_of(0) == "1970-01-01 00:00:00"
