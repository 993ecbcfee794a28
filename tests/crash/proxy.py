"""A TCP proxy that misbehaves on demand: it delays, cuts connections, or leaves them half open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Proxy"]

PIECE_BYTES = 256 * 1024


class Proxy:
    """Listens on a port of this machine and forwards to another, from a thread of its own. A context manager.

    A connection whose other side isn't there is closed at once, as a host without that service would.

    Args:
        keep: remember what clients say.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.delay_s = 0.0
        """Whatever passes from now on arrives so much later, in each direction."""
        self.target_port = 0
        self.heard: list[bytearray] = []
        """What clients said, by connection."""
        self._keep = keep
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return int(self._call(lambda: len(self._links)))

    def cut(self) -> int:
        """Reset all connections; how many there were."""
        return int(self._call(lambda: sum(link.reset() for link in list(self._links))))

    def half_open(self) -> int:
        """From now on nothing passes on the connections that there are, and neither side is told; how many there are.

        As when a firewall forgets them, or the host at the other end lost its power: new connections work.
        """
        return int(self._call(lambda: sum(link.fall_silent() for link in self._links)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()
        self._loop.close()

    def _call(self, ask: Callable[[], Any]) -> Any:
        """Have something done by the thread that owns the connections."""

        async def answer() -> Any:
            return ask()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._forward, sock=self._listener))
        self._loop.run_forever()
        server.close()
        while tasks := asyncio.all_tasks(self._loop):  # what was just accepted begins one more
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(tasks))
        for link in list(self._links):
            link.reset()
        self._loop.run_until_complete(
            asyncio.sleep(0.01)
        )  # in which transports that were aborted let go of their sockets

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            to_client.close()
            return
        except asyncio.CancelledError:  # the proxy ends, and knows of no link yet
            to_client.transport.abort()
            raise
        link = _Link(self, to_client, to_server)
        self._links.add(link)
        if self._keep:
            self.heard.append(bytearray())
        heard = self.heard[-1] if self._keep else None
        await asyncio.gather(link.carry(client, to_server, heard), link.carry(server, to_client))
        self._links.discard(link)


class _Link:
    """One connection."""

    def __init__(self, proxy: Proxy, *ends: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._ends = ends
        self._silent = False

    def fall_silent(self) -> int:
        self._silent = True
        return 1

    def reset(self) -> int:
        for end in self._ends:
            end.transport.abort()
        return 1

    async def carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, heard: bytearray | None = None
    ) -> None:
        """Pass on what comes from one side, until it ends; then both sides are told, unless nothing passes any more."""
        loop = asyncio.get_running_loop()
        due_s = 0.0  # nothing overtakes what came before it, even when the delay shrinks
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE_BYTES):
                if heard is not None:
                    heard += piece
                if self._silent:
                    continue
                due_s = max(due_s, loop.time() + self._proxy.delay_s)
                if due_s > loop.time():
                    loop.call_at(due_s, target.write, piece)
                else:
                    target.write(piece)
                    await target.drain()
        if not self._silent:
            self.reset()
