"""The stateful steps tell what goes on inside of them."""

from __future__ import annotations

import numpy as np
import pytest
from structlog.testing import capture_logs

from contracts.findings import CLOSED, Closed
from contracts.readings import SeriesName
from contracts.settings import Anomaly, AssetSettings, Rule, Settings
from dataflows.happenings import Happenings
from dataflows.steps import AlarmsStep, FloodStep, SamplesStep, WindowsStep
from detectors.windows import Windows

SETTINGS = Settings(assets=(AssetSettings(window_s=60),))
RIVER = Settings(rules=(Rule(anomaly=Anomaly(model="river.anomaly.HalfSpaceTrees")),))


def closed(count: int) -> Closed:
    """Windows of one press."""
    rows = np.zeros(count, CLOSED)
    rows["start"] = 60_000 * np.arange(count)
    rows["end"] = rows["start"] + 60_000
    rows["mean"] = 20 + np.sin(np.arange(count))
    rows["count"], rows["learn"] = 60, 1
    return Closed(rows=rows, names=(SeriesName(0, "press-1", "temp"),), sources=("readings/0",))


def test_who_is_still_warming_can_be_asked_for() -> None:
    """An engineer who wonders why nothing is found sees `warming 37/150 windows`."""
    happenings = Happenings()
    step = WindowsStep(Windows(SETTINGS), happenings)

    step.on_batch([closed(37)])

    assert [(one.asset, one.sensor, one.seen, one.needed) for one in happenings.warming()] == [
        ("press-1", "temp", 37, 150)
    ]


def test_nobody_is_warming_after_enough_windows() -> None:
    """The list empties by itself."""
    happenings = Happenings()
    step = WindowsStep(Windows(SETTINGS), happenings)

    step.on_batch([closed(200)])

    assert happenings.warming() == []


def test_a_model_that_cannot_go_on_from_what_was_saved_says_why() -> None:
    """A changed model learns afresh, and the log tells whose and why."""
    with_model = Windows(RIVER)
    with_model.judge(closed(200))

    with capture_logs() as logs:
        WindowsStep.builder(SETTINGS, Happenings())(with_model.snapshot())

    told = [line for line in logs if line["event"] == "model restarted"]
    assert [(line["asset"], line["sensor"]) for line in told] == [("press-1", "temp")]
    assert told[0]["reason"]


@pytest.mark.parametrize("step", [SamplesStep, WindowsStep, AlarmsStep, FloodStep])
def test_a_step_goes_on_from_its_own_snapshot(step: type[SamplesStep | WindowsStep | AlarmsStep | FloodStep]) -> None:
    """What Bytewax saves is what it gives back after a restart."""
    builder = step.builder(SETTINGS, Happenings())
    saved = builder(None).snapshot()

    again = builder(saved).snapshot()

    assert again.keys() == saved.keys()
    assert again["version"] == saved["version"]
