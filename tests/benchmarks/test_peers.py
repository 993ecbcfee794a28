"""The comparison with other engines: their job, and the whole in a small size."""

from __future__ import annotations

import json
import math
import random
import statistics
import subprocess
import sys

import pytest

from benchmarks.peers.job import HIGH, LOW, WARM_UP, Sensor, Z, judge


def test_a_limit_alerts_once_until_the_value_is_back():
    """As an operator counts alarms: when they begin."""
    sensor = Sensor()

    told = [judge(sensor, value) for value in (20.0, HIGH, HIGH + 1, HIGH + 2, 20.0, LOW - 1)]

    assert told == [[], [], ["limit"], [], [], ["limit"]]


def test_a_value_is_odd_by_all_before_it():
    """The mean and deviation are those of a textbook, and the value itself isn't among them."""
    chance = random.Random(1)
    values = [chance.gauss(20, 1) for _ in range(200)]
    sensor = Sensor()
    for value in values:
        assert judge(sensor, value) == []

    edge = statistics.fmean(values) + Z * statistics.pstdev(values)

    assert judge(Sensor(*_figures(sensor)), edge - 1e-6) == []
    assert judge(Sensor(*_figures(sensor)), edge + 1e-6) == ["z"]
    assert sensor.mean == pytest.approx(statistics.fmean(values), rel=1e-12)
    assert math.sqrt(sensor.m2 / sensor.n) == pytest.approx(statistics.pstdev(values), rel=1e-9)


def test_nothing_is_odd_before_the_deviation_is_known():
    """The first values of a sensor say nothing of what is usual."""
    sensor = Sensor()
    for value in range(WARM_UP - 1):
        judge(sensor, value / 1000)

    assert judge(sensor, 30.0) == []
    assert judge(sensor, 3000.0) == ["limit", "z"]


def test_it_compares_on_a_real_broker_and_ends_with_one_json_object(kafka):
    """Peers that andon needs itself agree about alerts. Flink and Quix, which are fetched, are left to the long run."""
    small = ["--readings", "45000", "--readings-slow", "45000", "--rounds", "1", "--without-fetching"]

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *small, "--bootstrap", kafka],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert set(report["us_per_event"]) == {"andon, all detectors", "plain Python", "Bytewax and River, textbook"}
    assert report["alerts"]["45000"] > report["limits"]["45000"] > 0


def _figures(sensor):
    return sensor.n, sensor.mean, sensor.m2, sensor.over, sensor.odd
