"""Who takes part: how each is started, and what it says in the end. Each is a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import flink_jars, quix_environment
from benchmarks.peers.job import HIGH, LOW, WARM_UP, Z

__all__ = ["CONTENDERS", "Contender", "Outcome", "Work", "take_part"]

ROOT = Path(__file__).resolve().parent.parent.parent


class Work(NamedTuple):
    """What is to be done."""

    bootstrap: str
    topic: str
    alerts: str
    """Topic."""
    partitions: int
    messages: int
    """On the topic."""
    folder: Path
    """Empty, for state."""


class Outcome(NamedTuple):
    """What a contender did, from its first message to its last alert."""

    events: int
    alerts: int
    limits: int
    """Of these, limits that began to be exceeded."""
    seconds: float
    cpu_s: float
    """Of its processes, start included."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One engine with the peers' job."""

    name: str
    command: Callable[[Work], list[str]]
    slow: bool = False
    """Gets the smaller topic: it would take minutes for the other."""
    fetched: bool = False
    """Has to be fetched first, because andon doesn't need it itself."""


def take_part(contender: Contender, work: Work, *, timeout_s: float) -> Outcome:
    """Run a contender to the end of the topic.

    Raises: RuntimeError with its last words if it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        contender.command(work), capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(f"{contender.name} ended with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Outcome(said["events"], said["alerts"], said["limits"], said["seconds"], cpu_s)


def _plain(work: Work) -> list[str]:
    arguments = [work.bootstrap, work.topic, work.alerts, str(work.partitions), str(work.messages)]
    return [sys.executable, "-m", "benchmarks.peers.plain", *arguments]


def _textbook(work: Work) -> list[str]:
    store = str(work.folder / "store")
    return [sys.executable, "-m", "benchmarks.peers.textbook", work.bootstrap, work.topic, work.alerts, store]


def _quix(work: Work) -> list[str]:
    arguments = [work.bootstrap, work.topic, work.alerts, str(work.messages), str(work.folder)]
    return [quix_environment.build(), "-m", "benchmarks.peers.quix", *arguments]


def _flink(work: Work) -> list[str]:
    job = [str(figure) for figure in (HIGH, LOW, Z, WARM_UP)]
    return [*flink_jars.build(), work.bootstrap, work.topic, work.alerts, *job, work.folder.as_uri()]


CONTENDERS = (
    Contender("plain Python", _plain),
    Contender("Flink", _flink, fetched=True),
    Contender("Bytewax and River, textbook", _textbook, slow=True),
    Contender("Quix Streams", _quix, slow=True, fetched=True),
)
