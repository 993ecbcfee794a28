"""What a plant needs, predicted: `python -m benchmarks.scale.model` prints the table of docs/explanation/scaling.md.

The costs are those of the machine on which they were measured; put your own in their place.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COSTS", "Costs", "Need", "main", "need"]

WINDOW_S = 60.0
PHASES = 16


class Costs(NamedTuple):
    """Measured, see the page."""

    reading_us: float = 0.5
    """To take, decode, judge: one value of a message of ten."""
    window_us: float = 0.6
    """To judge a closed window."""
    exchange_us: float = 0.1
    """For a reading that goes to another process."""
    snapshot_ms_per_mb: float = 2.5
    """Processor time, of Bytewax and SQLite."""
    rules_bytes: float = 65.0
    """Of a series, saved whenever its key group had a reading."""
    learned_bytes: float = 1480.0
    """Of a series of an asset with ten, saved whenever its key group closed a window (benchmarks.scale.grown)."""
    process_mb: float = 300.0
    """Memory of a process that has nothing to do yet."""
    series_kb: float = 4.5
    """Memory of a series: its state, the copy that is being saved, and buffers."""


COSTS = Costs()


class Need(NamedTuple):
    """What one of equal processes needs."""

    cores: float
    """Processor time a second."""
    saved_mb: float
    """Bytes of an epoch, where windows are staggered."""
    stall_s: float
    """Work at the end of an epoch, during which no reading is taken."""
    memory_mb: float
    state_gb: float
    """Of the whole plant, on disk; the store holds two to three times as much until it is cleaned up."""


def need(
    series: int, *, processes: int = 1, every_s: float = 10.0, epoch_s: float = 10.0, costs: Costs = COSTS
) -> Need:
    """The need of each process.

    Args:
        series: of the plant.
        processes: that share it.
        every_s: a sensor sends so often.
        epoch_s: `service.epoch_s`.
    """
    mine = series / processes
    closing = min(1.0, epoch_s / WINDOW_S + 1 / PHASES)
    saved_mb = mine * (costs.rules_bytes * min(1.0, epoch_s / every_s) + costs.learned_bytes * closing) / 1e6
    stall_s = saved_mb * costs.snapshot_ms_per_mb / 1000
    away = 1 - 1 / processes
    reading_us = (costs.reading_us + costs.exchange_us * away) / every_s + costs.window_us / WINDOW_S
    return Need(
        cores=mine * reading_us / 1e6 + stall_s / epoch_s,
        saved_mb=saved_mb,
        stall_s=stall_s,
        memory_mb=costs.process_mb + mine * costs.series_kb / 1000,
        state_gb=series * (costs.rules_bytes + costs.learned_bytes) / 1e9,
    )


def main() -> None:
    """Print the table."""
    print(
        "| sensors | processes | cores of each | saved an epoch, MB | work of it, s | memory of each, GB | state, GB |"
    )
    print("|---|---|---|---|---|---|---|")
    for series, processes, epoch_s in (
        (1_000, 1, 10.0),
        (100_000, 1, 10.0),
        (1_000_000, 1, 60.0),
        (1_000_000, 12, 10.0),
        (10_000_000, 12, 60.0),
    ):
        one = need(series, processes=processes, epoch_s=epoch_s)
        print(
            f"| {series:,} | {processes}, epochs of {epoch_s:g} s | {one.cores:.2f} "
            f"| {one.saved_mb:.0f} | {one.stall_s:.2f} | {one.memory_mb / 1000:.1f} | {one.state_gb:.1f} |"
        )


if __name__ == "__main__":
    main()
