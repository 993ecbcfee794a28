"""An event loop in a thread of its own, for servers of asyncio that tests talk to from their own thread."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

__all__ = ["LoopThread"]

WAIT_S = 60
CLOSE_WAIT_S = 0.5
"""For connections whose other side has just been closed. What a server has left open is broken off then."""


class LoopThread:
    """Runs until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, what: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run something in the loop meanwhile."""
        return asyncio.run_coroutine_threadsafe(what, self._loop)

    def call(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the loop, and wait for what comes of it."""
        return self.begin(what).result(WAIT_S)

    def close(self) -> None:
        """End what is left in it, and the thread."""
        self.call(_end_the_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_the_rest() -> None:
    """Servers leave tasks of connections that were broken off, and transports that are about to close."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    selector = asyncio.get_running_loop()._selector
    deadline = time.monotonic() + CLOSE_WAIT_S
    while len(selector.get_map()) > 1:  # one wakes the loop
        if time.monotonic() > deadline:
            for key in list(selector.get_map().values()):
                reader, _ = key.data
                if isinstance(transport := getattr(reader._callback, "__self__", None), asyncio.Transport):
                    transport.abort()
        await asyncio.sleep(0.005)
