"""The scale benchmark in a small size: it must not rot between two measurements."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice

from benchmarks.scale.model import main, need
from benchmarks.scale.plant import SENSORS, scans
from tests.conftest import ROOT


def test_it_measures_against_a_real_broker_and_ends_with_one_json_object(kafka):
    """A small plant is watched, one and two processes read the same, and a program can read the result."""
    command = [sys.executable, "-m", "benchmarks.scale", "--series", "100", "--epochs", "1", "--seconds", "5"]
    command += ["--history", "3", "--readings", "20000", "--rounds", "1", "--bootstrap", kafka]

    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    (small,) = report["state"]
    assert (small["series"], small["epoch_s"]) == (100, 1)
    assert small["bytes"]["samples"] > 100 * 50
    assert 1000 < sum(report["grown_bytes_per_series"].values()) < 2000
    assert small["stall_s_max"] > 0
    assert small["start_s"] > 0
    assert small["restart_s"] > 0
    assert report["alerts"] > 0
    assert report["processes"].keys() == {"1", "2"}
    assert len(report["processes"]["2"]["cpu_us_per_event"]) == 2
    assert sum(report["processes"]["2"]["judged"]) == 20_000


def test_the_page_has_the_table_that_the_model_prints(capsys):
    """Whoever changes a cost changes what is promised of it."""
    main()

    page = (ROOT / "docs" / "explanation" / "scaling.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out in page


def test_more_processes_save_less_each_and_exchange_more():
    """The model knows what processes are good for, and what they cost."""
    one, two = need(100_000), need(100_000, processes=2)

    assert two.saved_mb == one.saved_mb / 2
    assert two.stall_s == one.stall_s / 2
    assert one.cores / 2 < two.cores < one.cores
    assert two.state_gb == one.state_gb


def test_every_sensor_of_the_plant_sends_once_in_an_interval():
    """A plant of so many series has them, each of them once every ten seconds."""
    turns = list(islice(scans(250, 10.0), 100))

    keys = [key for messages in turns for key, _ in messages]
    assert len(keys) == len(set(keys)) == 250
    value = json.loads(turns[0][0][1])
    assert len(value["values"]) == SENSORS
