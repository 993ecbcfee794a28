"""The benchmark of the learned detectors in a small size: it must not rot between two measurements."""

from benchmarks.detectors.__main__ import measure


def test_it_measures_both_ways() -> None:
    """A window costs something, and an asset of eight holds what its matrices need."""
    cost = measure(8, rows=100, rounds=2)

    assert cost.sensors == 8
    assert len(cost.window_us) == len(cost.row_us) == 2
    assert min(cost.window_us) > 0
    assert 8 * 3 * 64 < cost.asset_bytes < 10_000
