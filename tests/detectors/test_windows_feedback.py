"""What people say of anomalies, and what the learned detectors make of it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.commands import Verdict
from contracts.findings import Closed
from contracts.readings import Reject
from detectors.windows import Adjusted, Learning, Paused, Windows
from tests.detectors.closing import MINUTE_MS, START_MS, closed_of, cut, feedback_of, noise, settings_of

FALSE, TRUE, RESET = Verdict.FALSE_ALARM, Verdict.TRUE_ALARM, Verdict.RESET
OFTEN = {"false_alarms_per_week": 60.0}
RANKED = {"policy": "ranked"}
PRESS = [("press", "temp")]
ONSET = 600
"""The window in which the fault begins."""
SELDOM = {"false_alarms_per_week": 0.5}
SVM = {"model": "river.anomaly.OneClassSVM", "false_alarms_per_week": 5.0}


def faulty(*, times, fault=8.0, until=None, seed=1):
    """Noise that is off by `fault` sigmas from ONSET on, to before `until`."""
    values = noise(seed=seed, times=times)[:, 0]
    values[ONSET:until] += fault
    return values


def judge(windows, values, *, first=0):
    """Findings of these windows of the press's temperature."""
    return windows.judge(closed_of(values, names=PRESS, first=first))


def alarmed(rule=None, *, at=ONSET + 30):
    """A series in an anomaly, up to before window `at`; and when the anomaly began."""
    windows = Windows(settings_of(anomaly=OFTEN if rule is None else rule, drift=False))
    raised = [finding for finding in judge(windows, faulty(times=at)) if finding.active]
    return windows, raised[-1].onset_ts


def say(windows, verdict, onset_ts, *, asset="press", sensor="temp"):
    """None, or why it was refused."""
    answer = windows.feedback(feedback_of(verdict, asset, sensor, onset_ts))
    if answer is None:
        return None
    assert isinstance(answer, Reject)
    return answer.detail


# ── False alarms ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_false_alarm_raises_the_threshold_of_its_series_and_of_no_other():
    """The noisy sensor gets quieter; its neighbour stays as watchful as it was."""
    table = np.column_stack([faulty(times=1200, until=640), faulty(times=1200, until=640, seed=2)])
    table[1100:] += 8
    names = [("press", "temp"), ("press", "flow")]
    windows = Windows(settings_of(anomaly={**OFTEN, "per_sensor": True}, drift=False))
    first = windows.judge(closed_of(table[:700], names=names))
    onset = next(finding.onset_ts for finding in reversed(first) if finding.active and finding.sensor == "temp")

    assert say(windows, FALSE, onset) is None
    later = windows.judge(closed_of(table[700:], names=names, first=700))

    evidence = {finding.sensor: finding.evidence for finding in later if finding.active}
    raised = evidence["temp"]["threshold_raised"]
    assert 0.29 < raised < 0.3
    assert evidence["temp"]["threshold"] == pytest.approx(evidence["flow"]["threshold"] + raised)
    assert "threshold_raised" not in evidence["flow"]
    assert windows.adjusted() == [Adjusted("press", "temp", pytest.approx(raised, rel=0.01))]


def test_a_series_whose_alarms_are_called_false_alarms_less():
    """The false alarm that comes back every week is quietened, and a true one is still told."""
    values = noise(seed=3, times=6000)[:, 0]
    values[1000::500] += 6
    values[1001::500] += 6
    values[5700:] += 30
    counts = []
    for words in (0, 5):
        windows = Windows(settings_of(anomaly=OFTEN, drift=False))
        onset = [finding for finding in judge(windows, values[:1400]) if finding.active][-1].onset_ts
        for _ in range(words):
            say(windows, FALSE, onset)
        later = [finding for finding in judge(windows, values[1400:], first=1400) if finding.active]
        counts.append(sum(finding.onset_ts < START_MS + 5700 * MINUTE_MS for finding in later))
        assert later[-1].onset_ts >= START_MS + 5700 * MINUTE_MS

    assert counts[1] < counts[0] / 2


