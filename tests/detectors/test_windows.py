"""The learned detectors as a whole: against the formulas, over restarts, in pieces, on bad values."""

from __future__ import annotations

import csv
import math
import pickle
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.errors import StateError
from contracts.findings import CLOSED, Closed, Finding, Kind, Window
from contracts.readings import SeriesName
from contracts.settings import Settings
from detectors import windows as windows_module
from detectors.judging import STATE, judge_rows
from detectors.trace import Trace
from detectors.windows import Learning, Windows
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, cut, judged, noise, settings_of
from tests.detectors.reference import Event, Reference

WEEK_S = 604_800
RANKED = {"policy": "ranked"}
OFTEN = {"false_alarms_per_week": 60.0}
SELDOM = {"false_alarms_per_week": 0.5}
GOLDEN = Path(__file__).resolve().parent.parent / "golden"
DAY = 1440
WHAT = {
    (Kind.ANOMALY, True): "raised",
    (Kind.ANOMALY, False): "ended",
    (Kind.DRIFT, True): "drift",
    (Kind.DRIFT, False): "settled",
}


def eventful(*, seed: int, times: int = 6000) -> np.ndarray:
    """Noise with spikes, a stretch off its level, a step that stays and a ramp."""
    values = noise(seed=seed, times=6000, autocorrelation=0.5)[:, 0]
    values[400:403] += 9
    values[900:960] -= 5
    values[1500:1502] += 20
    values[2500:] += 4
    values[5000:] += np.minimum(np.arange(1000) / 70, 6)
    return values[:times]


def nab(corpora: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Start times (ms, UTC) and values of one file."""
    with (corpora / "nab" / "data" / name).open() as lines:
        rows = list(csv.DictReader(lines))
    times = [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() * 1000 for row in rows]
    return np.array(times, np.int64), np.array([float(row["value"]) for row in rows])


def events_of(findings: list[Finding], rows: np.ndarray) -> list[Event]:
    """Findings in the words of the reference."""
    row_of = {int(row["offset"]): number for number, row in enumerate(rows)}
    return [
        Event(
            WHAT[finding.kind, finding.active],
            row_of[int(finding.source.rpartition("/")[2])],
            finding.onset_ts,
            finding.score or 0.0,
            finding.rank or 0.0,
        )
        for finding in findings
    ]


def assert_as_the_formulas_say(closed: Closed, settings: Settings, reference: Reference) -> list[Event]:
    """Compare findings, every window's scores and the learned state with the reference; return the events."""
    traces: list[Trace] = []
    windows = Windows(settings, traces.append)
    events = events_of(windows.judge(closed), closed.rows)

    expected = [
        event for row in closed.rows for event in reference.step(float(row["mean"]), int(row["start"]), int(row["end"]))
    ]

    assert [(event.what, event.row, event.onset) for event in events] == [
        (event.what, event.row, event.onset) for event in expected
    ]
    np.testing.assert_allclose([event.rank for event in events], [event.rank for event in expected], atol=1e-5)
    np.testing.assert_allclose([event.score for event in events], [event.score for event in expected], atol=1e-5)
    (trace,) = traces
    for name in ("z", "s", "p", "surprise", "spike", "restless"):
        np.testing.assert_allclose(trace.rows[name], [getattr(one, name) for one in reference.judged], atol=1e-5)
    state = windows.snapshot()["states"][0]
    np.testing.assert_allclose(state["level"]["tracker"]["m"], reference.level.m, rtol=1e-9)
    np.testing.assert_allclose(state["level"]["tracker"]["v"], reference.level.v, rtol=1e-6)
    np.testing.assert_allclose(state["calibration"]["u"], reference.calibration.u, rtol=1e-5)
    np.testing.assert_allclose(state["calibration"]["e"], reference.calibration.e, rtol=1e-5)
    np.testing.assert_allclose(state["spike"]["calibration"]["e"], reference.jumps.e, rtol=1e-5)
    np.testing.assert_allclose(state["spread"]["calibration"]["e"], reference.spreads.e, rtol=1e-5)
    np.testing.assert_allclose(np.sort(state["combination"]["peaks"]), np.sort(reference.peaks), rtol=1e-5)
    np.testing.assert_allclose(state["profile"]["mu"], reference.mu, rtol=1e-9)
    return events


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ranked_alarms_are_those_of_the_formulas(seed):
    """Which windows raise an alarm, when it ends and when a level counts as moved is exactly what is documented."""
    closed = closed_of(eventful(seed=seed))

    events = assert_as_the_formulas_say(closed, settings_of(anomaly=RANKED), Reference(ranked=True))

    assert {event.what for event in events} == {"raised", "ended", "drift", "settled"}


@pytest.mark.parametrize("seed", [4, 5])
def test_alarms_on_a_budget_are_those_of_the_formulas(seed):
    """The budget in the settings becomes exactly the documented threshold."""
    smallest_l = math.log10(WEEK_S / (50 * 60) / 5.0)
    closed = closed_of(eventful(seed=seed))

    settings = settings_of(anomaly={"false_alarms_per_week": 5.0})
    events = assert_as_the_formulas_say(closed, settings, Reference(ranked=False, smallest_l=smallest_l))

    assert {event.what for event in events} == {"raised", "ended", "drift", "settled"}


@pytest.mark.parametrize(
    "name", ["realKnownCause/ec2_request_latency_system_failure.csv", "artificialWithAnomaly/art_daily_jumpsup.csv"]
)
def test_alarms_on_a_real_recording_are_those_of_the_formulas(corpora, name):
    """Also on recorded data with gaps and a daily course."""
    times, values = nab(corpora, name)
    closed = closed_of(values, window_ms=0, step_ms=1)
    closed.rows["start"] = closed.rows["end"] = times

    events = assert_as_the_formulas_say(closed, settings_of(anomaly=RANKED, window_s=0), Reference(ranked=True))

    assert "raised" in {event.what for event in events}


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 400), max_size=8))
@example(seed=0, sizes=[1] * 40)
def test_findings_dont_depend_on_how_windows_are_batched(seed, sizes):
    """Load and batch size never change an alarm."""
    table = noise(seed=seed, times=260, series=3)
    table[200:, 0] += 6
    learn = np.random.default_rng(seed).random(table.shape) < 0.9
    names = [("press", "temp"), ("press", "speed"), ("pump", "flow")]
    closed = closed_of(table, learn=learn, names=names)
    whole, pieces = Windows(settings_of(anomaly=OFTEN)), Windows(settings_of(anomaly=OFTEN))

    expected = whole.judge(closed)
    findings = [finding for piece in cut(closed, sizes) for finding in pieces.judge(piece)]

    assert findings == expected
    assert pieces.snapshot()["states"].tobytes() == whole.snapshot()["states"].tobytes()


