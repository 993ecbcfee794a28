"""Flatline: a value that stands still while readings keep coming."""

from __future__ import annotations

import pytest

from contracts.findings import Expected, Kind
from detectors.samples import Samples
from tests.detectors.plant import BAD, PRESS, block_of, outcome, rows_of, settings_of, told

FLAT = {"flatline": {"after_s": 3}}


def test_a_flat_value_is_told_when_the_time_is_over_and_ends_with_a_change():
    """The onset is the start of the flat stretch."""
    values = [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.5]

    assert told(outcome(settings_of(FLAT), [(0, i, v) for i, v in enumerate(values)]).findings) == [
        ("flat", True, 1, 4),
        ("flat", False, 1, 6),
    ]


def test_the_change_that_ends_a_stretch_begins_the_next():
    """A value that moves from one level to another and stands still again is flat again."""
    values = [1.0] * 5 + [2.0] * 5

    assert told(outcome(settings_of(FLAT), [(0, i, v) for i, v in enumerate(values)]).findings) == [
        ("flat", True, 0, 3),
        ("flat", False, 0, 5),
        ("flat", True, 5, 8),
    ]


def test_changes_up_to_the_tolerance_are_none():
    """Measured from where the stretch began: slow creep is a change when it has come far enough."""
    rule = {"flatline": {"after_s": 3, "tolerance": 0.5}}

    assert told(outcome(settings_of(rule), [(0, i, 1.0 + 0.125 * i) for i in range(6)]).findings) == [
        ("flat", True, 0, 3),
        ("flat", False, 0, 5),
    ]


def test_a_finding_says_how_long_and_how_much():
    """The evidence is the rule."""
    finding, *_ = outcome(settings_of(FLAT), [(0, i, 7.0) for i in range(4)]).findings

    assert (finding.kind, finding.value, finding.expected) == (Kind.FLATLINE, 7.0, Expected())
    assert finding.evidence == {"after_ms": 3000, "tolerance": 0.0}


@pytest.mark.parametrize("between", [(0, 1.5, 90.0, BAD), (0, 0.5, 90.0), (0, 1, 90.0)])
def test_readings_that_do_not_count_do_not_end_a_stretch(between):
    """Bad, out-of-order and doubled readings are not looked at."""
    assert len(outcome(settings_of(FLAT), [(0, 0, 7.0), (0, 1, 7.0), between, (0, 3, 7.0)]).findings) == 1


def test_a_flatline_that_was_switched_off_at_a_restart_begins_anew():
    """What wasn't watched can't have been flat."""
    samples = Samples(settings_of(FLAT))
    samples.read(block_of(rows_of([(0, 0, 7.0), (0, 1, 7.0)]), PRESS))
    off = Samples.restore(settings_of(), samples.snapshot())
    on = Samples.restore(settings_of(FLAT), off.snapshot())

    assert on.read(block_of(rows_of([(0, 4, 7.0), (0, 6, 7.0)]), PRESS)).findings == []
