"""What is struck, and in which order, hangs on the seed alone, and leaves nothing out."""

from __future__ import annotations

from itertools import chain

from tests.crash.faults import FAULTS
from tests.crash.schedule import SHORT, long_schedule, short_schedule


def test_a_seed_is_a_schedule():
    """A run that found something can be repeated."""
    assert short_schedule(7) == short_schedule(7) != short_schedule(8)
    assert long_schedule(7, faults=50) == long_schedule(7, faults=50) != long_schedule(8, faults=50)


def test_the_short_form_has_twenty_faults_of_known_names():
    """What `make test` promises."""
    (names,) = short_schedule(7)

    assert len(names) == sum(SHORT.values()) >= 20
    assert set(names) <= set(FAULTS)


def test_the_long_form_strikes_every_fault_and_as_often_as_was_asked():
    """In rounds that don't fill the disk."""
    rounds = long_schedule(7, faults=200)

    assert set(chain(*rounds)) == set(FAULTS)
    assert sum(map(len, rounds)) == 200
    assert max(map(len, rounds)) <= 20


def test_a_few_faults_are_a_few():
    """Fewer than there are sorts."""
    assert sum(map(len, long_schedule(7, faults=3))) == 3
