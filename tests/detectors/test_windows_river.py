"""River models in the place of our own detector: for a series, for an asset, and when the settings change."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ConfigError
from contracts.findings import Closed, Kind
from contracts.settings import Settings
from detectors.windows import Learning, Windows
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, cut, judged, noise, settings_of

MODEL = "river.anomaly.OneClassSVM"
BUDGET = {"false_alarms_per_week": 5.0}
EACH = {"model": MODEL, **BUDGET}
TOGETHER = {"model": MODEL, "per": "asset", **BUDGET}
PRESS = [("press", "temp"), ("press", "speed"), ("press", "flow")]


def faulty(*, seed: int, times: int = 900, fault: int = 700) -> np.ndarray:
    """Noise of three sensors; for forty windows all are off by 12 sigmas."""
    table = noise(seed=seed, times=times, series=3)
    table[fault : fault + 40] += 12
    return table


def test_a_model_for_each_series_raises_and_ends():
    """A River model alarms as our own detector does, and says its name."""
    findings = judged(settings_of(anomaly=EACH, drift=False), closed_of(faulty(seed=1), names=PRESS))

    raised = [finding for finding in findings if finding.active]
    ended = [finding for finding in findings if not finding.active]
    assert {finding.sensor for finding in raised} == {"temp", "speed", "flow"}
    assert {(f.sensor, f.onset_ts) for f in raised} == {(f.sensor, f.onset_ts) for f in ended}
    for finding in raised:
        assert (finding.kind, finding.rule) == (Kind.ANOMALY, "sensor")
        assert START_MS + 700 * MINUTE_MS <= finding.onset_ts < START_MS + 740 * MINUTE_MS
        assert finding.evidence["found_by"] == MODEL
        assert finding.expected == (None, None)
        assert finding.value is not None


def test_a_model_for_the_asset_raises_one_finding_with_its_sensors():
    """One alarm for the machine, with the sensors in the order of their part in it."""
    findings = judged(settings_of(anomaly=TOGETHER, drift=False), closed_of(faulty(seed=2), names=PRESS))

    raised, ended = findings
    assert (raised.asset, raised.sensor, raised.rule, raised.active) == ("press", None, "asset", True)
    assert (ended.active, ended.onset_ts) == (False, raised.onset_ts)
    assert {share.sensor for share in raised.contributions} == {"temp", "speed", "flow"}
    assert sum(share.share for share in raised.contributions) == pytest.approx(1.0)
    assert raised.value is None
    assert raised.window is not None
    assert raised.window.count == 180
    assert START_MS + 700 * MINUTE_MS <= raised.onset_ts < START_MS + 740 * MINUTE_MS


def test_an_assets_model_has_the_budget_to_itself():
    """The sensors' shares of the budget don't shrink that of the machine's own model."""
    raised = judged(settings_of(anomaly=TOGETHER, drift=False), closed_of(faulty(seed=2), names=PRESS))[0]

    assert raised.evidence["threshold"] == pytest.approx(np.log10(604_800 / 3000 / 5.0))


def test_a_level_that_moved_under_a_model_is_still_a_drift():
    """Drift is about the sensor's level, whoever judges anomalies."""
    table = noise(seed=3, times=1500, series=3)
    table[700:] += 12

    findings = judged(settings_of(anomaly=TOGETHER), closed_of(table, names=PRESS))

    drifts = {finding.sensor for finding in findings if finding.kind is Kind.DRIFT and finding.active}
    assert drifts == {"temp", "speed", "flow"}


def test_a_model_warms_up_visibly():
    """Who waits for a model sees how far it is."""
    windows = Windows(settings_of(anomaly=TOGETHER))

    windows.judge(closed_of(noise(seed=4, times=200, series=3), names=PRESS))

    (warming,) = [entry for entry in windows.warming() if entry.sensor is None]
    assert (warming.asset, warming.needed) == ("press", 150)
    assert 80 <= warming.seen < 100
    assert windows.learning() == Learning(warming=0, learning=3, paused=0)


@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 300), max_size=6))
@pytest.mark.parametrize("anomaly", [EACH, TOGETHER])
def test_findings_dont_depend_on_how_windows_are_batched(anomaly, sizes):
    """Batch size changes no alarm of a River model either."""
    closed = closed_of(faulty(seed=5, times=420, fault=380), names=PRESS)
    rule = settings_of(anomaly={**anomaly, "false_alarms_per_week": 60.0})
    pieces = Windows(rule)

    findings = [finding for piece in cut(closed, sizes) for finding in pieces.judge(piece)]

    assert findings == judged(rule, closed)


