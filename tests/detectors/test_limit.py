"""Limits: beyond, back and between, with deadband and delays."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.findings import Expected, Kind
from detectors.samples import Samples
from tests.detectors.plant import BAD, PRESS, UNCERTAIN, block_of, outcome, rows_of, settings_of, told


def decided(limit, values, *, step_s=1.0):
    """What is told of these values, one every `step_s`."""
    return told(outcome(settings_of({"limit": limit}), [(0, i * step_s, v) for i, v in enumerate(values)]).findings)


def test_a_value_at_the_limit_is_not_beyond_it():
    """The limit itself is still allowed."""
    assert decided({"h": 85}, [85.0, 85.0]) == []
    assert decided({"l": 15}, [15.0, 15.0]) == []


def test_a_value_beyond_the_limit_is_told_at_once_without_a_delay():
    """One reading is enough when nobody asked to wait; the low side mirrors the high side."""
    assert decided({"h": 85}, [85.0, 85.001, 90.0]) == [("h", True, 1, 1)]
    assert decided({"l": 15}, [15.0, 14.999, 10.0]) == [("l", True, 1, 1)]


def test_a_value_is_back_at_the_limit_less_the_deadband():
    """A value that trembles on the limit doesn't make the alarm tremble."""
    assert decided({"h": 85, "deadband": 2}, [86, 84, 83.001, 86, 83]) == [("h", True, 0, 0), ("h", False, 0, 4)]
    assert decided({"l": 15, "deadband": 2}, [14, 16, 16.999, 14, 17]) == [("l", True, 0, 0), ("l", False, 0, 4)]


def test_a_value_must_stay_beyond_for_the_whole_delay():
    """The onset is the first reading beyond, the alarm comes when the delay is over."""
    assert decided({"h": 85, "on_delay_s": 3}, [86, 86, 86, 86]) == [("h", True, 0, 3)]
    assert decided({"h": 85, "on_delay_s": 3}, [86, 86, 86]) == []


def test_a_reading_that_is_not_beyond_forgets_the_onset():
    """Also one within the deadband."""
    assert decided({"h": 85, "deadband": 2, "on_delay_s": 2}, [86, 84.5, 86, 86, 86]) == [("h", True, 2, 4)]


def test_a_value_must_stay_back_for_the_whole_delay():
    """A reading that isn't back, even one within the deadband, starts the wait anew."""
    limit = {"h": 85, "deadband": 2, "off_delay_s": 2}

    assert decided(limit, [86, 80, 80, 84, 80, 80, 80]) == [("h", True, 0, 0), ("h", False, 0, 6)]


def test_high_and_high_high_are_independent_and_told_from_the_outside_in():
    """One reading may raise both: the worse one is told first."""
    limit = {"hh": 95, "h": 85, "l": 15, "ll": 5}

    assert decided(limit, [50, 97, 90, 50]) == [
        ("hh", True, 1, 1),
        ("h", True, 1, 1),
        ("hh", False, 1, 2),
        ("h", False, 1, 3),
    ]
    assert decided(limit, [50, 1]) == [("ll", True, 1, 1), ("l", True, 1, 1)]


def test_a_finding_says_the_limit_and_how_it_was_judged():
    """Whoever reads the alert sees what was allowed, and the reading that broke it."""
    limit = {"h": 85, "l": 15, "deadband": 1.5, "on_delay_s": 1, "off_delay_s": 2}
    values = [86, 87, 20, 20, 20, 10, 9]
    high, over, low = outcome(settings_of({"limit": limit}), [(0, i, v) for i, v in enumerate(values)]).findings

    assert (high.asset, high.sensor, high.kind, high.value) == ("press", "temp", Kind.LIMIT, 87.0)
    assert high.expected == Expected(high=85.0)
    assert high.evidence == {"limit": 85.0, "deadband": 1.5, "on_delay_ms": 1000}
    assert high.source == "readings/0/1"
    assert over.evidence == {"limit": 85.0, "deadband": 1.5, "on_delay_ms": 1000, "off_delay_ms": 2000}
    assert (over.active, over.value, over.onset_ts) == (False, 20.0, high.onset_ts)
    assert low.expected == Expected(low=15.0)