def test_ranked_alarms_become_rarer_by_the_same_word():
    """Each word makes the rank that is needed a tenth higher."""
    windows, onset = alarmed(RANKED)

    say(windows, FALSE, onset)

    states = windows.snapshot()["states"]["policy"]
    judge(windows, np.full(1, 20.0), first=ONSET + 30)
    later = [f for f in judge(windows, faulty(times=900, fault=0)[700:], first=700) if f.active]
    raised = [f for f in judge(windows, np.full(40, 60.0), first=900) if f.active]
    assert float(states["raised_by"][0]) == pytest.approx(0.3)
    assert later == []
    assert raised[0].evidence["policy"] == "ranked"
    assert raised[0].evidence["threshold"] >= 0.65
    assert raised[0].evidence["threshold_raised"] > 0.29


def test_a_reset_takes_everything_back():
    """Whoever said it by mistake hasn't made a sensor deaf."""
    windows, onset = alarmed()
    say(windows, FALSE, onset)
    say(windows, FALSE, onset)

    assert say(windows, RESET, onset) is None
    assert windows.adjusted() == []
    assert say(windows, RESET, onset) == "nothing was said of this series that could be taken back"


def test_the_list_of_the_adjusted_is_bounded():
    """Also where somebody calls everything false."""
    names = [(f"asset-{number}", "temp") for number in range(120)]
    table = noise(seed=4, times=700, series=120)
    table[600:] += 20
    windows = Windows(settings_of(anomaly=OFTEN))
    for finding in windows.judge(closed_of(table, names=names)):
        if finding.active:
            say(windows, FALSE, finding.onset_ts, asset=finding.asset)

    assert len(windows.adjusted()) == 100


# ── True alarms ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_confirmed_fault_is_not_learned_however_long_it_lasts():
    """Eight hours of a leak don't become the new normal; the alarm ends when the leak is mended."""
    windows, onset = alarmed()
    before = windows.snapshot()["states"][0]

    assert say(windows, TRUE, onset) is None
    during = judge(windows, faulty(times=1600)[ONSET + 30 :], first=ONSET + 30)
    learned = windows.snapshot()["states"][0]
    mended = judge(windows, noise(seed=5, times=60), first=1600)

    assert during == []
    assert int(learned["n"]) == int(before["n"])
    assert learned["level"]["tracker"]["m"] == before["episode"]["m"]
    assert learned["level"]["tracker"]["v"] == before["episode"]["v"]
    assert windows.paused() == []
    (ended,) = mended
    assert (ended.active, ended.onset_ts, ended.evidence["ended_by"]) == (False, onset, "calm")


def test_a_confirmed_fault_is_unlearned_by_every_family_that_watches_its_end():
    """A trembling valve that is known to be one doesn't become how the valve usually trembles."""
    values = faulty(times=700, fault=0)
    values[ONSET:] += np.where(np.arange(100) % 2, 9.0, -9.0)
    windows = Windows(settings_of(anomaly=OFTEN, drift=False))
    raised = [finding for finding in judge(windows, values[: ONSET + 20]) if finding.active]

    assert say(windows, TRUE, raised[-1].onset_ts) is None
    confirmed = windows.snapshot()["states"][0]
    judge(windows, values[ONSET + 20 :], first=ONSET + 20)
    learned = windows.snapshot()["states"][0]

    assert confirmed["episode"]["pair"] == 1
    for state in (confirmed, learned):
        assert state["spread"]["tracker"]["m"] == state["episode"]["m_b"]
        assert state["spread"]["tracker"]["v"] == state["episode"]["v_b"]
        assert state["season"]["rho"] == state["season"]["tracker"]["m"]
        assert state["spike"]["cur"] == 0
    assert learned["shape"].tobytes() == confirmed["shape"].tobytes()


