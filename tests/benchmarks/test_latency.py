"""The latency benchmark in a small size: every excess has its alert, and a program can read how long it took."""

from __future__ import annotations

import json
import subprocess
import sys


def test_every_excess_has_its_alert_on_a_real_broker(kafka, tmp_path):
    """An alert that doesn't come would fail it: latency is nothing without that."""
    command = [sys.executable, "-m", "benchmarks.latency", "--plant", "300x30", "--seconds", "3"]
    plot = tmp_path / "latency.svg"
    options = ["--plot", str(plot), "--bootstrap", kafka]

    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])["300x30"]
    assert report["alerts"] >= 40
    assert 0 < report["p50"] <= report["p99"] <= report["longest"]
    assert "300/s of 30 sensors" in plot.read_text(encoding="utf-8")
