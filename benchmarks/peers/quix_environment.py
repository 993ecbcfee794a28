"""Quix Streams for the benchmark, in an environment of its own: it wants another confluent-kafka than andon."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["VERSION", "build"]

VERSION = "3.28.1"


def build() -> str:
    """The interpreter of the environment, which is made the first time, in the cache of this machine.

    Raises: RuntimeError if pip fails; its words are in it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "andon"
    there = cache / f"quix-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    python = there / "bin" / "python"
    if python.exists():
        return str(python)
    cache.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix="quix-", dir=cache))
    try:
        _run([sys.executable, "-m", "venv", str(making)])
        _run([str(making / "bin" / "python"), "-m", "pip", "install", "-q", f"quixstreams=={VERSION}"])
        making.chmod(0o755)
        making.rename(there)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return str(python)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
