"""Programs written in Go on a machine that hasn't installed them: from PATH, or built once by `go install`.

`program("kustomize")` gives the path of a program that runs. It is built into a cache that all checkouts share; a new
version here is built anew. Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from deploy.debian import ProgramError

__all__ = ["PROGRAMS", "program"]

BUILD_WAIT_S = 900.0
LOG_LINES_MAX = 15


class _Module(NamedTuple):
    path: str
    version: str


PROGRAMS = {"kustomize": _Module("sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1")}


def program(name: str) -> Path:
    """The path of one of PROGRAMS; it is built if need be (a minute or two, once).

    Several processes may ask at once: one builds, the others wait. What a broken build leaves is never used.

    Raises: ProgramError if it is not on PATH and can't be built.
    """
    module = PROGRAMS[name]
    if found := shutil.which(name):
        return Path(found)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "andon"
    built = cache / f"go-{name}-{module.version}"
    if built.exists():
        return built
    if shutil.which("go") is None:
        raise ProgramError(f"there is no {name} on PATH, and without Go it can't be built: install one of them.")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{built.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():  # else another process built it while we waited for the lock
            print(f"building {name} {module.version} (once) into {built}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as scratch:
                _install(module, Path(scratch))
                (Path(scratch) / name).rename(built)
    return built


def _install(module: _Module, folder: Path) -> None:
    try:
        done = subprocess.run(
            ["go", "install", f"{module.path}@{module.version}"],
            cwd=folder,
            env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_WAIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"`go install {module.path}` took more than {BUILD_WAIT_S:g} s.") from error
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-LOG_LINES_MAX:])
        raise ProgramError(f"`go install {module.path}@{module.version}` failed:\n{said}")
