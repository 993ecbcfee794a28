"""What the console is given: the plant as a stream of what is heard, and a few questions that only others can answer.

The console knows neither Kafka nor the clock nor the command line: whoever starts it (`andon.console`) passes them in.
There are two plants: one on Kafka, and the simulated one, which runs in the same process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from contracts.alarm_states import AlarmState, Heartbeat, HoldState
    from contracts.alerts import Alert
    from contracts.inventory import DeviceRecord
    from contracts.settings import Settings

__all__ = ["Clock", "HeardAlert", "Order", "Plant", "Readings", "Reply", "Standing", "StateRecord", "Told"]


class StateRecord(NamedTuple):
    """A record of the alarm-state topic; a value of None takes its key back."""

    key: bytes | None
    value: bytes | None


class HeardAlert(NamedTuple):
    """A record of the alert topic."""

    event_id: str
    """`ce_id`: the same transition may be heard twice, and is kept once."""
    body: bytes
    source: str
    """`topic/partition/offset` of what caused it; empty where nothing on a topic did."""
    config: str
    """Hash of the rule that decided."""
    place: str
    """`topic/partition/offset` of the record itself; empty where there is no topic."""
    heard_ms: int
    """When it was written, by Kafka's clock (ms since the epoch)."""


class Readings(NamedTuple):
    """Good readings, each array of shape (n,)."""

    names: Sequence[tuple[str, str]]
    """(asset, sensor) by series number."""
    series: NDArray[Any]
    ts: NDArray[Any]
    """Event time, ms since the epoch."""
    value: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is at the plant."""

    now_ms: int
    speed: float = 1.0
    """Seconds there in a second here: a simulated plant is faster."""


class Standing(Protocol):
    """What stands, by key; made of the records of the alarm-state topic."""

    alarms: dict[str, AlarmState]
    holds: dict[str, HoldState]
    heartbeats: dict[str, Heartbeat]
    unreadable: int

    def take(self, key: bytes | None, value: bytes | None) -> str | None:
        """One record; the key that it changed, or None."""

    def watching(self, now_ms: int) -> Any:
        """Whether a process watches the plant: `state`, `since_ts` and `fault`, a line that is empty while one does."""


class Told(NamedTuple):
    """What the plant's feeds have come to."""

    name: str
    caught_up: bool
    heard: int
    """Records so far."""
    fault: str
    """Why nothing more comes; empty while it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person at the page asks for: the keys of a command, checked where commands are made."""

    document: Mapping[str, Any]
    by: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of an order."""

    done: bool
    why: str = ""
    """Why it wasn't done, for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """Everything that the page shows comes from here, and everything that people do goes here."""

    settings: Settings
    table: Callable[[], Standing]
    clock: Callable[[], Clock]
    order: Callable[[Order], Reply]
    """Sends a command and waits for its answer: blocks for some seconds at most."""
    report: Callable[[Iterable[tuple[str, bytes]], int, int, Standing], dict[str, Any]]
    """Figures of (event id, body) of alerts from one time to another (ms), and of what stands."""
    status: Callable[[], list[dict[str, Any]]]
    """What each process of the service says of itself, with its `address`; and why, as `fault`, one doesn't answer."""
    past: Callable[[str, int, int], dict[str, Any]] | None
    """Figures for a page (`system`, `report`) from one time to another (ms), older than what the console keeps itself:
    `fault`, and `charts` of `title`, `unit` and `trend`. None: nobody keeps any."""
    reproduce: Callable[[Alert, int], list[str]]
    """Commands that show again how an alarm came: its first alert, and until when (ms)."""
    feeds: Callable[[], list[Told]]
    devices: Callable[[], list[DeviceRecord]]
    """What gateways say of the devices that they read; empty where nobody does."""
    version: str
