"""A package of npm for tests, unpacked into the cache that all checkouts share. Nothing of it is run on fetching."""

from __future__ import annotations

import fcntl
import shutil
import tarfile
import tempfile
from pathlib import Path

from deploy.debian import ProgramError, cache_folder, run

__all__ = ["package"]


def package(name: str, version: str) -> Path:
    """The folder with a package's files; it is fetched if need be, once.

    Raises: ProgramError if npm isn't there, or doesn't have it.
    """
    cache = cache_folder()
    folder = cache / f"npm-{name.replace('/', '-')}-{version}"
    if folder.exists():
        return folder
    if shutil.which("npm") is None:
        raise ProgramError(f"{name} is a package of npm, and there is no npm on PATH: install it (Debian: npm).")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():  # else another process fetched it while we waited for the lock
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
                run(["npm", "pack", "--silent", f"{name}@{version}"], Path(scratch))
                (archive,) = Path(scratch).glob("*.tgz")
                with tarfile.open(archive) as packed:
                    packed.extractall(scratch, filter="data")
                (Path(scratch) / "package").rename(folder)
    return folder