def test_without_that_word_the_same_fault_is_learned():
    """So the word is what makes the difference."""
    windows, onset = alarmed()

    during = judge(windows, faulty(times=1600)[ONSET + 30 :], first=ONSET + 30)

    assert [(f.active, f.onset_ts, f.evidence.get("ended_by")) for f in during[:1]] == [(False, onset, "held")]


def test_after_a_confirmed_fault_the_series_is_judged_by_what_was_normal_before():
    """The next fault of the same size is found again, and the repaired machine isn't a fault."""
    windows, onset = alarmed(SELDOM)
    say(windows, TRUE, onset)
    judge(windows, faulty(times=700)[ONSET + 30 :], first=ONSET + 30)

    quiet = judge(windows, noise(seed=6, times=400), first=700)
    again = judge(windows, noise(seed=7, times=40) + 8, first=1100)

    assert [finding.active for finding in quiet] == [False]
    assert [finding.active for finding in again] == [True]
    assert again[0].expected.low < 20 < again[0].expected.high


def test_a_series_with_a_confirmed_alarm_is_seen_to_be_paused():
    """Who asks why nothing is learned gets an answer."""
    windows, onset = alarmed()
    say(windows, TRUE, onset)

    judge(windows, [28.0], first=ONSET + 30)

    assert windows.paused() == [Paused("press", "temp", confirmed=True)]
    assert windows.learning() == Learning(warming=0, learning=0, paused=1)


def test_a_window_that_is_not_learned_for_another_reason_is_paused_too():
    """Uncertain readings, maintenance, out of service."""
    windows = Windows(settings_of())
    table = noise(seed=8, times=200, series=150)

    windows.judge(closed_of(table, learn=np.arange(table.size) < table.size - 120))

    assert windows.paused()[:1] == [Paused("asset-30", "temp", confirmed=False)]
    assert len(windows.paused()) == 100
    assert windows.learning().paused == 120


@pytest.mark.parametrize("verdict", [FALSE, RESET])
def test_the_word_that_an_alarm_is_true_can_be_taken_back(verdict):
    """Then it ends as others do: by calm, or as the new normal."""
    windows, onset = alarmed()
    say(windows, TRUE, onset)
    judge(windows, faulty(times=1600)[ONSET + 30 :], first=ONSET + 30)

    assert say(windows, verdict, onset) is None
    (ended, *_) = judge(windows, [28.0], first=1600)

    assert (ended.onset_ts, ended.evidence["ended_by"]) == (onset, "held")


def test_saying_it_twice_changes_nothing():
    """A command that comes again is no other command."""
    windows, onset = alarmed()
    say(windows, TRUE, onset)
    judge(windows, [28.0] * 5, first=ONSET + 30)
    before = windows.snapshot()["states"].tobytes()

    assert say(windows, TRUE, onset) is None
    assert windows.snapshot()["states"].tobytes() == before


def test_an_anomaly_that_is_over_cannot_be_called_true_any_more():
    """What came after it is learned; it is said while it lasts, or not at all. That it was false can still be said."""
    windows, onset = alarmed()
    judge(windows, noise(seed=9, times=200), first=ONSET + 30)

    assert (say(windows, TRUE, onset) or "").startswith("the anomaly is over")
    assert windows.paused() == []
    assert say(windows, FALSE, onset) is None


# ── Which alarm ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_newest_anomaly_of_a_series_of_that_asset_can_be_spoken_of():
    """A word goes to the alarm that it names, or nowhere."""
    windows, onset = alarmed()
    before = windows.snapshot()["states"].tobytes()

    for stranger in (
        {"onset_ts": onset + 1},
        {"onset_ts": 0},
        {"onset_ts": onset, "asset": "pump"},
        {"onset_ts": onset, "sensor": "flow"},
        {"onset_ts": onset, "sensor": None},
    ):
        why = say(windows, FALSE, **stranger)
        assert why is not None
        assert "isn't the newest anomaly of any sensor of" in why

    assert windows.snapshot()["states"].tobytes() == before


