"""`andon run` under a supervisor that starts it again whenever it ends, and keeps what it said."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Supervised", "settings_text", "threads_and_handles"]

END_WAIT_S = 120
BREATH_S = 0.2
"""Between an end and the next start; it also keeps a process that can't start from eating the machine."""

SETTINGS = """\
[site]
name = "crash"
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{readings}", "{side}"]
alerts = "{alerts}"
alarms = "{alarms}"
commands = "{commands}"
dead_letters = "{dead_letters}"
{client}
[service]
state_dir = "{state_dir}"
lanes = {lanes}
metrics_port = 0
{service}
{rules}
"""


def settings_text(topics: Mapping[str, str], **given: Any) -> str:
    """The settings of one service.

    Args:
        given: bootstrap, state_dir, lanes, rules; service and client: further lines.
    """
    return SETTINGS.format(**topics, **{"service": "", "client": "", **given})


class Supervised:
    """One service: its processes, their ends, and all that they said. A context manager: it kills what is left."""

    def __init__(self, settings: Path) -> None:
        self.settings = settings
        self.process_count = 1
        self.environment: dict[str, str] = {}
        """More variables for the processes that are started from now on."""
        self.ends: list[tuple[int, str]] = []
        """Exit code and last line of every run that has ended."""
        self.starts = 0
        self.lines: list[str] = []
        self.memory_mb_max = 0.0
        """The largest resident memory that a process has had, as far as one looked."""
        self._process: subprocess.Popen[str] | None = None
        self._ear: threading.Thread | None = None
        self._began_line = 0

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def lines_of_this_run(self) -> int:
        """Where in `lines` the newest run begins."""
        return self._began_line

    def start(self) -> None:
        """Begin a run, and don't wait for it."""
        command = [sys.executable, "-m", "andon", "run", "--settings", str(self.settings)]
        if self.process_count > 1:
            command += ["--processes", str(self.process_count)]
        self._began_line = len(self.lines)
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.starts += 1
        self._ear = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._ear.start()

    def tend(self) -> bool:
        """What a supervisor does again and again: look, and start anew what has ended. True if it had ended."""
        for pid in self.pids():
            self.memory_mb_max = max(self.memory_mb_max, _status_kb(pid, "VmHWM") / 1024)
        if self._process is None or self.running:
            return False
        self.note_end()
        time.sleep(BREATH_S)
        self.start()
        return True

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait_for_end()

    def kill_all(self) -> None:
        """SIGKILL for every process at once, as a power cut would."""
        assert self._process is not None
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_for_end()

    def wait_for_end(self) -> int:
        """Wait until it has ended by itself; its exit code."""
        assert self._process is not None
        self._process.wait(END_WAIT_S)
        return self.note_end()

    def note_end(self) -> int:
        """Keep what a run that has ended said last; its exit code."""
        assert self._process is not None
        assert self._ear is not None
        code = self._process.wait()
        self._ear.join(END_WAIT_S)
        self.ends.append((code, self.lines[-1] if self.lines else ""))
        self._process = None
        return code

    def pids(self) -> list[int]:
        """Of the process and, where there are several, of those that it has started."""
        return list(_family(self._process.pid)) if self._process is not None else []

    def workers(self) -> list[int]:
        """The processes that run the flow."""
        family = self.pids()
        return family[1:] if self.process_count > 1 else family

    def pause(self) -> None:
        """Freeze all processes."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def limit_files(self, size_bytes: int) -> None:
        """No file of these processes may grow beyond this size: as a full disk for the store of their state."""
        for pid in self.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, size_bytes))

    def said(self, pattern: str, *, since: int) -> bool:
        """Whether a line from that index on matches."""
        return any(re.search(pattern, line) for line in self.lines[since:])

    def complained(self, *parts: str) -> bool:
        """Whether one line of the run that has ended, of any of its processes, said why with all of these parts."""
        complaints = [line for line in self.lines[self._began_line :] if line.startswith("andon: ")]
        return any(all(part in line for part in parts) for line in complaints)

    def page(self, path: str) -> str:
        """A page of its newest run; raises OSError if it doesn't answer."""
        served = [json.loads(line) for line in self.lines[self._began_line :] if '"metrics served"' in line]
        if not served:
            raise ConnectionError("metrics aren't served yet")
        with urllib.request.urlopen(f"http://127.0.0.1:{served[-1]['port']}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def finish(self) -> None:
        """Run until all that is there has been read.

        Raises: AssertionError with its last lines if it fails.
        """
        command = [sys.executable, "-m", "andon", "run", "--settings", str(self.settings), "--until-caught-up"]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, "\n".join(done.stderr.splitlines()[-5:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.running:
            self.kill_all()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.lines.append(line.rstrip("\n"))


def threads_and_handles(pid: int) -> tuple[int, int]:
    """How many threads and open files a process has."""
    return _status_kb(pid, "Threads"), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended meanwhile
        return
    for child in children:
        yield from _family(int(child))


def _status_kb(pid: int, name: str) -> int:
    try:
        found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0
