"""The throughput benchmark in a small size: it must not rot between two measurements."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.throughput.messages import SENSORS, messages, messages_of_many


def test_it_measures_against_a_real_broker_and_ends_with_one_json_object(kafka, tmp_path):
    """Both contenders see every message, the service raises alerts; people can look at it, a program can read it."""
    command = [sys.executable, "-m", "benchmarks.throughput", "--readings", "20000", "--rounds", "1"]
    plot = tmp_path / "throughput.svg"
    options = ["--plot", str(plot), "--bootstrap", kafka]

    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=180, check=False)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["events"] == 20_000
    assert report["alerts"] > 0
    assert report["ratio_min"] <= report["ratio"] <= report["ratio_max"]
    assert "andon, all detectors" in plot.read_text(encoding="utf-8")


def test_two_runs_read_the_same_messages():
    """Figures of two days can be compared, because the data are the same bytes."""
    first, second = list(messages(2000)), list(messages(2000))

    assert first == second
    assert len({key for key, _ in first}) == 100


def test_messages_of_many_hold_the_same_readings():
    """What nine to a message cost can be compared with what one costs."""
    single = [json.loads(value) for _, value in messages(2_700)]
    many = [(key, json.loads(value)) for key, value in messages_of_many(2_700)]

    assert len(many) == 300
    assert all(key.decode() == message["asset"] and list(message["values"]) == list(SENSORS) for key, message in many)
    readings = [
        (message["asset"], sensor, message["ts"], value)
        for _, message in many
        for sensor, value in message["values"].items()
    ]
    assert readings == [(one["asset"], one["sensor"], one["ts"], one["value"]) for one in single]
