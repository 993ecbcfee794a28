"""`python -m benchmarks.detectors`: what the learned detectors cost, a window of a sensor and a row of an asset.

The windows of an asset's sensors are judged twice in each round: as those of one asset, and as those of so many assets
with one sensor each. The difference is what watching them together costs, its eigenvectors included. What is measured
is processor time, after the warm-up, in blocks as the service has them; noise with one common cause in half of its
variance, so that nearly as many axes are looked at as there are sensors, which costs the most.
"""

from __future__ import annotations

import json
import time
from statistics import median
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from contracts.findings import CLOSED, Closed
from contracts.readings import SeriesName
from contracts.settings import Settings
from detectors import asset_row, assets, group
from detectors.judging import STATE
from detectors.windows import Windows

__all__ = ["Cost", "main", "measure"]

T0_MS = 1_700_000_040_000
MINUTE_MS = 60_000
WARM_ROWS = group.WARMUP + 100
BLOCK_ROWS = 250
SEED = 7


class Cost(NamedTuple):
    """Of one number of sensors in an asset; µs of processor time, an entry a round."""

    sensors: int
    window_us: tuple[float, ...]
    """A window of a sensor by itself."""
    row_us: tuple[float, ...]
    """A row of the asset, beside its windows."""

    @property
    def asset_bytes(self) -> int:
        """State of the asset beside that of its series."""
        members = self.sensors * asset_row.MEMBER.itemsize
        return int(assets.GROUP.itemsize + 8 * group.room(self.sensors) + members)


@click.command(help=__doc__)
@click.option("--sensors", "numbers", multiple=True, type=click.IntRange(2, group.SENSORS_MAX), default=(2, 8, 30, 52))
@click.option("--rows", type=click.IntRange(min=1), default=4000, show_default=True, help="Measured in each round.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
def main(numbers: tuple[int, ...], *, rows: int, rounds: int) -> None:
    """Measure and print; the last line is one JSON object."""
    costs = [measure(sensors, rows=rows, rounds=rounds) for sensors in numbers]
    print(machine())
    print("| sensors of the asset | µs a window of one | µs a row of the asset, beside them | bytes an asset |")
    print("|---|---|---|---|")
    for cost in costs:
        print(f"| {cost.sensors} | {_told(cost.window_us)} | {_told(cost.row_us)} | {cost.asset_bytes:,} |")
    figures = {
        "window_us": round(median(us for cost in costs for us in cost.window_us), 3),
        "row_us": {cost.sensors: round(median(cost.row_us), 2) for cost in costs},
        "series_bytes": STATE.itemsize,
        "asset_bytes": {cost.sensors: cost.asset_bytes for cost in costs},
    }
    print(json.dumps(figures), flush=True)


def measure(sensors: int, *, rows: int, rounds: int) -> Cost:
    """What an asset with so many sensors costs; both ways take turns."""
    _seconds(sensors, BLOCK_ROWS, together=True)  # the first call of a kernel may wait for the compiler
    _seconds(sensors, BLOCK_ROWS, together=False)
    windows, differences = [], []
    for _ in range(rounds):
        apart, together = (_seconds(sensors, rows, together=one) for one in (False, True))
        windows.append(1e6 * apart / (rows * sensors))
        differences.append(1e6 * (together - apart) / rows)
    return Cost(sensors, tuple(windows), tuple(differences))


def _seconds(sensors: int, rows: int, *, together: bool) -> float:
    """Processor time for so many rows, after a warm-up that isn't counted."""
    judge = Windows(Settings.model_validate({"rules": [{"stale": False}]}))
    values = _noise(WARM_ROWS + rows, sensors)
    names = [("press", f"sensor-{i}") if together else (f"press-{i}", "sensor") for i in range(sensors)]
    judge.judge(_closed(values[:WARM_ROWS], 0, names))
    blocks = [
        _closed(values[first : first + BLOCK_ROWS], first, None) for first in range(WARM_ROWS, len(values), BLOCK_ROWS)
    ]
    began = time.thread_time()
    for block in blocks:
        judge.judge(block)
    return time.thread_time() - began


def _noise(rows: int, sensors: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(SEED)
    return rng.standard_normal((rows, 1)) + rng.standard_normal((rows, sensors))


def _closed(values: NDArray[np.float64], first: int, names: list[tuple[str, str]] | None) -> Closed:
    """Windows of a minute, row by row."""
    rows = np.zeros(values.size, CLOSED)
    rows["start"] = T0_MS + MINUTE_MS * np.repeat(np.arange(first, first + len(values)), values.shape[1])
    rows["end"] = rows["start"] + MINUTE_MS
    rows["mean"] = values.ravel()
    rows["slot"] = np.tile(np.arange(values.shape[1]), len(values))
    rows["count"] = rows["learn"] = 1
    called = tuple(SeriesName(number, asset, sensor) for number, (asset, sensor) in enumerate(names or ()))
    return Closed(rows=rows, names=called, sources=("readings/0",))


def _told(rounds: tuple[float, ...]) -> str:
    return f"{median(rounds):.2f} ({min(rounds):.2f} to {max(rounds):.2f})"


if __name__ == "__main__":
    main()
