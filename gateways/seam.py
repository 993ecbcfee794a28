"""The seam between a protocol and all else: what a source of readings can do, and what it hands over.

One protocol a module, each with one class that has these methods. What is the same for all of them is elsewhere:
`gateways.link` keeps the connection, `gateways.reporting` decides what is worth telling, `gateways.buffer` keeps it.

    connect()    reach the device, and subscribe to or prepare what will be read
    readings()   what it says, in frames, for as long as the connection holds
    describe()   who it is: vendor, model, firmware
    close()      let go of it

A module may have a function `discover(address)` too, which shows what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = [
    "BAD",
    "GOOD",
    "UNCERTAIN",
    "AwayError",
    "Description",
    "Discovered",
    "FoundPoint",
    "Frame",
    "NonsenseError",
    "Source",
    "Value",
]

GOOD, UNCERTAIN, BAD = 0, 1, 2
"""Quality, as in `contracts.readings.Quality`; bare numbers, because they are compared for every value."""

Value = float | int | bool


class Frame(NamedTuple):
    """What sensors of one asset had at one time: it becomes one message."""

    asset: str
    ts_ms: int
    """Of the values, by the device's clock, ms since the epoch; 0: the device gives no time, now is meant."""
    quality: int
    """GOOD, UNCERTAIN or BAD. Values of bad quality are the last ones known."""
    values: dict[str, Value]


class Description(NamedTuple):
    """Who a device says it is; empty where it doesn't say."""

    vendor: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""


class FoundPoint(NamedTuple):
    """A point that `discover` found."""

    keys: dict[str, str | int | float]
    """What the settings say to read it."""
    type: str = ""
    unit: str = ""
    value: str = ""
    """As it is now."""
    isa95: str = ""
    """A guess at enterprise/site/area/line, from the names above it."""


class Discovered(NamedTuple):
    """What `discover` found of a device."""

    who: Description
    points: list[FoundPoint]
    settings: dict[str, str | int | float] = {}  # noqa: RUF012 - nobody changes it
    """What else the settings of the connection should say."""


class AwayError(Exception):
    """The device can't be reached, or the connection broke: it is tried again, later and later."""


class NonsenseError(Exception):
    """The device answers, and what it says makes no sense: trying again at once would say the same."""


class Source(Protocol):
    """One device, by one protocol. Every method may raise AwayError or NonsenseError, and no other error."""

    tells_changes: bool
    """It says only what has changed: that it says nothing while it is connected means that all is as it was."""
    deadbands: dict[tuple[str, str], float]
    """Of those (asset, sensor) that have one of their own; known once it has connected."""
    acknowledges: bool
    """It tells the device what has arrived: the next readings are asked for once these are on the disk."""
    lag_s: float
    """How old news of it may be, at the most: the time up to which it is known that nothing has changed."""

    async def connect(self) -> None:
        """Reach the device. Called again after a loss."""

    def readings(self) -> AsyncIterator[list[Frame]]:
        """What it says, until the connection is lost; an empty list is a sign of life."""

    async def describe(self) -> Description:
        """Ask who it is; only while connected."""

    async def close(self) -> None:
        """Let go, connected or not. Raises nothing."""
