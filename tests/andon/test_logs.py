"""Logs."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from andon.logs import RECENT_MAX, log_to


@pytest.fixture(autouse=True)
def restored():
    """Other tests log as they did."""
    yield
    structlog.reset_defaults()


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self):
        """It is one."""
        return True


def test_a_line_is_written_as_one_piece():
    """Processes of a cluster share their launcher's stderr: the line of one must not end in that of another."""
    pieces = []
    stream = io.StringIO()
    stream.write = pieces.append
    log_to(stream)

    structlog.get_logger("andon").info("first reading", offset=0)

    (piece,) = pieces
    assert piece.endswith("}\n")


def test_machines_read_json_lines():
    """Log collectors need no pattern."""
    stream = io.StringIO()
    log_to(stream)

    structlog.get_logger("andon").warning("broker lost", noticed_by="lane-00")

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["noticed_by"]) == ("broker lost", "warning", "lane-00")
    assert line["timestamp"].endswith("Z")


def test_people_read_lines():
    """On a terminal nobody reads JSON."""
    stream = Terminal()
    log_to(stream)

    structlog.get_logger("andon").info("ready", lanes=12)

    assert "ready" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_details_for_developers_are_left_out():
    """A service logs what somebody may act on."""
    stream = io.StringIO()
    log_to(stream)

    structlog.get_logger("andon").debug("poll")

    assert stream.getvalue() == ""


def test_the_newest_warnings_are_kept_for_whoever_asks():
    """What happened lately can be told where nobody kept the log; what is ordinary isn't kept."""
    recent = log_to(io.StringIO())
    log = structlog.get_logger("andon")
    log.info("started")
    for count in range(RECENT_MAX + 5):
        log.warning("source failed", count=count)

    assert [event["count"] for event in recent()] == list(range(5, RECENT_MAX + 5))
    assert {event["event"] for event in recent()} == {"source failed"}
    assert all(event["timestamp"] for event in recent())
