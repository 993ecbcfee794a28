"""Both benchmarks in a small size: they must not rot between two measurements."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.timeout(600)  # several starts of a service, and a busy machine takes a minute for each


def run(module, *arguments):
    """The last line of a benchmark, as a program reads it; and all of its text."""
    command = [sys.executable, "-m", f"benchmarks.stress.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout


def test_a_burst_is_there_at_one_moment_and_is_worked_off(kafka):
    """Memory, lag, and how late other assets' alerts came; the probes go on meanwhile."""
    report, text = run("overload", "--bootstrap", kafka, "--only", "burst", "--sustained", "2000")

    (row,) = report["loads"]
    assert row["rate"] > 0
    assert row["memory_mb"] > 100
    assert row["probes"] >= 10
    assert row["late_s"] == sorted(row["late_s"])
    assert text.splitlines()[2].startswith("| burst | ")


def test_a_soak_ends_with_both_halves_and_a_plot(kafka, tmp_path):
    """Whether something grew is the second half against the first."""
    arguments = ("--bootstrap", kafka, "--minutes", "0.08", "--rate", "500", "--out", str(tmp_path / "soak"))

    report, _ = run("soak", *arguments)

    assert report["read"] > 100  # half as many are probes; a busy machine leaves some of the load out
    assert all(len(report[name]) == 2 for name in ("memory_mb", "threads", "handles", "late_s_p50", "late_s_p99"))
    ET.parse(tmp_path / "soak.svg")  # noqa: S314 - our own
    assert (tmp_path / "soak.csv").read_text().startswith("at_s,memory_mb,")
