"""What the plant sends while things break: a pure function of the step, with faults that are known.

Assets with 10 sensors, one reading each in every step, ten steps a second: with 200 assets 20,000 messages a second.
Event time runs ten times as fast as the clock, so that delays, windows and returns happen while one looks. In each
partition some alarm is raised or cleared several times a second: whoever waits for that sees at once whether andon
works again.

Beside it a small topic for the faults that take readings away. Its assets can be told to send nothing that alarms;
whatever is lost then changes nothing that a person would have seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = [
    "ASSETS_MAX",
    "PARTITIONS",
    "RULES",
    "SENSORS",
    "STEPS_PER_S",
    "STEP_MS",
    "T0",
    "Side",
    "partition_of",
    "readings",
    "step_of",
]

PARTITIONS = 6
"""Of the topic of readings, and as many lanes: they are shared evenly by one, two and three processes."""

ASSETS_MAX = 200
SENSORS = 10
STEPS_PER_S = 10
STEP_MS = 1_000
T0 = 1_700_000_000_000

HOT_STEPS, CYCLE_STEPS = 20, 50
"""Hot for 20 s of event time in every 50: raised more often, an alarm would chatter, and its end is the clock's."""

RULES = """
[[assets]]
asset = "learned-*"
window_s = 1
[[rules]]
sensor = "s0"
unit = "degC"
limit = { hh = 95, h = 85, deadband = 2, on_delay_s = 2 }
anomaly = false
drift = false
[[rules]]
sensor = "s1"
rate = { rise_max_per_s = 30 }
[[rules]]
sensor = "s2"
flatline = { after_s = 12 }
[[rules]]
asset = "learned-*"
anomaly = { false_alarms_per_week = 10000 }
[[rules]]
asset = "side-*"
stale = false
anomaly = false
drift = false
[[rules]]
stale = { after_s = 120 }
"""

_NAMES = ("press", "learned")
_RANDOM_STEPS = 97
"""Noise repeats after so many steps: drawing it costs more than sending it."""


class _Sender(NamedTuple):
    key: bytes
    partition: int
    heads: tuple[bytes, ...]
    """The message of each sensor up to its time."""


def _sender(number: int) -> _Sender:
    asset = f"{_NAMES[number % 20 == 0]}-{number:03d}"
    heads = tuple(f'{{"asset":"{asset}","sensor":"s{sensor}","ts":'.encode() for sensor in range(SENSORS))
    return _Sender(asset.encode(), number % PARTITIONS, heads)


_SENDERS = tuple(_sender(number) for number in range(ASSETS_MAX))
_NOISE = np.random.default_rng(7).normal(0, 1, (_RANDOM_STEPS, ASSETS_MAX, SENSORS))
_PHASES = np.random.default_rng(8).integers(0, CYCLE_STEPS, ASSETS_MAX)
_NUMBERS = np.arange(ASSETS_MAX)


def partition_of(asset: str) -> int | None:
    """Which partition of the readings an asset is in; None for one of the small topic, and for the site itself."""
    name, _, number = asset.partition("-")
    return int(number) % PARTITIONS if name in _NAMES else None


def step_of(ts: int) -> int:
    """The step that an event time belongs to."""
    return (ts - T0) // STEP_MS


def readings(step: int, *, assets: int = ASSETS_MAX) -> list[tuple[int, bytes, bytes]]:
    """(partition, key, value) of all messages of one step."""
    ts = b"%d" % (T0 + STEP_MS * step)
    messages = []
    for sender, values in zip(_SENDERS[:assets], _values(step).tolist(), strict=False):
        key, partition = sender.key, sender.partition
        messages += [
            (partition, key, b'%s%s,"value":%.3f}' % (head, ts, value))
            for head, value in zip(sender.heads, values, strict=True)
        ]
    return messages


def _values(step: int) -> np.ndarray:
    values = 20 + _NOISE[step % _RANDOM_STEPS]
    at = (step + _PHASES) % CYCLE_STEPS
    values[:, 0] = np.where(at < HOT_STEPS, np.where(_NUMBERS % 3, 90.0, 97.0), 60.0)
    values[:, 1] += np.where((at == 30) & (_NUMBERS % 10 == 3), 60.0, 0.0)
    values[:, 2] = np.where((at < 20) & (_NUMBERS % 10 == 5), 20.0, values[:, 2])
    values[:, 3] += np.where((at == 40) & (_NUMBERS % 20 == 0), 15.0, 0.0)
    return values


class Side:
    """The small topic's assets, one for each of its partitions."""

    def __init__(self) -> None:
        self.partitions = 1
        self.harmless = False
        """Send nothing that alarms."""

    def readings(self, step: int) -> list[tuple[int, bytes, bytes]]:
        """(partition, key, value) of all messages of one step."""
        ts = T0 + STEP_MS * step
        hot = not self.harmless and step % CYCLE_STEPS < HOT_STEPS
        value = 90 if hot else 20
        return [
            (number, b"side-%d" % number, b'{"asset":"side-%d","sensor":"s0","ts":%d,"value":%d}' % (number, ts, value))
            for number in range(self.partitions)
        ]
