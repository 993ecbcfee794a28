"""`andon console` as a process of its own, and what it answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.kafka.service import WAIT_S, environment, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Console"]


class Console:
    """The process. Its port stays the same over restarts, as a bookmark wants."""

    def __init__(self, settings: Path, folder: Path, *options: str, variables: Mapping[str, str] | None = None) -> None:
        """A console that isn't started yet.

        Args:
            settings: of the plant.
            folder: for its store and its log.
            variables: of its environment, beside ours.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._options = options
        self._variables = {"ANDON_CONSOLE__STORE": str(folder / "console.db"), **(variables or {})}
        self._port = 0
        self.stderr = folder / "console.log"
        self.stderr.touch()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Begin, and return when it is served and has read what stands."""
        already = len(self._events("console served"))
        command = [
            sys.executable,
            "-m",
            "andon",
            "console",
            "--settings",
            str(self._settings),
            "--port",
            str(self._port),
        ]
        with self.stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*command, *self._options],
                env=environment() | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        process = self.process
        wait_until(
            lambda: len(self._events("console served")) > already or process.poll() is not None, "the console is served"
        )
        assert process.poll() is None, self.stderr.read_text()
        self._port = int(self._events("console served")[-1]["url"].rpartition(":")[2])
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def get(self, path: str) -> Any:
        """What it answers, as JSON; {"status": …} where it refuses."""
        return _answer(urllib.request.Request(f"{self.url}{path}"))  # noqa: S310 - our own http

    def command(self, **document: Any) -> Any:
        """Have something done, as the page does."""
        headers = {"content-type": "application/json", "x-andon-token": self.get("/api/me")["token"]}
        body = json.dumps(document).encode()
        return _answer(urllib.request.Request(f"{self.url}/api/commands", body, headers, method="POST"))  # noqa: S310

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _events(self, name: str) -> list[dict[str, Any]]:
        lines = [line for line in self.stderr.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]


def _answer(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return {"status": error.code, **json.loads(error.read())}
