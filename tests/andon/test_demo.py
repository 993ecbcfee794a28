"""`andon demo` end to end: the real flow, in a process of its own, as a newcomer starts it."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from andon.demo import LIVE_START_MS, SETTINGS_PATH, command
from contracts.alerts import read_alert
from contracts.loading import load

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def demo():
    """A short demo: eight seconds, in which five hours of the plant go by."""
    return subprocess.run(
        [sys.executable, "-m", "andon", "demo", "--seconds", "8", "--speed", "2400", "--json"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=150,
    )


def test_all_faults_are_found_and_the_verdict_is_the_last_line(demo):
    """A newcomer sees in a minute that andon finds what goes wrong."""
    verdict = orjson.loads(demo.stdout.splitlines()[-1])

    assert demo.returncode == 0, demo.stderr.decode()
    assert {fault["kind"] for fault in verdict["faults"]} == {"limit", "rate", "flatline", "stale", "anomaly", "drift"}
    assert all(fault["found"] and fault["after_s"] >= 0 for fault in verdict["faults"])
    assert verdict["false_alarms"] <= 1
    assert verdict["readings"] > 1_000_000
    assert not verdict["stopped"]


def test_every_other_line_is_the_body_of_a_live_alert(demo):
    """What the demo prints is what a consumer of the alert topic would get."""
    bodies = demo.stdout.splitlines()[:-1]

    alerts = [read_alert(body) for body in bodies]

    assert [alert.body() for alert in alerts] == bodies
    assert all(alert.ts >= LIVE_START_MS for alert in alerts)


def test_it_says_at_the_start_what_one_is_about_to_see(demo):
    """Nobody stares at lines that they can't place."""
    first = demo.stderr.decode().splitlines()[0]

    assert first.startswith("A simulated plant of 12 pumps, presses and ovens")
    assert "six things go wrong" in first


def test_a_demo_too_short_for_its_faults_is_refused_with_what_would_do():
    """Five seconds at the usual speed can't show six faults."""
    result = CliRunner().invoke(command, ["--seconds", "5"])

    assert result.exit_code == 2
    assert "six faults need 4 h 30 min: give more --seconds or more --speed" in " ".join(result.output.split())


def test_its_settings_watch_every_sensor_for_silence_flatline_anomaly_and_drift():
    """The file that people copy from shows the whole of what can be watched."""
    settings = load(SETTINGS_PATH, {})

    rule = settings.rule("pump-01", "bearing_temp")
    assert None not in (rule.limit, rule.flatline, rule.stale, rule.anomaly, rule.drift)
    assert settings.rule("oven-02", "zone2_temp").rate is not None
    assert settings.rule("press-03", "stroke_rate").unit == "/min"
