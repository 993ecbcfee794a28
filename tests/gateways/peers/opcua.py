"""An OPC UA server of asyncua in a thread of its own: a press with a temperature, a speed and a label."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asyncua import Server, ua

from tests.gateways.peers.loop import LoopThread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["OpcUaPress", "opcua_press", "services_in"]


class OpcUaPress:
    """The server; every method may be called from any thread."""

    def __init__(self, port: int, certificates: Path | None = None) -> None:
        self.url = f"opc.tcp://127.0.0.1:{port}/plant"
        self.variables: dict[str, Any] = {}
        self._certificates = certificates
        self._loop = LoopThread()
        self._server: Server | None = None

    def start(self) -> None:
        """Begin to serve."""
        self._loop.call(self._start())

    def stop(self) -> None:
        """End the server; the thread stays."""
        if self._server is not None:
            server, self._server = self._server, None
            self._loop.call(server.stop())

    def close(self) -> None:
        """End all."""
        self.stop()
        self._loop.close()

    def write(self, name: str, value: Any, *, status: int = 0) -> None:
        """Set a variable as the machine would."""
        told = ua.DataValue(ua.Variant(value, ua.VariantType.Double), StatusCode=ua.StatusCode(status))
        self._loop.call(self.variables[name].write_value(told))

    async def _start(self) -> None:
        server = self._server = Server()
        await server.init()
        server.set_endpoint(self.url)
        if self._certificates is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        else:
            server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
            await server.set_application_uri("urn:andon:test:server")
            await server.load_certificate(str(self._certificates / "server.pem"))
            await server.load_private_key(str(self._certificates / "server.key"), None, "pem")
        space = await server.register_namespace("urn:andon:test")
        line = await server.nodes.objects.add_folder(ua.NodeId("Line1", space), "Line1")
        press = await line.add_object(ua.NodeId("Line1.Press1", space), "Press1")
        for name, value in {"Temperature": 20.0, "Speed": 3, "Label": "A-7"}.items():
            self.variables[name] = await press.add_variable(ua.NodeId(f"Line1.Press1.{name}", space), name, value)
        await server.start()


def services_in(heard: bytes) -> set[str]:
    """The services that a client asked for in the clear, by the numbers of their requests (OPC UA Part 6, 6.7)."""
    found: set[str] = set()
    seen: set[int] = set()
    at = 0
    while at + 8 <= len(heard):
        sort, size = heard[at : at + 3], int.from_bytes(heard[at + 4 : at + 8], "little")
        request = int.from_bytes(heard[at + 20 : at + 24], "little")
        if sort == b"MSG" and request not in seen:
            seen.add(request)  # a request of several chunks says in the first what it is
            assert heard[at + 24 : at + 26] == b"\x01\x00", "a node id of four bytes"
            number = int.from_bytes(heard[at + 26 : at + 28], "little")
            found.add(ua.ObjectIdNames[number].removesuffix("_Encoding_DefaultBinary"))
        at += size
    return found


@contextmanager
def opcua_press(port: int, certificates: Path | None = None) -> Iterator[OpcUaPress]:
    """A server that runs."""
    press = OpcUaPress(port, certificates)
    try:
        press.start()
        yield press
    finally:
        press.close()