def test_a_series_that_never_alarmed_has_nothing_that_could_be_spoken_of():
    """Not even an alarm at the beginning of time."""
    windows = Windows(settings_of())
    judge(windows, noise(seed=1, times=200))

    assert say(windows, FALSE, 0) is not None
    assert say(Windows(settings_of()), FALSE, 0) is not None


# ── Blocks, restarts, models ────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(1, 80), max_size=6), restart=st.integers(0, 6), verdict=st.sampled_from(Verdict))
def test_what_people_said_minds_neither_batches_nor_restarts(sizes, restart, verdict):
    """After the word was taken, only the windows decide."""
    (steady, onset), (broken, _) = alarmed(), alarmed()
    for windows in (steady, broken):
        say(windows, verdict, onset)
    rest = closed_of(faulty(times=1000, until=700)[ONSET + 30 :], names=PRESS, first=ONSET + 30)

    expected = steady.judge(rest)
    findings = []
    for number, piece in enumerate(cut(rest, sizes)):
        if number == restart:
            saved = pickle.loads(pickle.dumps(broken.snapshot()))  # noqa: S301 - as the state store does it
            broken = Windows.restore(broken._settings, saved)
        findings += broken.judge(Closed(rows=piece.rows, names=rest.names, sources=piece.sources))

    assert findings == expected
    assert broken.snapshot()["states"].tobytes() == steady.snapshot()["states"].tobytes()


@pytest.mark.parametrize("per", ["series", "asset"])
def test_a_model_learns_nothing_either_while_its_alarm_is_confirmed(per):
    """A River model in place of our own detector: it can't unlearn, and it learns no more; batches change nothing."""
    config = settings_of(anomaly={**SVM, "per": per}, drift=False)
    sensor = "temp" if per == "series" else None
    names = [("press", "temp"), ("press", "flow")]
    table = noise(seed=1, times=1000, series=2)
    table[700:760] += 12
    raised = next(f for f in Windows(config).judge(closed_of(table, names=names)) if f.active and f.sensor == sensor)
    said = (raised.ts - START_MS) // MINUTE_MS + 1  # its row has come together by then, also the asset's
    runs = []
    for size in (1, 7, 300):
        windows = Windows(config)
        windows.judge(closed_of(table[:said], names=names))
        before = _model_of(windows, sensor).snapshot()
        assert say(windows, TRUE, raised.onset_ts, sensor=sensor) is None

        for piece in cut(closed_of(table[said:730], names=names, first=said), [size] * (60 // size)):
            windows.judge(piece)
        frozen = _model_of(windows, sensor).snapshot()
        rest = closed_of(table[730:], names=names, first=730)
        later = [f for piece in cut(rest, [size] * (540 // size)) for f in windows.judge(piece)]
        learned = _model_of(windows, sensor).snapshot()["learned"]

        assert frozen["learned"] == before["learned"]
        assert learned > frozen["learned"]
        assert (False, raised.onset_ts) in {(f.active, f.onset_ts) for f in later if f.sensor == sensor}
        runs.append((later, learned, windows.snapshot()["states"].tobytes()))

    assert runs[0] == runs[1] == runs[2]


def _model_of(windows, sensor):
    slot = windows._slot_of_name["press", sensor]
    return windows._river[slot] if sensor else windows._asset_models[slot]._model


def test_another_model_forgets_what_was_said_of_the_one_before():
    """Another scale of scores: the word belonged to the old one."""
    windows, onset = alarmed()
    say(windows, FALSE, onset)
    say(windows, TRUE, onset)

    restored = Windows.restore(settings_of(anomaly=SVM), windows.snapshot())
    restored.judge(closed_of([28.0], names=PRESS, first=ONSET + 30))

    assert restored.adjusted() == []
    assert restored.paused() == []