def test_a_batch_with_more_findings_than_the_buffer_holds_loses_none():
    """A plant in which everything alarms at once is told completely."""
    series = 800
    table = np.concatenate([noise(seed=1, times=200, series=series), np.full((40, series), 60.0)])
    settings = settings_of(anomaly=SELDOM)

    findings = judged(settings, closed_of(table))

    raised = {
        finding.asset for finding in findings if finding.active and finding.onset_ts >= START_MS + 200 * MINUTE_MS
    }
    assert len(findings) > windows_module.VERDICTS
    assert len(raised) > series * 0.9


@pytest.mark.parametrize("rows", [1, 149, 450, 930, 2600, 3100])
def test_a_restart_changes_nothing(rows):
    """A process that was restarted goes on as if it had never stopped."""
    closed = closed_of(eventful(seed=6))
    steady, broken = Windows(settings_of(anomaly=OFTEN)), Windows(settings_of(anomaly=OFTEN))
    head, tail = cut(closed, [rows])

    expected = steady.judge(head), steady.judge(Closed(rows=tail.rows, names=closed.names, sources=closed.sources))
    before = broken.judge(head)
    saved = pickle.loads(pickle.dumps(broken.snapshot()))  # noqa: S301 - as the state store does it
    broken = Windows.restore(settings_of(anomaly=OFTEN), saved)
    after = broken.judge(Closed(rows=tail.rows, names=closed.names, sources=closed.sources))

    assert (before, after) == expected
    assert broken.snapshot()["states"].tobytes() == steady.snapshot()["states"].tobytes()


def test_a_snapshot_is_a_copy():
    """What was saved doesn't change with the next window."""
    windows = Windows(Settings())
    windows.judge(closed_of([20.0]))

    saved = windows.snapshot()
    before = saved["states"].tobytes()
    windows.judge(closed_of([25.0], first=1))

    assert saved["states"].tobytes() == before


