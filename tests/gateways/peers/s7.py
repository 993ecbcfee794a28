"""An S7 controller: the server of python-snap7, with a data block that the test sets."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

from snap7.server import Server
from snap7.type import SrvArea

from tests.gateways.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Controller", "controller"]


class Controller:
    """Data block 10 of 64 bytes, and 32 bytes of markers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.data = bytearray(64)
        self.markers = bytearray(32)
        self.written: list[str] = []
        """Events of the server that speak of writing."""
        self._server = Server(log=False)

    def start(self) -> None:
        """Begin to serve."""
        self._server.register_area(SrvArea.DB, 10, self.data)
        self._server.register_area(SrvArea.MK, 0, self.markers)
        self._server.set_events_callback(self._note)
        self._server.start_to("127.0.0.1", self.port)

    def stop(self) -> None:
        """End."""
        self._server.stop()
        self._server.destroy()

    def set_real(self, at: int, value: float) -> None:
        """Four bytes of data block 10."""
        self.data[at : at + 4] = struct.pack(">f", value)

    def _note(self, event: object) -> None:
        text = self._server.event_text(event)
        if "write" in text.lower():
            self.written.append(text)


@contextmanager
def controller() -> Iterator[Controller]:
    """One that runs."""
    peer = Controller()
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()
