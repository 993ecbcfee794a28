"""`andon report` on files of alerts: what it reads, which time it takes, and what it prints."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from rich.console import Console

from andon.replay.command import command as replay
from andon.report.command import command
from andon.report.figures import HeldBack, Period, event_of, figures
from andon.report.targets import verdicts
from andon.report.text import named, shown
from contracts.findings import Kind
from tests.andon.alert_bodies import NOON, alert

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.fixture
def recorded(tmp_path):
    """A file with an hour of alerts: three alarms, one of which returned."""
    path = tmp_path / "alerts.ndjson"
    alerts = [
        alert(NOON),
        alert(NOON + 30 * MINUTE, asset="oven", severity=500),
        alert(NOON + 40 * MINUTE, "cleared", onset_ts=NOON),
        alert(NOON + HOUR, asset="pump"),
    ]
    path.write_bytes(b"\n".join(one.body() for one in alerts) + b"\n")
    return path


def invoke(*arguments, **more):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], **more)


def document_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_file_of_alerts_is_reported_from_its_first_to_its_last(recorded):
    """No time need be given: it is in the alerts."""
    document = document_of(invoke(recorded))

    assert (document["schema"], document["sites"]) == (1, ["plant-1"])
    assert document["end_ts"] == NOON + HOUR + 1
    assert document["start_ts"] <= NOON
    assert (document["annunciated"], document["returned"]) == (3, 1)
    assert document["rate"]["per_10min"] == [1, 0, 0, 1, 0, 0, 1]
    assert document["held"] is None
    assert document["alerts"] == {"read": 4, "repeated": 0, "unreadable": 0}
    assert {"figure", "value", "target", "met"} <= document["verdicts"][0].keys()


def test_what_replay_prints_is_what_report_reads(tmp_path):
    """`andon replay … --json | andon report -` tells whether the rules are any good."""
    table, settings = tmp_path / "oven.csv", tmp_path / "andon.toml"
    lines = [f"{NOON + second * 1000},{20 + (second % 20 > 10) * 60}" for second in range(100)]
    table.write_text("\n".join(["time,temp", *lines]))
    settings.write_text('[[rules]]\nsensor = "temp"\nlimit = { h = 70 }\n')
    replayed = CliRunner().invoke(replay, [str(table), "--settings", str(settings), "--json"])

    document = document_of(invoke("-", input=replayed.stdout_bytes))

    raised = [line for line in replayed.stdout.splitlines() if json.loads(line)["transition"] == "raised"]
    assert document["annunciated"] == len(raised) > 0
    assert document["alerts"]["read"] == len(replayed.stdout.splitlines())


def test_files_that_overlap_count_each_alert_once(recorded):
    """Giving a file twice makes nothing worse."""
    once, twice = document_of(invoke(recorded)), document_of(invoke(recorded, recorded))

    assert twice["alerts"]["repeated"] == 4
    assert once["annunciated"] == twice["annunciated"]


@pytest.mark.parametrize(
    ("options", "annunciated"),
    [
        (["--since", "30m"], 1),
        (["--since", "31m"], 2),
        (["--until", "20m"], 2),
        (["--since", "2023-11-15T12:20:00Z", "--until", "2023-11-15T12:50"], 1),
        (["--since", "2023-11-15", "--until", "2023-11-16"], 3),
        (["--since", "2023-11-15T13:00:00+01:00"], 3),
    ],
)
def test_a_part_of_the_time_can_be_chosen(recorded, options, annunciated):
    """By spans before its end, or by times; without a zone they are UTC."""
    assert datetime.fromtimestamp(NOON / 1000, UTC).isoformat() == "2023-11-15T12:00:00+00:00"

    assert document_of(invoke(recorded, *options))["annunciated"] == annunciated


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--since", "yesterday"], "'yesterday' is neither a span like 90m, 24h or 7d nor a time"),
        (["--since", "0h"], "'0h' is neither a span"),
        (["--since", "1960-01-01"], "'1960-01-01' is neither a span"),
        (["--since", "2024-01-01"], "--since 2024-01-01T00:00:00Z is not before --until 2023-11-15T13:00:00Z"),
        (["--since", "400d"], "is more than 366 days before"),
    ],
)
def test_a_mistaken_time_is_a_usage_error(recorded, options, complaint):
    """Exit code 2, and what would be right."""
    result = invoke(recorded, *options)

    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_a_file_without_alerts_needs_a_time(tmp_path):
    """A recording in which nothing happened is quiet for as long as it lasted, which alerts don't tell."""
    path = tmp_path / "none.ndjson"
    path.write_bytes(b"")

    refused = invoke(path)
    quiet = document_of(invoke(path, "--since", "2026-03-01", "--until", "2026-03-02"))

    assert refused.exit_code == 1
    assert "give both --since and --until" in refused.stderr
    assert (quiet["annunciated"], len(quiet["rate"]["per_10min"])) == (0, 144)


