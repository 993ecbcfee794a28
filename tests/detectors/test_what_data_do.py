"""What plants' data do: gaps, mixed and irregular rates, sensors that come and go, units that change, long stops.

The promises are those of `docs/explanation/detection.md`, "What data do, and what comes of it".
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from contracts.findings import Kind
from contracts.settings import Settings
from detectors.samples import Samples
from detectors.windows import Windows
from tests.detectors.battery import Line
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, noise, settings_of
from tests.detectors.plant import T0, block_of, outcome, rows_of
from tests.detectors.plant import settings_of as rules_of

WEEK = 7 * 1440


def plant(*, unit: str | None = None, window_s: float = 60.0, **anomaly: Any) -> Settings:
    """One rule for all sensors."""
    return Settings.model_validate(
        {
            "service": {"clock": "event"},
            "rules": [{"stale": False, "unit": unit, "anomaly": {"per_sensor": True, **anomaly}}],
            "assets": [{"window_s": window_s}],
        }
    )


def raised(findings, kind=Kind.ANOMALY):
    """(sensor, window) of the alarms of a kind, the window by the number of minutes since the start."""
    return [(one.sensor, (one.onset_ts - START_MS) // MINUTE_MS) for one in findings if one.kind is kind and one.active]


def restarted(windows, settings):
    """As after a stop and a start."""
    return Windows.restore(settings, pickle.loads(pickle.dumps(windows.snapshot())))  # noqa: S301 - our own bytes


# ---- gaps


@pytest.mark.parametrize("restart", [False, True])
def test_a_week_without_data_raises_nothing_and_forgets_nothing(restart):
    """Whether the plant was silent, or andon was stopped: the next window follows the last."""
    settings = settings_of(anomaly={"policy": "ranked"})
    table = noise(seed=3, times=3000)
    windows = Windows(settings)
    quiet = windows.judge(closed_of(table[:2000]))
    known = windows.snapshot()["states"]["level"]["tracker"].copy()

    if restart:
        windows = restarted(windows, settings)
    after = windows.judge(closed_of(table[2000:2300], first=2000 + WEEK))
    table[2300:2330] += 8.0
    fault = windows.judge(closed_of(table[2300:2330], first=2300 + WEEK))

    assert len(raised(quiet)) <= 2
    assert raised(after) == []
    assert raised(fault)
    assert windows.snapshot()["states"]["n"].tolist() == [2330]
    assert abs(windows.snapshot()["states"]["level"]["tracker"]["m"] - known["m"]) < np.sqrt(known["v"])


def test_a_gap_is_not_filled_and_counts_as_an_hour_of_its_hour_at_most():
    """What comes back elsewhere is told, as a spike or a level, and the day's profile moves by 0.3 of the way."""
    settings = settings_of(anomaly={"policy": "ranked"})
    table = noise(seed=5, times=2000)
    windows = Windows(settings)
    windows.judge(closed_of(table))
    hour = (START_MS // 3_600_000 + (2000 + WEEK) // 60) % 24
    before = float(windows.snapshot()["states"]["profile"]["mu"][0, hour])

    found = windows.judge(closed_of(noise(seed=6, times=60) + 15.0, first=2000 + WEEK))

    moved = float(windows.snapshot()["states"]["profile"]["mu"][0, hour]) - before
    assert raised(found)[0][1] == 2000 + WEEK
    assert 0 < moved < 15.0


# ---- rates of their own


def test_a_sensor_each_second_beside_one_each_quarter_of_an_hour():
    """Each is judged in its own windows: neither waits for the other, neither raises because of the other."""
    names = (("press", "fast"), ("press", "slow"))
    rng = np.random.default_rng(8)
    hours = 60
    fast = np.arange(0, hours * 3600, 5)
    slow = np.arange(0, hours * 3600, 900)
    readings = [(0, s, rng.normal(20.0, 1.0)) for s in fast] + [
        (1, s + 1, rng.normal(5.0, 0.5) + (6.0 if s > 55 * 3600 else 0.0)) for s in slow
    ]
    readings.sort(key=lambda one: one[1])
    line = Line(plant(policy="ranked"))

    findings = line.read(block_of(rows_of(readings), names)).findings

    told = [(one.sensor, (one.onset_ts - T0) / 3_600_000) for one in findings if one.active]
    assert any(sensor == "slow" and hour >= 55 for sensor, hour in told)
    assert len([one for one in told if one[1] < 55]) <= 2
    states = line.snapshot()["windows"]["states"]
    assert abs(int(states["n"][0]) - hours * 60) <= 2
    assert abs(int(states["n"][1]) - hours * 4) <= 1


@pytest.mark.parametrize("jitter", [0.0, 0.9])
def test_irregular_readings_keep_a_budget_by_their_mean_interval(jitter):
    """Where each reading is a window, what counts for "a week" is learned: here ten seconds, however irregular."""
    rng = np.random.default_rng(9)
    times = np.cumsum(10.0 * (1.0 + jitter * rng.uniform(-1, 1, 3000)))
    line = Line(plant(window_s=0))

    line.read(block_of(rows_of([(0, s, rng.normal()) for s in times]), (("press", "temp"),)))

    interval_s = float(line.snapshot()["windows"]["states"]["policy"]["interval_s"][0])
    assert 9.0 < interval_s < 11.0


def test_the_mean_of_a_window_weighs_readings_and_a_single_one_is_a_window():
    """Bursts don't make more windows, and a window with one reading is as good as one with a thousand."""
    readings = [*((0, s / 100, 3.0) for s in range(1000)), (0, 59, 4.0), (0, 61, 7.0), (0, 200, 9.0), (0, 300, 9.0)]

    closed = outcome(rules_of(), readings).closed

    assert closed["count"].tolist() == [1001, 1, 1]
    assert closed["mean"].tolist() == [pytest.approx(3004 / 1001), 7.0, 9.0]


# ---- sensors that come and go


NAMES = [("press", "temp"), ("press", "flow"), ("press", "power")]


def company(*, seed: int, times: int) -> Any:
    """Three sensors that follow one load."""
    load = noise(seed=seed, times=times, autocorrelation=0.9)
    return load * np.array([1.0, 2.0, -1.5]) + 0.3 * (noise(seed=seed + 1, times=times, series=3) - 20.0)


def test_a_sensor_that_joins_warms_by_itself_and_the_others_go_on():
    """Its first 150 windows tell nothing; its asset's incident doesn't begin because it came."""
    settings = settings_of()
    table = company(seed=10, times=2200)
    windows = Windows(settings)

    alone = windows.judge(closed_of(table[:1000, :2], names=NAMES[:2]))
    joined = windows.judge(closed_of(table[1000:], first=1000, names=NAMES))

    states = windows.snapshot()["states"]
    assert states["n"].tolist() == [2200, 2200, 1200]
    assert raised(alone + joined) == []


def test_a_sensor_that_leaves_is_missed_by_nobody_but_the_rule_of_silence():
    """The others' rows are complete without it, their incident is still found, and its own state waits for it."""
    settings = settings_of(anomaly={"policy": "ranked"})
    table = company(seed=12, times=2600)
    windows = Windows(settings)
    windows.judge(closed_of(table[:1500], names=NAMES))

    quiet = windows.judge(closed_of(table[1500:2500, :2], first=1500, names=NAMES[:2]))
    table[2500:, 1] += 15.0
    fault = windows.judge(closed_of(table[2500:2560, :2], first=2500, names=NAMES[:2]))

    states = windows.snapshot()["states"]
    assert len(raised(quiet)) <= 1
    assert any(sensor is None for sensor, _ in raised(fault))
    assert states["n"].tolist() == [2560, 2560, 1500]
    shares = next(one for one in fault if one.active and one.sensor is None).contributions
    assert "power" not in {share.sensor for share in shares}


# ---- units


def with_unit(unit, **more):
    """Settings that give all sensors a unit."""
    return settings_of(**more).model_copy(
        update={"rules": tuple(rule.model_copy(update={"unit": unit}) for rule in settings_of(**more).rules)}
    )


def test_another_unit_starts_a_series_and_its_company_afresh():
    """kPa are other numbers than bar: what was learned of them says nothing, and nothing is told of the change."""
    table = company(seed=14, times=1800)
    windows = Windows(with_unit("kPa"))
    windows.judge(closed_of(table[:1000], names=NAMES))

    bar = restarted(windows, with_unit("bar"))
    found = bar.judge(closed_of(table[1000:] / 100.0, first=1000, names=NAMES))

    assert bar.snapshot()["states"]["n"].tolist() == [800, 800, 800]
    assert raised(found) == raised(found, Kind.DRIFT) == []
    assert {(one.sensor, one.reason) for one in bar.restarted if one.sensor} == {
        (sensor, "its unit is bar, and was kPa") for _, sensor in NAMES
    }
    assert [one.sensor for one in bar.restarted][-1] is None


def test_without_a_word_another_unit_is_a_jump():
    """The unit in the settings is all that andon knows of it."""
    table = noise(seed=15, times=1100)
    table[1000:] /= 100.0

    assert raised(Windows(settings_of()).judge(closed_of(table))) != []


@pytest.mark.parametrize(("before", "after"), [(None, "bar"), ("bar", "bar"), ("bar", None)])
def test_a_unit_that_is_named_for_the_first_time_or_no_longer_is_a_label(before, after):
    """Learning goes on."""
    windows = Windows(with_unit(before))
    windows.judge(closed_of(noise(seed=16, times=300)))

    again = restarted(windows, with_unit(after))

    assert again.restarted == ()
    assert again.snapshot()["states"]["n"].tolist() == [300]


def test_alarms_that_are_active_when_the_unit_changes_are_told_to_be_over():
    """What they were about can't be seen any more: the anomaly ends at once, the drift when its level is learned."""
    table = noise(seed=17, times=5000, series=2)
    table[4900:, 0] += 10.0
    table[4600:, 1] += 6.0
    windows = Windows(with_unit("kPa"))
    before = windows.judge(closed_of(table))
    active = {(one.kind, one.asset, one.onset_ts): one.active for one in before}

    bar = restarted(windows, with_unit("bar"))
    after = bar.judge(closed_of(noise(seed=18, times=800, series=2) / 100.0, first=5000))

    standing = {key for key, is_active in active.items() if is_active}
    assert {kind for kind, _, _ in standing} == {Kind.ANOMALY, Kind.DRIFT}
    assert standing == {(one.kind, one.asset, one.onset_ts) for one in after if not one.active}
    assert [one for one in after if one.active] == []


def test_another_unit_is_no_rate_of_change():
    """No difference is taken between kPa and bar."""
    names = (("press", "pressure"),)
    kpa, bar = (rules_of({"unit": unit, "rate": {"rise_max_per_s": 1, "fall_max_per_s": 1}}) for unit in ("kPa", "bar"))
    samples = Samples(kpa)
    samples.read(block_of(rows_of([(0, 0, 500.0), (0, 1, 500.0)]), names))

    same = Samples.restore(kpa, samples.snapshot()).read(block_of(rows_of([(0, 2, 5.0)]), names)).findings
    other = Samples.restore(bar, samples.snapshot()).read(block_of(rows_of([(0, 2, 5.0), (0, 3, 5.0)]), names)).findings

    assert [one.rule for one in same] == ["fall"]
    assert other == []