def test_only_accepted_readings_of_usable_quality_are_looked_at():
    """An uncertain value raises; a bad, late, doubled or out-of-order one doesn't, and forgets nothing."""
    settings = settings_of({"limit": {"h": 85}})

    assert told(outcome(settings, [(0, 0, 90.0, UNCERTAIN)]).findings) == [("h", True, 0, 0)]
    for reading in [(0, 11, 90.0, BAD), (0, 1, 90.0), (0, 10, 90.0), (0, 8, 90.0), (0, 11, math.inf)]:
        assert outcome(settings, [(0, 10, 50.0), reading]).findings == []


def test_the_next_reading_after_a_bad_one_goes_on_with_the_delay():
    """A bad reading says nothing about the value, so it doesn't end a stretch beyond the limit."""
    settings = settings_of({"limit": {"h": 85, "on_delay_s": 2}})
    readings = [(0, 0, 90.0), (0, 1, 20.0, BAD), (0, 2, 90.0)]

    assert told(outcome(settings, readings).findings) == [("h", True, 0, 2)]


@pytest.mark.parametrize("new", [False, {"h": 85}])
def test_an_alarm_whose_limit_is_gone_after_a_restart_is_forgotten(new):
    """It would otherwise be cleared, one day, by a rule that nobody finds in the settings."""
    samples = Samples(settings_of({"limit": {"hh": 95}}))
    samples.read(block_of(rows_of([(0, 0, 99.0)]), PRESS))
    restored = Samples.restore(settings_of({"limit": new}), samples.snapshot())

    findings = restored.read(block_of(rows_of([(0, 1, 20.0)]), PRESS)).findings
    again = Samples.restore(settings_of({"limit": {"hh": 95}}), restored.snapshot())

    assert findings == []
    assert told(again.read(block_of(rows_of([(0, 2, 99.0)]), PRESS)).findings) == [("hh", True, 2, 2)]


def test_an_alarm_goes_on_under_a_limit_that_a_restart_changed():
    """The new limit decides when it ends."""
    samples = Samples(settings_of({"limit": {"h": 85}}))
    samples.read(block_of(rows_of([(0, 0, 90.0)]), PRESS))
    restored = Samples.restore(settings_of({"limit": {"h": 70}}), samples.snapshot())

    findings = restored.read(block_of(rows_of([(0, 1, 80.0), (0, 2, 70.0)]), PRESS)).findings

    assert told(findings) == [("h", False, 0, 2)]


def model(values_at, *, limit, deadband, on_delay, off_delay):
    """The definition, as slow and plain as it is written."""
    out = []
    raised, onset, back_since = False, None, None
    for ts, value in values_at:
        if not raised:
            if value > limit:
                onset = ts if onset is None else onset
                if ts - onset >= on_delay:
                    raised, back_since = True, None
                    out.append(("h", True, onset, ts))
            else:
                onset = None
        elif value <= limit - deadband:
            back_since = ts if back_since is None else back_since
            if ts - back_since >= off_delay:
                out.append(("h", False, onset, ts))
                raised, onset = False, None
        else:
            back_since = None
    return out


@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([8.0, 9.0, 9.5, 10.0, 10.5, 12.0])), max_size=80),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_limits_follow_their_definition(steps, deadband, on_delay, off_delay):
    """Whatever the values do, high and (mirrored) low alarms come exactly when the definition says."""
    at, ts = [], 0
    for step, value in steps:
        ts += step
        at.append((float(ts), value))
    delays = {"deadband": deadband, "on_delay_s": on_delay, "off_delay_s": off_delay}

    high = outcome(settings_of({"limit": {"h": 10, **delays}}), [(0, ts, v) for ts, v in at]).findings
    low = outcome(settings_of({"limit": {"l": -10, **delays}}), [(0, ts, -v) for ts, v in at]).findings

    expected = model(at, limit=10.0, deadband=deadband, on_delay=on_delay, off_delay=off_delay)
    assert told(high) == expected
    assert told(low) == [("l", *rest) for _, *rest in expected]
