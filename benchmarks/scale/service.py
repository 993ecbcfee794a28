"""The contender: `andon run` in one or several processes, as a user starts it, and what it says of itself."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Service", "state_bytes", "write_settings"]

SETTINGS = """\
[site]
name = "bench"

[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{topic}"]
alerts = "{topic}.alerts"
alarms = "{topic}.alarms"
commands = "{topic}.commands"
dead_letters = "{topic}.dead-letters"
group_id = "{topic}.group"

[service]
state_dir = "{state}"
lanes = 12
epoch_s = {epoch_s}
stagger_windows = {stagger}
metrics_port = 0

# All that is on by default (silence, anomaly, drift) and limits on every sensor, which the data exceed now and then.
[[rules]]
unit = "degC"
limit = {{ hh = 50, h = 45, l = -50, deadband = 1.0 }}
"""


def write_settings(
    file: Path, *, bootstrap: str, topic: str, state: Path, epoch_s: float = 10.0, stagger: bool = True
) -> Path:
    """The settings of one run; its topics are made."""
    text = SETTINGS.format(
        bootstrap=bootstrap, topic=topic, state=state, epoch_s=epoch_s, stagger="true" if stagger else "false"
    )
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "andon", "topics", "create", str(file)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=120)
    return file


class Service:
    """A run: its log, and what its processes take."""

    def __init__(self, settings: Path, *options: str) -> None:
        """Start it.

        Args:
            options: more of the command line.
        """
        self._log = settings.with_suffix(f".{time.monotonic_ns()}.log")
        command = [sys.executable, "-m", "andon", "run", "--settings", str(settings), *options]
        self.began = time.time()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under this name, in all processes."""
        lines = [line for line in self._log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def seconds_to(self, event: str) -> float:
        """From the start to the first event of this name."""
        return min(moment(one) for one in self.events(event)) - self.began

    def wait_for(self, event: str, *, count: int = 1, wait_s: float) -> None:
        """Until so many processes have logged it.

        Raises: RuntimeError with the end of the log if that doesn't happen.
        """
        self._wait(lambda: len(self.events(event)) >= count, event, wait_s=wait_s)

    def wait(self, *, wait_s: float) -> None:
        """Until it has ended by itself.

        Raises: RuntimeError with the end of the log if it fails or goes on.
        """
        self._wait(lambda: self._process.poll() is not None, "its end", wait_s=wait_s)
        if self._process.returncode:
            raise RuntimeError(f"andon run ended with exit code {self._process.returncode}:\n{self._tail()}")

    def stop(self) -> None:
        """End it in order.

        Raises: RuntimeError if it doesn't.
        """
        self._process.send_signal(signal.SIGTERM)
        self.wait(wait_s=120)

    def kill(self) -> None:
        """Leave nothing behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def memory_mb(self) -> float:
        """The most memory that its processes have had so far, all together."""
        pids = [event["pid"] for event in self.events("started")]
        texts = [Path(f"/proc/{pid}/status").read_text(encoding="utf-8") for pid in pids]
        return sum(int(text.split("VmHWM:")[1].split()[0]) for text in texts) / 1024

    def _wait(self, done: Callable[[], bool], what: str, *, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while not done():
            if time.monotonic() > deadline or (self._process.poll() and what != "its end"):
                raise RuntimeError(f"not within {wait_s:g} s: {what}\n{self._tail()}")
            time.sleep(0.05)

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8").splitlines()[-8:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()


def moment(event: dict[str, Any]) -> float:
    """When it was logged, in seconds since the epoch."""
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def state_bytes(state: Path) -> dict[str, int]:
    """What a restart reads: bytes of the newest snapshots, by step."""
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    for path in (state / "saved" / "store").glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as store:
            for step, key, epoch, size in store.execute(
                "SELECT step_id, state_key, snap_epoch, coalesce(length(ser_change), 0) FROM snaps"
            ):
                newest[step, key] = max(newest.get((step, key), (0, 0)), (epoch, size))
    found: dict[str, int] = {}
    for (step, _), (_, size) in newest.items():
        name = step.removeprefix("andon.")
        found[name] = found.get(name, 0) + size
    return found
