"""`andon check` on the command line: what it prints, and its exit code."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import ROOT

FINE = """
[site]
name = "north"
[[rules]]
asset = "press-*"
sensor = "temp"
unit = "degC"
ack_required = true
limit = { hh = 95, h = 85 }
[[rules]]
sensor = "door"
anomaly = false
[[assets]]
asset = "press-*"
window_s = 10
"""


@pytest.fixture
def check(tmp_path):
    """Runs the command: `check(text, *arguments, **variables)` gives the finished process."""

    def run(text, *arguments, **variables):
        path = tmp_path / "andon.toml"
        path.write_text(text, encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "andon", "check", str(path), *arguments],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_fine_settings_are_said_to_be_fine(check):
    """A person sees what is set, and the shell sees 0."""
    done = check(FINE, "--no-broker")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].endswith("andon.toml: fine")
    assert "  rules     2 for sensors, 1 for assets, then the defaults" in done.stdout
    assert "\x1b" not in done.stdout


def test_all_mistakes_are_told_and_the_exit_code_is_two(check):
    """A deployment stops at wrong settings, with all of them in the log."""
    done = check("[service]\nlanes = 0\nclock = 'sun'\n", "--no-broker", ANDON_KAFKA__ALERT="x")

    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].endswith("andon.toml: 3 mistakes")
    assert lines[1] == "  ANDON_KAFKA__ALERT: kafka has no key alert. Did you mean alerts?"
    assert lines[2:] == [
        "  service.lanes: is 0. Give at least 1.",
        '  service.clock: is "sun". Give "wall" or "event".',
    ]


def test_a_file_with_five_mistakes_has_all_five_named(check):
    """Each with its key and what would be right: a file is mended in one go."""
    done = check(
        """
        [kafka]
        bootstrap_server = "localhost:9092"
        readings = "readings"
        [[rules]]
        asset = "press-*"
        limit = { hh = 80, h = 85 }
        [[rules]]
        flatline = {}
        [[assets]]
        window_s = "60"
        """,
        "--no-broker",
    )

    assert (done.returncode, done.stdout) == (2, "")
    title, *mistakes = done.stderr.splitlines()
    assert title.endswith("andon.toml: 5 mistakes")
    assert sorted(mistakes) == sorted(
        [
            '  kafka.readings: is "readings". Give a list, e.g. ["a", "b"].',
            "  kafka.bootstrap_server: is no setting. Did you mean bootstrap_servers?",
            "  rules[1].limit: h = 85 isn't below hh = 80. Order them ll < l < h < hh.",
            "  rules[2].flatline.after_s: is missing. Give a number.",
            '  assets[1].window_s: is "60". Give a number without quotes.',
        ]
    )


def test_a_model_that_river_lacks_is_a_mistake(check):
    """A model's name is checked before the plant depends on it, each one that is wrong."""
    text = '[[rules]]\nanomaly = { model = "river.anomaly.Half" }\n[[rules]]\nanomaly = { model = "river.x.Y" }\n'

    done = check(text, "--no-broker")

    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith("2 mistakes")
    assert "rules[1].anomaly.model: `river.anomaly.Half` isn't in River." in done.stderr
    assert "rules[2].anomaly.model: `river.x.Y` isn't in River." in done.stderr


def test_an_asset_is_explained_sensor_by_sensor(check):
    """Which rule decides what can be looked up."""
    done = check(FINE, "--no-broker", "--explain", "press-7")

    explained = done.stdout[done.stdout.index("press-7:") :].splitlines()
    assert explained[:3] == [
        "press-7: windows of 10 s, learned detectors judge after 150 windows, 0.417 h",
        "  readings up to 5 s out of order are taken",
        "  no maintenance in the coming year",
    ]
    assert [line.strip() for line in explained if not line.startswith("    ")][3:] == [
        "temp [degC]",
        "door",
        "any other sensor",
    ]
    temp, door, other = (explained[start + 1 : start + 8] for start in (3, 11, 19))
    assert temp[:2] == ["    ack_required  rules[1]  on", "    limit         rules[1]  hh = 95, h = 85"]
    assert (door[0], door[5]) == ("    ack_required  default   off", "    anomaly       rules[2]  off")
    assert other == [
        "    ack_required  default   off",
        "    limit         default   off",
        "    rate          default   off",
        "    flatline      default   off",
        "    stale         default   on, with its defaults",
        "    anomaly       default   on, with its defaults",
        "    drift         default   on, with its defaults",
    ]


