"""A real Prometheus Alertmanager on this machine, for tests and for trying `andon notify` out.

`LocalAlertmanager(directory, config)` can be started, stopped, killed, and started again on the same data. Run as a
program it serves until Ctrl-C:

    python -m deploy.alertmanager.local
    python -m deploy.alertmanager.local --config mine.yml --port 9093
"""

from __future__ import annotations

import argparse
import atexit
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deploy.debian import ProgramError, home, program

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["EXAMPLE", "LocalAlertmanager"]

EXAMPLE = Path(__file__).resolve().parent / "alertmanager.yml"

PORT = 9193
"""Not Alertmanager's usual 9093: our local Kafka's controller listens there."""

START_WAIT_S = 30.0
STOP_WAIT_S = 10.0


class LocalAlertmanager:
    """One Alertmanager that lives in a directory: its notification log, its silences, its own log.

    A port of 0 takes a free one; it stays the same over restarts of this object.
    """

    def __init__(self, directory: Path, config: Path = EXAMPLE, *, port: int = 0) -> None:
        self.directory = directory.resolve()
        self.config = config.resolve()
        self.port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait_s: float = START_WAIT_S) -> None:
        """Start it and wait until it is ready.

        Raises: ProgramError if it can't be had, or doesn't become ready. No process is left behind then.
        """
        if self.running:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        path = program("alertmanager")
        command = [
            str(path),
            f"--config.file={self.config}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",  # alone: no gossip
        ]
        log = self.directory / "alertmanager.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=home(path),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop it in order
            )
        atexit.register(self.kill)
        self._wait_until_ready(wait_s, log)

    def stop(self) -> None:
        """End it in order: it saves who was notified of what."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _wait_until_ready(self, wait_s: float, log: Path) -> None:
        deadline = time.monotonic() + wait_s
        while not self._ready():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                raise ProgramError("\n".join(["Alertmanager doesn't become ready; its log ends with:", *lines]))
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310 - our own http
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        atexit.unregister(self.kill)
        self._process = None


def main() -> int:
    """Run one in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A local Alertmanager for trying andon notify out.")
    parser.add_argument("--directory", type=Path, default=Path(".alertmanager"), help="where its data and log live")
    parser.add_argument("--config", type=Path, default=EXAMPLE, help="who is called for what")
    parser.add_argument("--port", type=int, default=PORT, help="where it listens, on 127.0.0.1")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with LocalAlertmanager(arguments.directory, arguments.config, port=arguments.port) as alertmanager:
            print(f"Alertmanager listens on {alertmanager.url}; Ctrl-C stops it.", flush=True)
            while alertmanager.running:
                time.sleep(0.2)
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    print(f"it ended by itself: see its log in {arguments.directory}", file=sys.stderr)
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