def test_after_a_restart_series_may_come_in_another_order():
    """The numbers of series belong to a process; their state goes by name."""
    names = [("press", "temp"), ("press", "speed")]
    table = noise(seed=3, times=400, series=2) + np.array([0, 100])
    closed = closed_of(table[:300], names=names)
    windows = Windows(Settings())
    windows.judge(closed)
    swapped = closed_of(table[300:, ::-1], names=names[::-1], first=300)

    restored = Windows.restore(Settings(), windows.snapshot())
    findings = restored.judge(swapped)

    assert findings == []
    assert [int(n) for n in restored.snapshot()["states"]["n"]] == [400, 400]


def test_an_unknown_version_is_refused_by_name():
    """A state of a newer andon is never half understood."""
    snapshot = {**Windows(Settings()).snapshot(), "version": 7}

    with pytest.raises(StateError, match=r"windows: the saved state has version 7, this andon reads 1 to 5"):
        Windows.restore(Settings(), snapshot)


def test_a_state_without_a_later_field_is_read():
    """A state that was saved before a field existed goes on with that field at rest."""
    windows = Windows(Settings())
    windows.judge(closed_of(noise(seed=1, times=30)))
    snapshot = windows.snapshot()
    kept = [name for name in STATE.names if name != "paused"]
    snapshot["states"] = np.array(snapshot["states"][kept], dtype=[(name, STATE[name]) for name in kept])

    restored = Windows.restore(Settings(), snapshot)

    assert int(restored.snapshot()["states"]["n"][0]) == 30
    assert restored.learning() == Learning(warming=1, learning=0, paused=0)


def test_the_future_changes_no_finding_of_the_past():
    """An alarm is decided by what came before it."""
    values = eventful(seed=7)
    closed = closed_of(values)
    other = closed_of(np.concatenate([values[:3000], np.full(3000, -1e6)]))

    head = [
        finding for finding in judged(settings_of(anomaly=OFTEN), closed) if finding.ts <= START_MS + 3000 * MINUTE_MS
    ]
    tail = [
        finding for finding in judged(settings_of(anomaly=OFTEN), other) if finding.ts <= START_MS + 3000 * MINUTE_MS
    ]

    assert head
    assert head == tail


def test_series_dont_influence_each_other():
    """A wild sensor changes nothing for its neighbour on another asset."""
    calm = eventful(seed=8)
    wild = np.random.default_rng(8).standard_cauchy(len(calm)) * 1e6
    names = [("press", "temp"), ("pump", "flow")]

    alone = judged(settings_of(anomaly=OFTEN), closed_of(calm, names=names[:1]))
    together = judged(settings_of(anomaly=OFTEN), closed_of(np.column_stack([calm, wild]), names=names))

    def without_source(findings: list[Finding]) -> list[tuple[object, ...]]:
        return [(finding.kind, finding.active, finding.onset_ts, finding.score) for finding in findings]

    assert without_source([finding for finding in together if finding.asset == "press"]) == without_source(alone)


@pytest.mark.parametrize("value", [0.0, 21.5, 0.1 + 0.2, -1e-300, 1e99])
def test_a_constant_value_is_quiet(value):
    """A sensor that always reads the same isn't an anomaly, nor has it drifted."""
    assert judged(settings_of(anomaly=OFTEN), closed_of(np.full(5 * DAY, value))) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200, -1e308])
def test_a_value_that_is_no_number_leaves_no_trace(bad):
    """A broken mean is neither judged nor learned."""
    values = noise(seed=9, times=400)
    windows = Windows(Settings())
    windows.judge(closed_of(values))
    before = windows.snapshot()["states"].tobytes()

    findings = windows.judge(closed_of([bad], first=400))

    assert findings == []
    assert windows.snapshot()["states"].tobytes() == before


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=200, max_size=400))
def test_no_value_gets_a_broken_number_into_the_state(values):
    """Whatever a sensor sends, the state stays finite and can be saved."""
    windows = Windows(settings_of(anomaly=RANKED))

    windows.judge(closed_of(values))

    state = windows.snapshot()["states"][0]
    for part in ("level", "combination", "calibration", "policy", "drift", "profile"):
        for name in state[part].dtype.names:
            inner = state[part][name]
            numbers = list(inner) if inner.dtype.names else np.atleast_1d(inner)
            assert np.isfinite(numbers).all(), (part, name)