def test_the_maintenance_of_an_asset_is_shown_now_and_next(check):
    """Why nobody is called now, and when nobody will be."""
    today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    now, later = (
        f"""
        [[maintenance]]
        asset = "press-*"
        start = {(today + timedelta(days=days)).isoformat()}
        end = {(today + timedelta(days=days, hours=2)).isoformat()}
        comment = "overhaul {number}"
        """
        for number, days in ((1, 0), (2, 3))
    )

    both, next_one, nothing = (
        check(text, "--no-broker", "--explain", asset).stdout
        for text, asset in ((later + now, "press-7"), (later, "press-7"), (later, "oven-7"))
    )

    begins, ends = (f"{today + timedelta(days=3, hours=hours):%Y-%m-%d %H:%M:%S}" for hours in (0, 2))
    coming = f"  maintenance next from {begins} to {ends} UTC: overhaul 2"
    assert f"  maintenance now, until {today + timedelta(hours=2):%Y-%m-%d %H:%M:%S} UTC: overhaul 1\n{coming}" in both
    assert "  planned   maintenance, 2 entries" in both
    assert coming in next_one
    assert "maintenance now" not in next_one
    assert "  no maintenance in the coming year" in nothing


def test_maintenance_that_is_over_or_never_ends_is_a_warning(check):
    """Last year's overhaul is dropped from the file; a plant that is always in maintenance isn't watched."""
    done = check(
        """
        [[maintenance]]
        start = 2024-05-01T06:00:00+02:00
        end = 2024-05-01T14:00:00+02:00
        [[maintenance]]
        asset = "press-*"
        days = ["mon"]
        for_h = 168
        """,
        "--no-broker",
        "--explain",
        "press-7",
    )

    assert "warning: maintenance[1]: ended at 2024-05-01 14:00:00+02:00. Drop it." in done.stdout
    assert "warning: maintenance[2]: never ends" in done.stdout
    assert "  maintenance now, for more than a year" in done.stdout


def test_an_unwise_window_is_a_warning(check):
    """What is allowed and unwise doesn't stop a deployment, and isn't silent."""
    done = check("[[assets]]\nwindow_s = 7200\n", "--no-broker", "--explain", "press-7")

    assert done.returncode == 0
    assert "warning: press-7: with windows of 7200 s the learned detectors judge after 12 days" in done.stdout


def test_a_broker_that_is_away_is_a_warning(check):
    """Settings can be checked at a desk without the plant's network."""
    done = check('[kafka]\nbootstrap_servers = "127.0.0.1:1"\n')

    assert done.returncode == 0
    (warning,) = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert "127.0.0.1:1" in warning


def test_a_setting_that_the_kafka_client_refuses_is_a_mistake(check):
    """What is passed on to the client is checked by the client."""
    done = check('[kafka]\nclient = { "security.protokoll" = "SSL" }\n')

    assert done.returncode == 2
    assert "security.protokoll" in done.stderr


def test_missing_topics_are_named_and_the_exit_code_is_one(check, kafka, topics):
    """Before the service is started somebody knows what to create."""
    kept = {"delete.retention.ms": "60000"}
    readings, alarms, alerts = (
        topics(config={"cleanup.policy": policy, **kept}) for policy in ("compact", "delete", "delete")
    )
    text = f"""
        [kafka]
        bootstrap_servers = "{kafka}"
        readings = ["{readings}"]
        alarms = "{alarms}"
        alerts = "{alerts}"
        commands = "no-such-commands"
        dead_letters = "no-such-dead-letters"
        """

    done = check(text)

    assert done.returncode == 1
    assert f"warning: topic {readings}: is compacted" in done.stdout
    assert f"warning: topic {alarms}: has cleanup.policy=delete" in done.stdout
    assert f"warning: topic {alarms}: keeps tombstones for 0.0167 h" in done.stdout
    assert (
        "no topics no-such-commands, no-such-dead-letters. Create what is missing: andon topics create" in done.stderr
    )


@pytest.mark.parametrize(
    ("running", "told"),
    [
        ('{ sensor = "speed", min = 1 }', "runs while 1 <= speed; else, and 60 s after a start, nothing is learned"),
        (
            '{ sensor = "valve", min = 2, max = 3, settle_s = 0 }',
            "runs while 2 <= valve <= 3; else, and 0 s after a start, nothing is learned",
        ),
    ],
)
def test_when_an_asset_runs_is_explained(check, running, told):
    """Why nothing is told of a machine can be looked up."""
    done = check(f"[[assets]]\nrunning = {running}\n", "--no-broker", "--explain", "press-7")

    assert f"  {told}" in done.stdout.splitlines()