@pytest.mark.parametrize("anomaly", [EACH, TOGETHER])
@pytest.mark.parametrize("rows", [1, 1000, 2110])
def test_a_restart_changes_nothing(anomaly, rows):
    """A restart in the middle of a row, or of an alarm, goes on as if nothing had been."""
    rule = settings_of(anomaly=anomaly)
    closed = closed_of(faulty(seed=6), names=PRESS)
    head, tail = cut(closed, [rows])
    tail = Closed(rows=tail.rows, names=closed.names, sources=closed.sources)
    steady, broken = Windows(rule), Windows(rule)

    expected = steady.judge(head), steady.judge(tail)
    before = broken.judge(head)
    restored = Windows.restore(rule, pickle.loads(pickle.dumps(broken.snapshot())))  # noqa: S301
    after = restored.judge(tail)

    assert (before, after) == expected
    assert len(before) + len(after) > 1
    assert restored.restarted == ()


def alarmed(anomaly: object) -> tuple[Windows, set[str | None]]:
    """A key group in the middle of an alarm, and who is in it."""
    windows = Windows(settings_of(anomaly=anomaly, drift=False))
    findings = windows.judge(closed_of(faulty(seed=7, times=720), names=PRESS))
    latest = {finding.sensor: finding.active for finding in findings}
    active = {sensor for sensor, raised in latest.items() if raised}
    assert active
    return windows, active


@pytest.mark.parametrize(
    ("before", "after"),
    [(EACH, BUDGET), ({**BUDGET, "per_sensor": True}, EACH), (EACH, {"model": "river.anomaly.LODA", **BUDGET})],
)
def test_when_the_settings_name_another_model_its_alarms_end_and_it_warms_up(before, after):
    """An alarm of a model that is gone doesn't stand for ever, and nobody takes it for calm."""
    windows, active = alarmed(before)

    restored = Windows.restore(settings_of(anomaly=after, drift=False), windows.snapshot())
    findings = restored.judge(closed_of(noise(seed=8, times=1, series=3), names=PRESS, first=720))

    assert {finding.sensor for finding in findings} == active
    for finding in findings:
        assert (finding.active, finding.evidence["ended_by"]) == (False, "another model")
        assert (finding.score, finding.rank, finding.expected) == (None, None, (None, None))
    assert {entry.reason for entry in restored.restarted if entry.sensor} == {"the settings name another model"}
    assert {entry.seen for entry in restored.warming()} <= {0, 1}
    assert len([entry for entry in restored.warming() if entry.sensor]) == 3


def test_another_version_of_river_warms_up_again_and_says_so():
    """After an update of River its models start afresh; the log can say which."""
    windows, _ = alarmed(TOGETHER)
    snapshot = windows.snapshot()
    for saved in snapshot["asset_models"].values():
        saved["model"]["river"] = "0.1.0"

    restored = Windows.restore(settings_of(anomaly=TOGETHER, drift=False), snapshot)

    ((asset, sensor, reason),) = restored.restarted
    assert (asset, sensor) == ("press", None)
    assert reason.startswith("it was saved by River 0.1.0")


def test_an_asset_gets_a_model_after_the_fact():
    """A model for the machine can be switched on later, while its sensors have long been known."""
    windows = Windows(Settings())
    table = faulty(seed=9, times=1200, fault=1100)
    windows.judge(closed_of(table[:300], names=PRESS))

    restored = Windows.restore(settings_of(anomaly=TOGETHER, drift=False), windows.snapshot())
    findings = restored.judge(closed_of(table[300:], names=PRESS, first=300))

    assert [(finding.sensor, finding.active) for finding in findings] == [(None, True), (None, False)]


def test_a_model_that_cant_be_made_is_an_error_of_the_settings():
    """Nobody finds out weeks later that a model was never there."""
    windows = Windows(settings_of(anomaly={"model": "river.anomaly.Nope"}))

    with pytest.raises(ConfigError, match=r"`river\.anomaly\.Nope` isn't in River"):
        windows.judge(closed_of([1.0]))
