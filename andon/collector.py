"""Python's garbage collector, told to be patient: for processes that make many short-lived objects in the same loop."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["patient_collector"]

COLLECT_AFTER = 200_000
"""New objects between two walks of the garbage collector; Python's default is 700."""


@contextmanager
def patient_collector() -> Iterator[None]:
    """Let the garbage collector leave alone what will stay, and come seldom.

    A poll makes ten thousand messages and as many dictionaries, all of which go by counting references. By default the
    collector walks the whole heap of the program in search of cycles for every few of them, which doubled the time
    that a reading takes.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
