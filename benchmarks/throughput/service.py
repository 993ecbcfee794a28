"""The contender: `andon run`, as a user starts it, on a fresh state directory, until it has caught up.

Its clock runs from its log's `ready` (all lanes assigned) to `stopped`: the last snapshot taken, every alert
acknowledged. What it has read and raised is what it says with its last line.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Run", "create_outputs", "run_service", "write_settings"]

SETTINGS = """\
[site]
name = "bench"

[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{topic}"]
alerts = "{outputs}.alerts"
alarms = "{outputs}.alarms"
commands = "{outputs}.commands"
dead_letters = "{outputs}.dead-letters"
group_id = "{outputs}.group"

[service]
state_dir = "{state}"
lanes = {lanes}
epoch_s = 10
metrics_port = 0

# All that is on by default (silence, anomaly, drift) and limits on every sensor, which the data exceed now and then.
[[rules]]
unit = "degC"
limit = {{ hh = 50, h = 45, l = -50, deadband = 1.0 }}
"""


class Run(NamedTuple):
    """One run of the service."""

    seconds: float
    cpu_s: float
    events: int
    """Readings that were accepted: in order, and none refused."""
    alerts: int
    stages: Mapping[str, float]
    """Seconds by stage."""


def write_settings(
    directory: Path, *, bootstrap: str, topic: str, state: Path, lanes: int, outputs: str | None = None
) -> Path:
    """The settings of one run.

    Args:
        outputs: how the names of its own topics begin; as the topic's, by default.
    """
    file = directory / "andon.toml"
    text = SETTINGS.format(bootstrap=bootstrap, topic=topic, outputs=outputs or topic, state=state, lanes=lanes)
    file.write_text(text, encoding="utf-8")
    return file


def create_outputs(settings: Path) -> None:
    """The topics that the service writes to, made by its own command."""
    command = [sys.executable, "-m", "andon", "topics", "create", str(settings)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=60)


def run_service(settings: Path, *, timeout_s: float) -> Run:
    """Run it to the end of the topic.

    Raises: RuntimeError with its last lines if it fails or takes longer than `timeout_s`.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "andon", "run", "--settings", str(settings), "--until-caught-up"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    killer = threading.Timer(timeout_s, process.kill)
    killer.start()
    lines: list[bytes] = []
    told: dict[str, dict[str, Any]] = {}
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line)
        if not line.startswith(b"{"):
            continue
        happening = orjson.loads(line)
        told[happening["event"]] = happening
    code = process.wait()
    killer.cancel()
    if code or "ready" not in told or "stopped" not in told:
        tail = b"".join(lines[-5:]).decode(errors="replace")
        raise RuntimeError(f"andon run ended with exit code {code}:\n{tail}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, ended = (datetime.fromisoformat(told[event]["timestamp"]) for event in ("ready", "stopped"))
    account = told["stopped"]
    return Run(
        seconds=(ended - began).total_seconds(),
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        events=account["results"]["accepted"],
        alerts=account["alerts"],
        stages=account["stage_seconds"],
    )
