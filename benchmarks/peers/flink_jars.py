"""Apache Flink for the benchmark: Maven fetches its jars once into this machine's cache, `javac` compiles the peer."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["HERE", "build"]

HERE = Path(__file__).resolve().parent / "flink"
FETCH_WAIT_S = 1_200.0

OPENED = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.util", "java.util.concurrent", "java.net", "java.nio", "java.time")
]
"""What Flink's own scripts open to it on Java 17."""


def build() -> list[str]:
    """The command that runs the peer, without its arguments; 100 MB are fetched the first time.

    Raises: RuntimeError if Maven or the compiler fails; its words are in it.
    """
    digest = hashlib.sha256((HERE / "pom.xml").read_bytes() + (HERE / "Peer.java").read_bytes()).hexdigest()[:8]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "andon"
    there = cache / f"flink-peer-{digest}"
    if not there.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="flink-peer-", dir=cache))
        try:
            _make(making)
            making.chmod(0o755)
            making.rename(there)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return ["java", "-Xmx2g", *OPENED, "-cp", f"{there / 'classes'}:{there / 'jars'}/*", "Peer"]


def _make(folder: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"]
    _run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), *goal])
    _run(["javac", "-cp", f"{folder / 'jars'}/*", "-d", str(folder / "classes"), str(HERE / "Peer.java")])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_WAIT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
