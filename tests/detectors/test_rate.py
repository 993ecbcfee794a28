"""Rate of change between successive readings."""

from __future__ import annotations

import math

import pytest

from contracts.findings import Expected, Kind
from detectors.samples import Samples
from tests.detectors.plant import BAD, PRESS, UNCERTAIN, block_of, outcome, rows_of, settings_of, told

RISE = {"rate": {"rise_max_per_s": 2.0}}
BOTH = {"rate": {"rise_max_per_s": 2.0, "fall_max_per_s": 3.0}}


def test_a_rise_is_told_from_the_first_pair_above_the_maximum_to_the_first_that_is_not():
    """At the maximum is not above it."""
    readings = [(0, 0, 0.0), (0, 1, 2.0), (0, 2, 4.1), (0, 3, 7.0), (0, 4, 9.0)]

    assert told(outcome(settings_of(RISE), readings).findings) == [("rise", True, 2, 2), ("rise", False, 2, 4)]


def test_a_fall_has_its_own_maximum():
    """A jump up and down is a rise and then, as the rise ends, a fall."""
    readings = [(0, 0, 0.0), (0, 1, 10.0), (0, 2, 0.0), (0, 3, 0.0)]

    assert told(outcome(settings_of(BOTH), readings).findings) == [
        ("rise", True, 1, 1),
        ("rise", False, 1, 2),
        ("fall", True, 2, 2),
        ("fall", False, 2, 3),
    ]


def test_the_rate_is_per_second_however_far_apart_the_readings_are():
    """Ten degrees in ten seconds are one a second."""
    assert outcome(settings_of(RISE), [(0, 0, 0.0), (0, 10, 20.0)]).findings == []
    assert told(outcome(settings_of(RISE), [(0, 0, 0.0), (0, 0.1, 0.3)]).findings) == [("rise", True, 0.1, 0.1)]


def test_a_finding_says_the_rate_and_the_maximum():
    """In the direction of the rule: a fall of 5 a second is 5."""
    raised, ended = outcome(settings_of(BOTH), [(0, 0, 0.0), (0, 1, -5.0), (0, 2, -4.0)]).findings

    assert (raised.kind, raised.rule, raised.value, raised.expected) == (Kind.RATE, "fall", -5.0, Expected())
    assert raised.evidence == {"rate_per_s": 5.0, "rate_max_per_s": 3.0}
    assert ended.evidence == {"rate_per_s": -1.0, "rate_max_per_s": 3.0}
    assert raised.source == "readings/0/1"


@pytest.mark.parametrize("between", [(0, 10.5, 90.0, BAD), (0, 8, 90.0), (0, 10, 90.0), (0, 1, 90.0)])
def test_readings_that_do_not_count_are_no_part_of_a_pair(between):
    """Bad, out-of-order, doubled and late readings neither raise nor become the one before."""
    assert outcome(settings_of(BOTH), [(0, 10, 1.0), between, (0, 11, 1.5)]).findings == []


def test_uncertain_readings_are_checked():
    """Uncertain is good enough to warn."""
    assert len(outcome(settings_of(RISE), [(0, 0, 0.0), (0, 1, 9.0, UNCERTAIN)]).findings) == 1


def test_the_largest_numbers_give_a_finite_rate():
    """No alert carries infinity."""
    finding, *_ = outcome(settings_of(RISE), [(0, 0, -1.7e308), (0, 1, 1.7e308)]).findings

    assert math.isfinite(finding.evidence["rate_per_s"])


def test_a_rate_that_was_switched_off_at_a_restart_begins_anew():
    """The last reading from before it was off makes no pair."""
    samples = Samples(settings_of(RISE))
    samples.read(block_of(rows_of([(0, 0, 0.0), (0, 1, 50.0)]), PRESS))
    off = Samples.restore(settings_of(), samples.snapshot())
    off.read(block_of(rows_of([(0, 2, 50.0)]), PRESS))
    on = Samples.restore(settings_of(RISE), off.snapshot())

    assert on.read(block_of(rows_of([(0, 3, 90.0), (0, 4, 90.0)]), PRESS)).findings == []
