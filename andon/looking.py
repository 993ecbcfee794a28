"""A look every now and then, from a thread of its own, because a flow that stands still can't look at itself."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["looking"]


@contextmanager
def looking(look: Callable[[], bool], *, every_s: float, name: str) -> Iterator[None]:
    """Look every so many seconds, until the context ends or a look says that it was the last one.

    Args:
        look: returns True when there is nothing more to look for.
        name: of the thread.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every_s) and not look():
            pass

    thread = threading.Thread(target=watch, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
