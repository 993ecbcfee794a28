"""The group monitor by itself, learned on a normal run and frozen."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.contenders.frozen_group import FrozenGroup

RANDOM = np.random.default_rng(7)


def rows(count):
    """Three sensors that follow one another."""
    return RANDOM.normal(size=(count, 1)) + 0.2 * RANDOM.normal(size=(count, 3))


def test_a_test_run_teaches_it_nothing():
    """Whatever it is shown later, it says the same of the same rows."""
    monitor = FrozenGroup(rows(600))
    test = rows(200)

    first = monitor.statistics(test)
    monitor.statistics(rows(300) + 9.0)

    np.testing.assert_array_equal(monitor.statistics(test), first)


def test_a_row_is_judged_by_those_before_it():
    """No statistic looks ahead."""
    monitor = FrozenGroup(rows(600))
    test = rows(200)

    np.testing.assert_array_equal([one[:120] for one in monitor.statistics(test)], monitor.statistics(test[:120]))


def test_sensors_that_part_company_stand_out_of_the_normal_rows():
    """Each stays in its range, and one goes against the others: SPE shows it."""
    monitor = FrozenGroup(rows(600))
    apart = rows(200)
    apart[:, 2] *= -1.0

    _, spe = monitor.statistics(apart)

    assert np.median(spe[20:]) > 3.0 * np.quantile(monitor.statistics(rows(200))[1], 0.99)
