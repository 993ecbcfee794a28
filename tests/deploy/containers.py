"""compose.yaml's containers as plain processes: the same commands, settings and files, without an engine.

What a container would see under another name (a host, a port, a mounted path) is replaced by what stands for it here;
all else is as it is written.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from deploy.debian import home
from tests.conftest import ROOT
from tests.deploy.tools import debian

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Containers", "answers", "image_environment", "services_of"]

STOP_WAIT_S = 60
PROGRAMS = {"prom/prometheus": "prometheus", "prom/alertmanager": "alertmanager"}


def services_of(*files: str) -> dict[str, dict[str, Any]]:
    """The services of compose files, later ones over earlier ones as compose lays them, mappings and lists merged."""
    services: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, service in yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"].items():
            known = services.setdefault(name, {})
            for key, value in service.items():
                known[key] = {**known.get(key, {}), **value} if isinstance(value, dict) else value
    return services


def image_environment() -> dict[str, str]:
    """The variables of andon that the image sets."""
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    return dict(re.findall(r"\b(ANDON_\w+)=(\S+)", dockerfile))


class Containers:
    """Processes for the services of a compose file. A context manager: all of them end with it."""

    def __init__(self, folder: Path, services: Mapping[str, Mapping[str, Any]], replaced: Mapping[str, str]) -> None:
        """None runs yet.

        Args:
            folder: of their volumes, mounted files and logs.
            services: of compose.yaml.
            replaced: what a container calls something, and what it is called here: in commands, variables and files.
        """
        self._folder = folder
        self._services = services
        self._replaced = dict(replaced)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, **changed: str) -> None:
        """Run the service.

        Args:
            changed: variables of its environment beyond those that are written.
        """
        command, environment, where = self.command(name)
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=where, env=environment | changed, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def finish(self, name: str, **changed: str) -> None:
        """Run a service that ends by itself, and in order."""
        self.start(name, **changed)
        assert self.processes[name].wait(STOP_WAIT_S) == 0, self.log(name).read_text()

    def stop(self, name: str) -> int:
        """SIGTERM, as an engine does; the exit code."""
        self.processes[name].send_signal(signal.SIGTERM)
        return self.processes[name].wait(STOP_WAIT_S)

    def log(self, name: str) -> Path:
        """What the service wrote."""
        return self._folder / f"{name}.log"

    def command(self, name: str) -> tuple[list[str], dict[str, str], Path]:
        """The command, the environment and the working folder that stand for the container."""
        service = self._services[name]
        image = service["image"].split(":")[0]
        mounts = self._mounts(name)
        here = {**mounts, **self._replaced}
        arguments = [_replace(argument, here) for argument in service["command"]]
        environment = dict(os.environ)
        where = self._folder
        if image == "andon":
            given = {**image_environment(), **service.get("environment", {})}
            environment |= {key: _replace(value, here) for key, value in given.items()} | {"PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-m", "andon"]
        else:
            program = debian(PROGRAMS[image])
            command, where = [program], home(Path(program))
        return [*command, *arguments], environment, where

    def _mounts(self, name: str) -> dict[str, str]:
        """Where the service's files and volumes are here, by where the container has them."""
        root = self._folder / name
        found = {}
        for volume in self._services[name].get("volumes", ()):
            source, target = volume.split(":")[:2]
            place = root / target.lstrip("/")
            if not source.startswith("."):
                place = self._folder / "volumes" / source
                place.mkdir(parents=True, exist_ok=True)
            elif (ROOT / source).is_file():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(_replace((ROOT / source).read_text(encoding="utf-8"), self._replaced))
            found[target] = str(place)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def answers(url: str) -> bool:
    """Whether a page is served there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _replace(text: str, replaced: Mapping[str, str]) -> str:
    """All at once, the longest name where several fit; a path only where it begins."""
    names = sorted(replaced, key=len, reverse=True)
    pattern = "|".join(rf"(?<![\w./-]){re.escape(name)}" if name.startswith("/") else re.escape(name) for name in names)
    return re.sub(pattern, lambda found: replaced[found[0]], text)
