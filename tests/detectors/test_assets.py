"""Assets with several sensors: what is told of them, and of whom nothing more is told."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from contracts.commands import Verdict
from contracts.findings import Closed, Kind
from contracts.settings import Rule
from detectors import group
from detectors.windows import Adjusted, Restarted, Warming, Windows
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, cut, feedback_of, settings_of

NAMES = [("press", f"s{place}") for place in range(4)]
RULE = {"false_alarms_per_week": 20.0}


def plant(*, times=900, sensors=4, seed=1, fault=700, until=None):
    """Sensors that follow two common causes; from `fault` on the first leaves the others' company for good."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(times, 2))
    for row in range(1, times):
        causes[row] = 0.8 * causes[row - 1] + 0.6 * causes[row]
    values = causes @ rng.normal(size=(2, sensors)) + 0.3 * rng.normal(size=(times, sensors)) + 20.0
    values[fault:until, 0] += 15.0
    return values


def watching(anomaly=RULE):
    """A key group, with drift switched off."""
    return Windows(settings_of(anomaly=anomaly, drift=False))


def closed(values, **more):
    """All four sensors' windows."""
    return closed_of(values, names=NAMES[: values.shape[1]], **more)


def anomalies(findings):
    """Sensor, whether it begins, and its onset as a number of a window."""
    return [
        (finding.sensor, finding.active, (finding.onset_ts - START_MS) // MINUTE_MS)
        for finding in findings
        if finding.kind is Kind.ANOMALY
    ]


def test_a_fault_is_told_once_of_the_asset_with_the_sensor_that_it_is_about():
    """One machine, one alarm: and it says where to look."""
    findings = watching().judge(closed(plant()))

    (began,) = [finding for finding in findings if finding.active and finding.onset_ts >= START_MS + 700 * MINUTE_MS]
    assert (began.asset, began.sensor, began.rule, began.value) == ("press", None, "asset", None)
    assert began.onset_ts <= START_MS + 712 * MINUTE_MS
    assert began.contributions[0].sensor == "s0"
    assert sum(share.share for share in began.contributions) == pytest.approx(1.0)
    assert began.score is not None
    assert began.score >= began.evidence["threshold"]
    assert began.evidence["sensors_in_alarm"] >= 1
    assert began.rank == max(began.evidence[name] for name in ("t2", "spe", "one")) > 0.5


def test_sensors_tell_of_themselves_until_the_asset_is_known():
    """A fault in the first hours isn't missed because there is something better later."""
    findings = watching().judge(closed(plant(fault=300, until=330)))

    assert ("s0", True) in [told[:2] for told in anomalies(findings)]


def test_what_a_sensor_told_is_told_to_be_over_after_the_asset_has_taken_over():
    """No alarm stands for ever because another one took its place."""
    findings = watching().judge(closed(plant(fault=385, until=420)))

    (raised,) = [told for told in anomalies(findings) if told[0] == "s0" and told[1]]
    assert ("s0", False, raised[2]) in anomalies(findings)


def test_with_per_sensor_both_are_told():
    """Who wants each sensor's anomalies gets them."""
    findings = watching({**RULE, "per_sensor": True}).judge(closed(plant()))

    late = {sensor for sensor, active, onset in anomalies(findings) if active and onset >= 700}
    assert {None, "s0"} <= late


def test_an_asset_with_one_sensor_is_as_it_was():
    """There is no company to judge."""
    windows = watching()

    findings = windows.judge(closed(plant(sensors=1)))

    assert {sensor for sensor, _, _ in anomalies(findings)} == {"s0"}
    assert [entry.sensor for entry in windows.warming()] == []


@pytest.mark.parametrize("rows", [1, 30, 1601, 2822, 3201])
def test_a_restart_changes_nothing(rows):
    """In the middle of a row, of the warm-up or of an incident."""
    steady, broken = watching(), watching()
    whole = closed(plant())
    head, tail = cut(whole, [rows])
    tail = Closed(rows=tail.rows, names=whole.names, sources=whole.sources)

    expected = steady.judge(head) + steady.judge(tail)
    before = broken.judge(head)
    saved = pickle.loads(pickle.dumps(broken.snapshot()))  # noqa: S301 - as the state store does it
    restored = Windows.restore(settings_of(anomaly=RULE, drift=False), saved)
    after = restored.judge(tail)

    assert before + after == expected
    assert restored.snapshot()["groups"].tobytes() == steady.snapshot()["groups"].tobytes()
    assert restored.snapshot()["group_lasting"].tobytes() == steady.snapshot()["group_lasting"].tobytes()


def test_batches_change_nothing_also_when_sensors_come_one_after_another():
    """However readings are cut into blocks, and whenever the asset's second sensor is first heard of."""
    values = plant()
    whole = closed(values)
    late = ~((whole.rows["slot"] > 0) & (whole.rows["start"] < START_MS + 5 * MINUTE_MS))
    rows = whole.rows[late]
    together, apart = watching(), watching()

    expected = together.judge(Closed(rows=rows, names=whole.names, sources=whole.sources))
    findings = []
    met: set[int] = set()
    for first in range(0, len(rows), 3):
        piece = rows[first : first + 3]
        new = [name for name in whole.names if name[0] in set(piece["slot"].tolist()) - met]
        met |= {name[0] for name in new}
        findings += apart.judge(Closed(rows=piece, names=tuple(new), sources=whole.sources))

    assert findings == expected
    assert apart.snapshot()["groups"]["monitor"].tobytes() == together.snapshot()["groups"]["monitor"].tobytes()


def test_a_sensor_that_joins_warms_up_by_itself_and_takes_part_then():
    """A new sensor on a machine doesn't make the machine's monitoring start over."""
    values = plant(times=1300, fault=1250)
    windows = watching()
    windows.judge(closed(values[:500, :3]))
    windows.judge(closed(values[500:700], first=500))
    served = windows._assets._members["served"][:4].tolist()

    windows.judge(closed(values[700:1200], first=700))

    assert served == [1, 1, 1, 0]
    assert windows._assets._members["served"][:4].tolist() == [1, 1, 1, 1]


def test_warming_assets_are_listed_with_how_far_they_are():
    """Nobody wonders why a machine isn't judged yet."""
    windows = watching()

    windows.judge(closed(plant()[:201]))

    assert Warming("press", None, 201, group.WARMUP) in windows.warming()
    windows.judge(closed(plant()[201:600], first=201))
    assert windows.warming() == []


def incident():
    """A key group in the middle of an incident, and when it began (ms)."""
    windows = watching()
    findings = windows.judge(closed(plant(times=720)))
    return windows, [finding.onset_ts for finding in findings if finding.active and finding.sensor is None][-1]


def test_a_false_alarm_raises_the_assets_own_threshold_and_can_be_taken_back():
    """The machine that cries wolf gets quieter."""
    windows, onset = incident()

    assert windows.feedback(feedback_of(Verdict.FALSE_ALARM, "press", None, onset)) is None
    assert windows.adjusted() == [Adjusted("press", None, pytest.approx(0.3))]

    assert windows.feedback(feedback_of(Verdict.RESET, "press", None, onset)) is None
    assert windows.adjusted() == []
    assert windows.feedback(feedback_of(Verdict.RESET, "press", None, onset)) is not None


def test_a_true_alarm_keeps_the_fault_from_becoming_usual():
    """A known fault lasts as an alarm as long as it lasts on the machine."""
    confirmed, left = incident(), incident()
    values = plant(times=2200, until=2100)[720:]

    assert confirmed[0].feedback(feedback_of(Verdict.TRUE_ALARM, "press", None, confirmed[1])) is None
    before = confirmed[0].snapshot()["groups"]["monitor"]["of_q"].tobytes()
    ends = [
        [told for told in anomalies(windows.judge(closed(values[:1000], first=720))) if told[:2] == (None, False)]
        for windows, _ in (confirmed, left)
    ]

    assert [len(end) for end in ends] == [0, 1]
    assert confirmed[0].snapshot()["groups"]["monitor"]["of_q"].tobytes() == before
    assert ("press", None, True) in [tuple(entry) for entry in confirmed[0].paused()]
    later = anomalies(confirmed[0].judge(closed(values[1000:], first=1720)))
    assert (None, False) in [told[:2] for told in later]


def test_a_word_on_an_incident_that_is_over_is_refused():
    """What came after it is learned already."""
    windows = watching()
    findings = windows.judge(closed(plant(times=800, until=730)))
    onset = [finding.onset_ts for finding in findings if finding.active and finding.sensor is None][-1]

    assert windows.feedback(feedback_of(Verdict.TRUE_ALARM, "press", None, onset)) is not None


def test_an_incident_ends_when_the_settings_watch_other_sensors():
    """An alarm that nobody judges any more doesn't stand for ever."""
    windows, onset = incident()
    settings = settings_of(anomaly=RULE, drift=False)
    without = settings.model_copy(update={"rules": (Rule(sensor="s3", anomaly=False), *settings.rules)})

    restored = Windows.restore(without, windows.snapshot())
    findings = restored.judge(closed(plant(times=721)[720:], first=720))

    assert Restarted("press", None, "the settings watch other sensors of it") in restored.restarted
    (ended,) = [finding for finding in findings if finding.sensor is None]
    assert (ended.active, ended.onset_ts, ended.score) == (False, onset, None)


def test_of_more_sensors_than_can_be_watched_together_the_others_tell_of_themselves():
    """A machine with a hundred sensors costs what 64 do."""
    sensors = group.SENSORS_MAX + 2
    values = plant(times=500, sensors=sensors, fault=480)
    names = [("press", f"s{place}") for place in range(sensors)]
    windows = watching()

    windows.judge(closed_of(values, names=names))

    assert windows._assets.beyond == 2
    assert windows._assets._members["served"][:sensors].sum() == group.SENSORS_MAX
    assert len(windows.snapshot()["group_lasting"]) < group.room(group.SENSORS_MAX) * 0.7


def test_windows_that_are_no_numbers_leave_the_others_to_be_judged():
    """One dead channel doesn't blind the asset."""
    values = plant()
    values[100:, 3] = np.nan

    findings = watching().judge(closed(values))

    assert (None, True) in [told[:2] for told in anomalies(findings)]
