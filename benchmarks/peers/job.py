"""The peers' job: for each sensor, alert when a limit begins to be exceeded, and when a value begins to be odd.

Odd is a value further than Z standard deviations from the mean of all before it. Far less than andon does by default;
it is what each engine's first tutorial would write. Standard library only: one peer has an environment of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["HIGH", "LOW", "WARM_UP", "Sensor", "Z", "judge"]

HIGH, LOW = 45.0, -50.0
Z = 6.0
WARM_UP = 30
"""Values that the mean and the deviation need before they judge."""


@dataclass(slots=True)
class Sensor:
    """What is remembered of one. Source of the update: B. P. Welford, Technometrics 4, 1962."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    """Sum of squared distances from the mean."""
    over: bool = False
    odd: bool = False


def judge(sensor: Sensor, value: float) -> list[str]:
    """Judge a value by those before it, then learn it; returns what begins with it."""
    begins: list[str] = []
    over = value > HIGH or value < LOW
    if over and not sensor.over:
        begins.append("limit")
    sensor.over = over
    if sensor.n >= WARM_UP:
        odd = abs(value - sensor.mean) > Z * math.sqrt(sensor.m2 / sensor.n)
        if odd and not sensor.odd:
            begins.append("z")
        sensor.odd = odd
    sensor.n += 1
    distance = value - sensor.mean
    sensor.mean += distance / sensor.n
    sensor.m2 += distance * (value - sensor.mean)
    return begins
