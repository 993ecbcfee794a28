"""Figures that can be worked out by hand, and laws that hold for all of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.replay.spans import AlarmSpan
from andon.replay.witness import Presence
from andon.score.labels import Label
from andon.score.scoring import OfKind, recorded_ms, score

MIN = 60_000
HOUR = 60 * MIN
DAY = 24 * HOUR


def alarm(raised, cleared=None, *, asset="pump", sensor="flow", kind="limit", annunciated=True):
    return AlarmSpan(
        raised, cleared, raised, asset, sensor, kind, "h", "high", annunciated, f"{asset} {sensor} {raised}"
    )


def label(start, end, *assets, sensor=None):
    return Label(start, end, frozenset(assets or ("pump",)), sensor)


PUMP = Presence("pump", 0, 0, 2 * DAY)
PRESS = Presence("press", 0, DAY, 2 * DAY)


def test_the_figures_of_a_small_recording_are_those_worked_out_by_hand():
    """Three events, two told; three false alarms in three days of two assets."""
    labels = [label(HOUR, 2 * HOUR), label(5 * HOUR, 6 * HOUR, "pump", "press"), label(30 * HOUR, 31 * HOUR, "press")]
    alarms = [
        alarm(HOUR + 10 * MIN, HOUR + 20 * MIN),  # tells the first, after ten minutes
        alarm(HOUR + 30 * MIN, HOUR + 40 * MIN, kind="anomaly"),  # tells it again
        alarm(5 * HOUR + 30 * MIN, 6 * HOUR, asset="press", kind="anomaly"),  # tells the second, after thirty
        alarm(10 * HOUR, 11 * HOUR),  # false
        alarm(10 * HOUR + MIN, 11 * HOUR, kind="anomaly"),  # false
        alarm(30 * HOUR + MIN, 31 * HOUR),  # false: of the pump, and the label is about the press
        alarm(30 * HOUR + MIN, 31 * HOUR, asset="press", annunciated=False),  # nobody was told
    ]

    found = score(alarms, labels, [PUMP, PRESS])

    assert (found.detected, found.standing, len(found.events)) == (2, 0, 3)
    assert (found.raises, found.false_alarms) == (6, 3)
    assert found.kinds == {"anomaly": OfKind(3, 1), "limit": OfKind(3, 2)}
    assert found.precision == pytest.approx(2 / 5)
    assert found.recall == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(1 / 2)
    assert (found.delay_median_s, found.delay_max_s) == (20 * 60, 30 * 60)
    assert (found.assets, found.asset_days, found.false_alarms_per_asset_day) == (2, 3.0, 1.0)
    assert (found.hours, found.alarms_per_hour) == (48.0, 6 / 48)
    assert found.alarms_per_10min_peak == 2
    assert [event.alarm and event.alarm.raised_ts for event in found.events] == [
        HOUR + 10 * MIN,
        5 * HOUR + 30 * MIN,
        None,
    ]


def test_an_alarm_that_stands_when_an_event_begins_detects_it_and_is_no_quick_alarm():
    """It is told apart: an alarm that always stands would detect everything."""
    standing, over = alarm(HOUR), alarm(HOUR, 2 * HOUR)

    found = score([standing], [label(3 * HOUR, 4 * HOUR)], [PUMP])
    missed = score([over], [label(3 * HOUR, 4 * HOUR)], [PUMP])

    assert (found.detected, found.standing, found.delay_median_s, found.false_alarms) == (1, 1, None, 1)
    assert found.events[0].alarm == standing
    assert (missed.detected, missed.events[0].alarm) == (0, None)


def test_tolerance_widens_a_label_on_both_sides_and_both_ends_count():
    """A window that closes after a short fault still tells it."""
    labels = [label(HOUR, 2 * HOUR)]

    def false_alarms(raised, tolerance_ms):
        return score([alarm(raised, raised)], labels, [PUMP], tolerance_ms=tolerance_ms).false_alarms

    assert [false_alarms(at, 0) for at in (HOUR - 1, HOUR, 2 * HOUR, 2 * HOUR + 1)] == [1, 0, 0, 1]
    assert [false_alarms(at, MIN) for at in (HOUR - MIN - 1, HOUR - MIN, 2 * HOUR + MIN, 2 * HOUR + MIN + 1)] == [
        *(1, 0, 0, 1)
    ]
    early = score([alarm(HOUR - MIN)], labels, [PUMP], tolerance_ms=MIN)
    assert early.delay_median_s == 0.0


def test_a_label_of_a_sensor_is_told_by_that_sensor_or_by_the_asset():
    """Who labels one sensor doesn't take another one's alarm for it."""
    labels = [label(HOUR, 2 * HOUR, sensor="temp")]

    by = [score([alarm(HOUR, sensor=sensor)], labels, [PUMP]).detected for sensor in ("temp", None, "flow")]

    assert by == [1, 1, 0]


def test_nothing_to_divide_by_is_no_figure():
    """No event and no time is not a score of 0."""
    nothing = score([], [], [])
    silent = score([], [label(HOUR, 2 * HOUR)], [PUMP])
    lone = score([alarm(5 * HOUR)], [], [PUMP])

    assert (nothing.precision, nothing.recall, nothing.f1, nothing.alarms_per_hour) == (None, None, None, None)
    assert (silent.precision, silent.recall, silent.f1, silent.false_alarms_per_asset_day) == (None, 0.0, None, 0.0)
    assert (lone.precision, lone.recall, lone.f1) == (0.0, None, None)


def test_times_at_which_several_spoke_count_once():
    """The plant's hours are the clock's, whatever the number of its assets."""
    assert recorded_ms([Presence("a", 0, 10, 20), Presence("b", 0, 15, 30), Presence("a", 1, 50, 60)]) == 30
    assert recorded_ms([Presence("a", 0, 10, 50), Presence("b", 0, 15, 30)]) == 40
    assert recorded_ms([]) == 0


TIMES = st.integers(0, 200)
ALARMS = st.lists(
    st.builds(
        lambda raised, lasting, asset, kind: alarm(
            raised, None if lasting is None else raised + lasting, asset=asset, kind=kind
        ),
        TIMES,
        st.none() | st.integers(0, 50),
        st.sampled_from(["pump", "press"]),
        st.sampled_from(["limit", "anomaly"]),
    ),
    max_size=12,
    unique=True,
)
LABELS = st.lists(
    st.builds(
        lambda start, lasting, assets: label(start, start + lasting, *assets),
        TIMES,
        st.integers(0, 40),
        st.sampled_from([("pump",), ("press",), ("pump", "press")]),
    ),
    max_size=6,
)
THERE = [Presence("pump", 0, 0, 300), Presence("press", 0, 0, 300)]


@given(ALARMS, LABELS, st.integers(0, 30))
def test_every_raise_is_true_or_false_and_every_figure_is_in_its_range(alarms, labels, tolerance):
    """Nothing is counted twice or forgotten."""
    found = score(alarms, labels, THERE, tolerance_ms=tolerance)

    assert found.raises == len(alarms) == sum(kind.raises for kind in found.kinds.values())
    assert found.false_alarms == sum(kind.false_alarms for kind in found.kinds.values()) <= found.raises
    assert found.standing <= found.detected <= len(found.events) == len(labels)
    for share in (found.precision, found.recall, found.f1):
        assert share is None or 0 <= share <= 1
    if found.f1 is not None:
        assert min(found.precision, found.recall) - 1e-12 <= found.f1 <= max(found.precision, found.recall) + 1e-12


@given(ALARMS, LABELS, st.integers(0, 30), st.randoms(use_true_random=False))
def test_the_order_in_which_alarms_and_labels_come_decides_nothing(alarms, labels, tolerance, random):
    """A score is a property of a recording."""
    shuffled = random.sample(alarms, len(alarms))

    assert score(shuffled, labels, THERE, tolerance_ms=tolerance) == score(
        alarms, labels, THERE, tolerance_ms=tolerance
    )


@given(ALARMS, LABELS, st.integers(0, 30))
def test_more_tolerance_finds_no_less_and_calls_no_more_alarms_false(alarms, labels, tolerance):
    """Whoever is more generous gets no worse score."""
    strict, generous = (score(alarms, labels, THERE, tolerance_ms=each) for each in (0, tolerance))

    assert generous.detected >= strict.detected
    assert generous.false_alarms <= strict.false_alarms


@given(ALARMS, LABELS)
def test_a_false_alarm_more_never_makes_a_score_better(alarms, labels):
    """Crying wolf is no way to a score."""
    wolf = alarm(1000, 1001)

    before, after = score(alarms, labels, THERE), score([*alarms, wolf], labels, THERE)

    assert after.false_alarms == before.false_alarms + 1
    assert after.recall == before.recall
    assert after.precision <= (1.0 if before.precision is None else before.precision)


@given(LABELS)
def test_an_alarm_at_the_beginning_of_every_event_is_perfect(labels):
    """The best detector has the best score."""
    alarms = {alarm(one.start, one.start, asset=asset) for one in labels for asset in one.assets}

    found = score(alarms, labels, THERE)

    if labels:
        assert (found.precision, found.recall, found.f1, found.delay_max_s) == (1.0, 1.0, 1.0, 0.0)
    assert found.false_alarms == 0


@given(ALARMS, LABELS, st.integers(0, 30))
def test_when_it_happened_decides_nothing(alarms, labels, tolerance):
    """A recording of last year scores as today's."""
    by = 7 * DAY

    def later(one):
        return one._replace(
            raised_ts=one.raised_ts + by, cleared_ts=None if one.cleared_ts is None else one.cleared_ts + by
        )

    moved = score(
        [later(one) for one in alarms],
        [one._replace(start=one.start + by, end=one.end + by) for one in labels],
        [one._replace(first_ts=one.first_ts + by, last_ts=one.last_ts + by) for one in THERE],
        tolerance_ms=tolerance,
    )
    here = score(alarms, labels, THERE, tolerance_ms=tolerance)

    for figure in ("detected", "standing", "false_alarms", "precision", "recall", "f1", "delay_median_s"):
        assert getattr(moved, figure) == getattr(here, figure)
    assert math.isclose(moved.hours, here.hours)
