"""How far a device's clock is ahead."""

from __future__ import annotations

import random

from gateways.skew import Skew


def test_the_shortest_delay_is_nearest_to_the_truth():
    """Readings that were on their way for up to a second say within milliseconds how far the clock is ahead."""
    seed = random.Random(7)
    skew = Skew()
    for now in range(0, 300_000, 250):
        skew.take(now + 90_000 - seed.randrange(5, 1_000), now)

    assert 89_950 < skew.ms <= 89_995


def test_a_clock_that_is_set_is_noticed_within_two_minutes():
    """The old difference is forgotten, also when the clock was set back."""
    skew = Skew()
    for now in range(0, 120_000, 1_000):
        skew.take(now + 3_600_000, now)
    assert skew.ms == 3_600_000
    for now in range(120_000, 260_000, 1_000):
        skew.take(now - 20, now)

    assert skew.ms == -20


def test_without_a_time_nothing_is_known():
    """And nothing is shown."""
    assert Skew().ms is None
