"""Ctrl-C and SIGTERM end a run in order: the source stops, what was found is still told."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["until_stopped"]


@contextmanager
def until_stopped() -> Iterator[Event]:
    """Give an event that is set at the first SIGINT or SIGTERM; a second one acts as usual. Main thread only."""
    stopped = Event()
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        restore()

    for number in usual:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        restore()
