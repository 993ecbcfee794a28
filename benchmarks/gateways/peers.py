"""The other side: a server in a process of its own, on a free port."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.gateways.process import free_port

__all__ = ["Pair", "beside"]

Pair = tuple[Callable[[], int], Callable[[], int]]
"""The bare library and ours: each runs once, and says how many values it has read."""


@contextmanager
def beside(serve: Callable[[int], None]) -> Iterator[int]:
    """The port on which `serve` listens, in a process of its own."""
    port = free_port()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(port,), daemon=True)
    server.start()
    try:
        _wait_for(port)
        yield port
    finally:
        server.kill()
        server.join()


def _wait_for(port: int) -> None:
    """Until something listens there.

    Raises: SystemExit if nothing does.
    """
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit("the peer doesn't listen") from error
            time.sleep(0.05)
        else:
            return