def test_uncertain_windows_are_judged_and_leave_nothing_learned():
    """A stretch of uncertain quality can alarm, and doesn't become the new normal."""
    windows = Windows(settings_of(anomaly=OFTEN))
    windows.judge(closed_of(noise(seed=10, times=600)))
    before = windows.snapshot()["states"][0]

    findings = windows.judge(closed_of(np.full(60, 40.0), first=600, learn=np.zeros(60)))

    after = windows.snapshot()["states"][0]
    assert [finding.active for finding in findings] == [True]
    for part in ("calibration", "profile", "drift", "n", "scored"):
        assert after[part].tobytes() == before[part].tobytes(), part
    assert after["level"]["s"] == before["level"]["s"]
    assert after["level"]["tracker"].tobytes() == before["level"]["tracker"].tobytes()
    assert after["combination"]["peaks"].tobytes() == before["combination"]["peaks"].tobytes()
    assert windows.learning() == Learning(warming=0, learning=0, paused=1)


def test_after_uncertain_windows_learning_goes_on_as_if_they_had_not_been():
    """What is learned later is the same with and without an uncertain stretch, apart from the clock."""
    values = noise(seed=11, times=1300)[:, 0]
    head, tail = values[:600], values[600:]
    gapped = Windows(settings_of(anomaly=False, drift=False))
    gapped.judge(closed_of(head))
    gapped.judge(closed_of(np.full(20, 1e4), first=600, learn=np.zeros(20)))
    gapped.judge(closed_of(tail, first=620))
    plain = Windows(settings_of(anomaly=False, drift=False))
    plain.judge(closed_of(values))

    after, expected = (windows.snapshot()["states"][0]["level"] for windows in (gapped, plain))

    assert after["tracker"].tobytes() == expected["tracker"].tobytes()
    assert after["s"] == expected["s"]


def test_an_anomaly_says_what_was_expected_and_how_strange_it_is():
    """The operator reads the value, the expected range, the score, the rank and when it began."""
    values = np.concatenate([noise(seed=12, times=600)[:, 0], np.full(40, 30.0)])

    finding = next(
        finding for finding in judged(settings_of(anomaly=SELDOM), closed_of(values)) if finding.value == 30.0
    )

    assert (finding.asset, finding.sensor, finding.kind, finding.rule) == ("asset-0", "temp", Kind.ANOMALY, "sensor")
    assert finding.active
    assert START_MS + 600 * MINUTE_MS <= finding.onset_ts < START_MS + 612 * MINUTE_MS
    assert finding.ts == finding.onset_ts + MINUTE_MS
    assert finding.window == Window(finding.onset_ts, finding.ts, 60)
    assert finding.source == f"readings/0/{(finding.onset_ts - START_MS) // MINUTE_MS}"
    assert finding.contributions == (("temp", 1.0),)
    assert finding.expected.low is not None
    assert finding.expected.high is not None
    assert 18.5 < finding.expected.low < 20 < finding.expected.high < 21.5
    assert finding.score is not None
    assert finding.score >= float(finding.evidence["threshold"] or 0)
    assert finding.evidence["found_by"] == "spike"
    assert finding.evidence["policy"] == "budget"
    assert finding.evidence["windows"] == (finding.onset_ts - START_MS) // MINUTE_MS


def test_an_anomaly_ends_when_the_value_is_back():
    """The alarm clears by itself soon after the sensor reads as before, under the same onset."""
    values = noise(seed=12, times=900)[:, 0]
    values[600:660] += 8

    raised, ended = judged(settings_of(anomaly=SELDOM, drift=False), closed_of(values))

    assert (raised.active, ended.active) == (True, False)
    assert ended.onset_ts == raised.onset_ts
    assert START_MS + 672 * MINUTE_MS < ended.ts < START_MS + 720 * MINUTE_MS
    assert ended.evidence["ended_by"] == "calm"
    assert ended.expected == raised.expected


def test_a_held_anomaly_becomes_a_drift_that_ends_when_the_new_normal_is_learned():
    """A change that stays isn't an alarm for ever: it is told as a new normal, with from and to."""
    values = noise(seed=23, times=1400)[:, 0]
    values[300:] += 10

    findings = judged(settings_of(anomaly=SELDOM), closed_of(values))

    told = [(finding.kind.value, finding.active) for finding in findings]
    assert told == [("anomaly", True), ("anomaly", False), ("drift", True), ("drift", False)]
    raised, ended, drifted, settled = findings
    assert ended.evidence["ended_by"] == "held"
    assert ended.evidence["windows_held"] == 481
    assert drifted.onset_ts == settled.onset_ts == raised.onset_ts
    assert drifted.ts == ended.ts
    assert drifted.evidence["from"] == pytest.approx(20, abs=0.5)
    assert drifted.evidence["to"] == pytest.approx(30, abs=1)
    assert settled.ts == drifted.ts + 499 * MINUTE_MS
    assert settled.evidence["level"] == pytest.approx(30, abs=0.5)


