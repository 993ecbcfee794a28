"""How fast a recording is played: what `--speed` may say."""

from __future__ import annotations

import click

__all__ = ["speed_of"]

SPEED_MAX = 1e6
"""A year in half a minute. Faster is `max`."""


def speed_of(_context: click.Context, _parameter: click.Parameter, value: str) -> float | None:
    """How many times faster than the world; None for `max`: a callback of click.

    Raises: click.BadParameter if it is neither.
    """
    if value == "max":
        return None
    try:
        speed = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither max nor a number.") from None
    if not 0 < speed <= SPEED_MAX:
        raise click.BadParameter(f"{value} is not above 0 and at most {SPEED_MAX:.0f}.")
    return speed