def test_a_file_of_something_else_is_refused(tmp_path):
    """Readings aren't alerts."""
    path = tmp_path / "readings.ndjson"
    path.write_text('{"asset":"oven","sensor":"temp","value":1}\n')

    result = invoke(path)

    assert result.exit_code == 1
    assert "no alert could be read" in result.stderr


def test_lines_that_are_no_alerts_are_counted(recorded):
    """What was left out is said."""
    recorded.write_bytes(recorded.read_bytes() + b"{}\n")

    result = invoke(recorded)

    assert document_of(result)["alerts"]["unreadable"] == 1
    assert "1 of 5 records are no alerts of this version" in result.stderr


def test_a_page_is_written_beside_the_result(recorded, tmp_path):
    """The result goes where it always goes; the page goes into the file."""
    target = tmp_path / "report.html"

    result = invoke(recorded, "--html", target)

    assert document_of(result)["annunciated"] == 3
    assert f"wrote {target}" in result.stderr.replace("\n", "")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_that_can_not_be_written_is_said(recorded, tmp_path):
    """The folder doesn't exist."""
    result = invoke(recorded, "--html", tmp_path / "none" / "report.html")

    assert result.exit_code == 1
    assert "report.html: can't be written: No such file or directory." in result.stderr.replace("\n", "")


def text_of(found, *, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(shown(found, verdicts(found)))
    return console.file.getvalue()


@pytest.fixture
def bad_day():
    """Figures with something in each list."""
    alerts = [alert(NOON + place * 1000, asset=f"press-{place}", sensor="oil level") for place in range(20)]
    alerts += [alert(NOON + HOUR + place, asset="pump/2", sensor="flow", rule="h", severity=700) for place in range(3)]
    alerts += [alert(NOON - 3 * DAY, asset="oven", sensor=None, kind=Kind.STALE, rule="silent")]
    alerts += [alert(NOON + HOUR), alert(NOON + HOUR + 9, "cleared", onset_ts=NOON + HOUR)]
    alerts += [alert(NOON + 5, "acknowledged", onset_ts=NOON, asset="press-0", sensor="oil level")]
    held = [HeldBack(sort="shelved", what="press-1/*/*/*/hold", by="maria", since_ts=NOON, until_ts=NOON, comment="")]
    return figures([event_of(one) for one in alerts], Period(NOON, NOON + DAY), held=held)


def test_on_a_terminal_everything_fits_into_eighty_columns(bad_day):
    """The report of a bad day can be read over ssh."""
    lines = text_of(bad_day).splitlines()

    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "plant-1: 2023-11-15 12:00:00 to 2023-11-16 12:00:00 UTC (24 h 00 min)" in text
    assert "24 alarms annunciated, 1 returned" in text
    assert "1 acknowledged, after 0.005 s (median)" in text
    for part in ("✗ missed", "✓ met", "most frequent", "flood", "chattering", "fleeting", "stale", "held back now"):
        assert part in text
    assert "by priority  low 0, medium 0, high 3, critical 21" in text
    assert "by asset     pump/2 (3)" in text
    assert "… and 12 more" not in text


def test_a_quiet_day_is_short(bad_day):
    """Lists with nothing in them aren't shown."""
    quiet = figures([], Period(NOON, NOON + DAY))
    text = text_of(replace(quiet, held=[]))

    assert "no site: " in text
    assert "nothing is shelved, suppressed or out of service now" in text
    assert "most frequent" not in text
    assert len(text.splitlines()) < len(text_of(bad_day).splitlines()) / 2


def test_names_of_alarms_are_for_people_and_harmless():
    """Blanks are blanks; a slash within a name can be told from one between names; nothing moves the cursor."""
    assert named("press-1/oil%20level/limit/hh") == "press-1/oil level/limit/hh"
    assert named("a%2Fb//stale/silent") == "a%2Fb//stale/silent"
    assert named("100%25/%1B%5B2J/limit/h") == "100%25/\\x1b[2J/limit/h"
