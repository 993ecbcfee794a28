"""An EtherNet/IP controller: cpppo's simulator, as a process of its own, with tags that the test sets."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Self

from pycomm3 import CIPDriver
from pycomm3.packets import SendRRDataRequestPacket
from pycomm3.packets.util import wrap_unconnected_send

from tests.gateways.process import PEER_WAIT_S, free_port, until_it_listens
from tests.kafka.service import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Logix", "ScriptedDevice", "services_in"]

TAGS = (
    "Temperature=REAL",
    "Level=LREAL",
    "Counts=DINT[4]",
    "Status=INT",
    "Running=BOOL",
    "Name=STRING",
    "Drive@4/100/3=INT[4]",
)
REAL, INT, DINT, LREAL, BOOL = 0xCA, 0xC3, 0xC4, 0xCB, 0xC1
FORMS = {REAL: "f", INT: "h", DINT: "i", LREAL: "d", BOOL: "B"}


class Logix:
    """A controller with TAGS."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._log = folder / "cpppo.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, and wait until it listens."""
        program = [sys.executable, "-W", "ignore", "-m", "cpppo.server.enip", "--no-config", "--no-udp"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*program, "--address", f"127.0.0.1:{self.port}", *TAGS],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until_it_listens(self._process, self.port, self._log)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PEER_WAIT_S)
            self._process = None

    def set(self, tag: str, type_: int, value: float, *, element: int | None = None) -> None:
        """Write a tag, as the machine would."""
        name = tag.encode()
        path = bytes([0x91, len(name)]) + name + b"\0" * (len(name) % 2)
        if element is not None:
            path += bytes([0x28, element])
        data = struct.pack(f"<HH{FORMS[type_]}", type_, 1, value)
        with CIPDriver(f"127.0.0.1:{self.port}") as driver:
            self._ask(driver, b"\x4d", path, data)

    def set_attribute(self, path: tuple[int, int, int], data: bytes) -> None:
        """Set the bytes of an attribute, as the device would."""
        with CIPDriver(f"127.0.0.1:{self.port}") as driver:
            done = driver.generic_message(
                service=0x10,
                class_code=path[0],
                instance=path[1],
                attribute=path[2],
                request_data=data,
                connected=False,
                unconnected_send=True,
                route_path="1/0",
            )
            assert done, done.error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @staticmethod
    def _ask(driver: CIPDriver, service: bytes, path: bytes, data: bytes) -> None:
        message = service + bytes([len(path) // 2]) + path + data
        request = SendRRDataRequestPacket().add(wrap_unconnected_send(message, b"\x01\x00\x01\x00"))
        response = driver.send(request)
        assert response, response.error


class ScriptedDevice:
    """A device that answers as the test says: what cpppo can't, and what no device should.

    Args:
        answer: of (service, path and data) makes the reply behind its service code; None: half an answer, and the end.
    """

    def __init__(self, answer: Callable[[int, bytes], bytes | None]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                self._talk(connection, stream)

    def _talk(self, connection: socket.socket, stream: object) -> None:
        while len(header := stream.read(24)) == 24:
            command, length = struct.unpack_from("<HH", header)
            body = stream.read(length)
            if command == 0x65:  # register a session
                connection.sendall(header[:4] + struct.pack("<II", 7, 0) + header[12:] + body)
                continue
            if command != 0x6F:
                return
            _, service, rest = _embedded(body[16:])
            reply = self._answer(service, rest)
            message = bytes([service | 0x80, 0]) + (reply or b"\0\0")
            answer = body[:14] + struct.pack("<H", len(message)) + message
            head = struct.pack("<HH", 0x6F, len(answer)) + struct.pack("<II", 7, 0) + header[12:]
            connection.sendall((head + answer) if reply is not None else (head + answer)[:-2])
            if reply is None:
                return


def services_in(heard: bytes) -> set[int]:
    """The services that a client asked for, those in packets of many too; commands of the session are left out."""
    found: set[int] = set()
    at = 0
    while at + 24 <= len(heard):
        command, length = struct.unpack_from("<HH", heard, at)
        body = bytes(heard[at + 24 : at + 24 + length])
        at += 24 + length
        assert command in {0x65, 0x66, 0x6F}, hex(command)
        if command == 0x6F:
            message, service, data = _embedded(body[16:])
            found.add(service)
            if service == 0x0A:
                data = message[2 + 2 * message[1] :]
                (count,) = struct.unpack_from("<H", data)
                found |= {data[offset] for offset in struct.unpack_from(f"<{count}H", data, 2)}
    return found


def _embedded(message: bytes) -> tuple[bytes, int, bytes]:
    """What an unconnected send carries: the message, its service, and all behind that."""
    if message[0] == 0x52:
        (length,) = struct.unpack_from("<H", message, 8)
        message = message[10 : 10 + length]
    return message, message[0], message[1:]