def test_anomalies_and_drifts_that_are_switched_off_arent_told():
    """`anomaly = false` and `drift = false` mean silence of each, and of nothing else."""
    closed = closed_of(eventful(seed=14))

    def kinds(**rule: object) -> set[str]:
        return {finding.kind.value for finding in judged(settings_of(**rule), closed)}

    assert kinds(anomaly=OFTEN) == {"anomaly", "drift"}
    assert kinds(anomaly=False) == {"drift"}
    assert kinds(anomaly=OFTEN, drift=False) == {"anomaly"}
    assert kinds(anomaly=False, drift=False) == set()


def test_nothing_is_told_in_the_first_150_windows():
    """A fresh sensor is warming up, visibly, and silent."""
    values = noise(seed=15, times=150)[:, 0]
    values[100:] += 50
    windows = Windows(settings_of(anomaly=OFTEN))

    findings = windows.judge(closed_of(values[:149]))

    assert findings == []
    assert windows.learning() == Learning(warming=1, learning=0, paused=0)
    assert windows.warming() == [("asset-0", "temp", 149, 150)]
    windows.judge(closed_of(values[149:], first=149))
    assert windows.learning() == Learning(warming=0, learning=1, paused=0)
    assert windows.warming() == []


def test_who_is_not_to_alarm_is_not_said_to_warm_up():
    """Switched off is no reason to wait: the list names those that will judge."""
    windows = Windows(settings_of(anomaly=False))

    windows.judge(closed_of(noise(seed=15, times=3)[:, 0]))

    assert windows.warming() == []


def test_the_list_of_the_warming_is_bounded():
    """A plant of a million fresh sensors doesn't make a page of a million lines."""
    windows = Windows(Settings())

    windows.judge(closed_of(noise(seed=1, times=1, series=500)))

    assert len(windows.warming()) == 100
    assert windows.learning() == Learning(warming=500, learning=0, paused=0)


