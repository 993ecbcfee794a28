"""`andon gateway run` as a process of its own, and what it says."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Self

from tests.kafka.service import WAIT_S, environment, wait_until

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GatewayProcess", "free_port", "until_it_listens"]

PEER_WAIT_S = 60


class GatewayProcess:
    """The process in a folder whose gateway.toml is there."""

    def __init__(self, folder: Path, command: list[str], **variables: str) -> None:
        self.folder = folder
        self.stderr = folder / "gateway.log"
        self._command = command
        self._variables = {"ANDON_GATEWAY__METRICS_PORT": "0", **variables}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, until: str = "device connected", count: int = 1) -> None:
        """Begin to run, and return when an event of this name was logged so often."""
        before = len(self.events(until))
        with self.stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=environment() | self._variables,
                stdin=subprocess.DEVNULL,
                stderr=stderr,
            )
        wait_until(
            lambda: len(self.events(until)) >= before + count or self.process.poll() is not None,
            f"{until}: {self.stderr.read_text()}",
        )
        assert self.process.poll() is None, self.stderr.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under this name."""
        if not self.stderr.exists():
            return []
        lines = [line for line in self.stderr.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def get(self, path: str) -> str:
        """The body of a page."""
        port = self.events("gateway started")[-1]["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric; of several with these labels, their sum."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in self.get("/metrics").splitlines()
            if line.split("{")[0].split(" ")[0] == name and all(part in line for part in wanted)
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait for a peer. If it ends, or takes too long, what it has logged is told."""
    deadline = time.monotonic() + PEER_WAIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
