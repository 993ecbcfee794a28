"""A real MQTT broker: Debian's mosquitto, on a port of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Self

from deploy.debian import libraries, program
from tests.gateways.process import PEER_WAIT_S, free_port, until_it_listens

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Mosquitto"]


class Mosquitto:
    """The broker; a context manager.

    Args:
        certificates: folder with ca.pem, server.pem and server.key: then it speaks TLS, and asks for a certificate.

    Raises: ProgramError if mosquitto can't be had.
    """

    def __init__(self, folder: Path, *, certificates: Path | None = None) -> None:
        self.port = free_port()
        self._path = program("mosquitto")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence false", "set_tcp_nodelay true"]
        lines.append("max_queued_messages 0")  # by default it drops what is beyond a thousand for one who is away
        if certificates is not None:
            lines += [f"cafile {certificates / 'ca.pem'}", f"certfile {certificates / 'server.pem'}"]
            lines += [f"keyfile {certificates / 'server.key'}", "require_certificate true"]
        if os.geteuid() == 0:
            lines.append("user root")
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Begin, and wait until it listens."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._path), "-c", str(self._folder / "mosquitto.conf")],
                env={**os.environ, **libraries(self._path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until_it_listens(self._process, self.port, self._folder / "mosquitto.log")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PEER_WAIT_S)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