@pytest.mark.parametrize("autocorrelation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("per_10k", [10, 3, 1])
def test_the_budget_of_false_alarms_is_kept_on_noise(autocorrelation, per_10k):
    """`false_alarms_per_week` holds within a factor of two once a series has run for a day."""
    series, times = 20, 12_000
    closed = closed_of(noise(seed=16, times=times, series=series, autocorrelation=autocorrelation))
    per_week = per_10k * WEEK_S / 60 / 10_000

    findings = judged(settings_of(anomaly={"false_alarms_per_week": per_week}, drift=False), closed)

    late = [finding for finding in findings if finding.active and finding.onset_ts >= START_MS + 1500 * MINUTE_MS]
    rate = len(late) / (series * (times - 1500)) * 10_000
    assert rate <= 2 * per_10k
    assert late or per_10k == 1


def test_an_assets_budget_is_shared_by_its_sensors():
    """Ten sensors on one machine together raise as few false alarms as one would."""
    table = noise(seed=17, times=6000, series=10)
    settings = settings_of(anomaly={"false_alarms_per_week": 60.0, "per_sensor": True}, drift=False)

    told = judged(settings, closed_of(table, names=[("press", f"s{i}") for i in range(10)]))
    one_asset = [finding for finding in told if finding.sensor]
    ten_assets = judged(settings, closed_of(table))

    thresholds = {round(float(finding.evidence["threshold"]), 9) for finding in one_asset if finding.active}
    assert thresholds == {round(math.log10(WEEK_S / 3000 / 6.0), 9)}
    assert len(one_asset) < len(ten_assets) / 3


def test_readings_as_windows_get_their_budget_by_their_interval():
    """With `window_s = 0` a sensor that reports every 10 s has six times the windows, and the same alarms a week."""
    values = noise(seed=18, times=2000)[:, 0]
    values[1500:1560] += 10
    closed = closed_of(values, window_ms=0, step_ms=10_000)

    findings = judged(settings_of(anomaly={"false_alarms_per_week": 5.0}, window_s=0, drift=False), closed)

    raised = next(finding for finding in findings if finding.active)
    assert raised.evidence["threshold"] == pytest.approx(math.log10(WEEK_S / (50 * 10) / 5.0), abs=1e-6)
    assert raised.window == Window(raised.onset_ts, raised.onset_ts, 60)


def test_a_daily_course_is_no_drift_and_a_step_on_it_is():
    """A temperature that swings with the day is normal; the same swing one degree higher isn't."""
    times = 9 * DAY
    rng = np.random.default_rng(19)
    swing = 20 + 3 * np.sin(2 * np.pi * np.arange(times) / DAY) + rng.normal(size=times)
    moved = swing.copy()
    moved[7 * DAY :] += 2

    quiet = judged(settings_of(anomaly=False), closed_of(swing))
    found = judged(settings_of(anomaly=False), closed_of(moved))

    assert [finding.ts for finding in quiet if finding.ts > START_MS + 5 * DAY * MINUTE_MS] == []
    drifted = next(finding for finding in found if finding.ts > START_MS + 7 * DAY * MINUTE_MS)
    assert drifted.active
    assert drifted.ts < START_MS + (7 * DAY + 60) * MINUTE_MS
    assert drifted.onset_ts == pytest.approx(START_MS + 7 * DAY * MINUTE_MS, abs=15 * MINUTE_MS)
    assert drifted.evidence["change"] == pytest.approx(2, abs=1)


def test_a_window_of_a_series_that_was_never_named_is_a_mistake_of_the_caller():
    """The step before must say a series' name before it uses its number."""
    windows = Windows(Settings())
    windows.judge(closed_of([1.0]))
    rows = np.zeros(1, CLOSED)
    rows["slot"] = 5

    with pytest.raises(KeyError, match="a slot that was never named"):
        windows.judge(Closed(rows=rows, names=(), sources=("readings/0",)))
    rows["slot"] = 3000
    with pytest.raises(KeyError, match="a slot that was never named"):
        windows.judge(Closed(rows=rows, names=(SeriesName(0, "asset-0", "temp"),), sources=("readings/0",)))


def test_windows_that_come_read_only_are_judged_by_the_same_compiled_code():
    """No batch, however it was made, starts the compiler in mid-stream."""
    windows = Windows(Settings())
    closed = closed_of(noise(seed=1, times=4))
    windows.judge(closed)
    compiled = len(judge_rows.signatures)
    closed.rows.setflags(write=False)

    windows.judge(Closed(rows=closed.rows[::2], names=(), sources=closed.sources))

    assert len(judge_rows.signatures) == compiled == 1


def test_judging_leaves_its_argument_alone():
    """The closed windows go on to others as they were."""
    closed = closed_of(eventful(seed=20, times=700))
    before = closed.rows.tobytes()

    Windows(settings_of(anomaly=OFTEN)).judge(closed)

    assert closed.rows.tobytes() == before


def test_a_series_costs_at_most_1600_bytes():
    """A hundred thousand sensors fit into 160 MB."""
    assert STATE.itemsize <= 1600


@pytest.mark.parametrize(
    ("version", "adjusted"),
    [
        ("1", []),
        ("2", [("press", "temp", 0.3)]),
        ("3", [("press", "temp", 0.3)]),
        ("3-group", [("press", "temp", 0.3)]),
        ("4", [("press", "temp", 0.3)]),
        ("5", [("press", "temp", 0.3)]),
    ],
)
def test_every_version_of_the_saved_state_is_still_read(version, adjusted):
    """A plant that updates andon keeps what was learned, the alarms that are active and what people said of them."""
    saved = pickle.loads((GOLDEN / f"windows-{version}.pickle").read_bytes())  # noqa: S301 - made by golden_windows.py
    windows = Windows.restore(settings_of(anomaly=OFTEN), saved["snapshot"])
    assert windows.adjusted() == adjusted

    table = noise(seed=22, times=600, series=len(saved["names"]))
    findings = windows.judge(closed_of(table, first=saved["windows"], names=saved["names"]))

    ended = {(finding.kind.value, finding.onset_ts) for finding in findings if not finding.active}
    assert saved["active"] <= ended
    assert all(np.isfinite(windows.snapshot()["groups"]["monitor"][name]).all() for name in ("t", "q", "h"))
    assert windows.warming() == []
