"""What a key group has to remember once all that there is to learn is learned: how large it is stored.

A plant that is watched for some minutes says little of that: what hasn't been learned yet takes no room in the store.
So two days of a made-up plant go through the two steps that hold the state of series, without Kafka and in a moment:
`python -m benchmarks.scale.grown` prints bytes a series, by step.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from contracts.findings import Closed
from contracts.readings import READING, Block, SeriesName
from contracts.settings import Settings
from dataflows.happenings import Happenings
from dataflows.steps import Lagging, SamplesStep, WindowsStep

if TYPE_CHECKING:
    from contracts.readings import Rows
    from dataflows.steps import Item

__all__ = ["SENSORS", "Steps", "block", "bytes_per_series", "names", "readings"]

ASSETS = 78
"""Of one key group, when 128 share 100,000 series."""
SENSORS = 10
MINUTES = 2880
"""Every hour of the day was seen twice, and every detector has judged for long."""
SEED = 4
SPIKES = 400
T0_MS = 1_700_000_040_000
RULES = {
    "service": {"clock": "event"},
    "rules": [{"unit": "degC", "limit": {"hh": 50, "h": 45, "l": -50, "deadband": 1.0}}],
}
"""All that is on by default, and limits."""


class Steps(NamedTuple):
    """The two steps that hold the state of series."""

    samples: SamplesStep
    windows: WindowsStep

    @classmethod
    def of(cls, saved: tuple[Any, Any] = (None, None)) -> Steps:
        """New, or with the state that was saved of both."""
        settings, happenings = Settings.model_validate(RULES), Happenings()
        return cls(
            SamplesStep.builder(settings, happenings)(saved[0]), WindowsStep.builder(settings, happenings)(saved[1])
        )

    def take(self, block: Block) -> list[Item]:
        """What comes of it, as in the flow."""
        sampled, _ = self.samples.on_batch([block])
        judged, _ = self.windows.on_batch([item for item in sampled if isinstance(item, Closed | Lagging)])
        return [*sampled, *judged]

    def saved(self) -> tuple[bytes, bytes]:
        """As Bytewax stores them."""
        samples, windows = (pickle.dumps(step.snapshot(), protocol=4) for step in self)
        return samples, windows


def names(assets: int) -> tuple[SeriesName, ...]:
    """Of all series, ten for each asset."""
    return tuple(
        SeriesName(asset * SENSORS + sensor, f"press-{asset:06d}", f"s{sensor}")
        for asset in range(assets)
        for sensor in range(SENSORS)
    )


def readings(assets: int, minutes: int = MINUTES) -> Rows:
    """One a minute of each series, by time: a day's course, what an asset's sensors share, noise, some spikes."""
    random = np.random.default_rng(SEED)
    shape = (minutes, assets, SENSORS)
    day = np.sin(np.arange(minutes) / 1440 * 2 * np.pi)[:, None, None]
    values = 20 + day + random.normal(0, 1, (minutes, assets, 1)) + random.normal(0, 1, shape)
    values[random.integers(0, minutes, SPIKES), random.integers(0, assets, SPIKES)] += 30
    rows = np.zeros(values.size, READING)
    rows["series"] = np.tile(np.arange(assets * SENSORS), minutes)
    rows["ts"] = T0_MS + 60_000 * np.repeat(np.arange(minutes), assets * SENSORS)
    rows["ts"] += random.integers(0, 1000, len(rows))  # no two devices speak in the same millisecond
    rows["value"], rows["offset"] = values.round(3).ravel(), np.arange(len(rows))
    return rows


def block(rows: Rows, told: tuple[SeriesName, ...] = ()) -> Block:
    """What the steps are given."""
    return Block(lane=0, rows=rows.copy(), names=told, sources=("readings/0",), arrived_ms=T0_MS)


def bytes_per_series(assets: int = ASSETS) -> dict[str, float]:
    """By step, in a plant of so many assets to the key group."""
    steps, told = Steps.of(), names(assets)
    for part in np.array_split(readings(assets), 8):
        steps.take(block(part, told))
        told = ()
    samples, windows = (len(saved) / (assets * SENSORS) for saved in steps.saved())
    return {"samples": round(samples, 1), "windows": round(windows, 1)}


if __name__ == "__main__":
    print(bytes_per_series())
