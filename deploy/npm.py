"""Packages of npm for tests, unpacked into the cache that all checkouts share. Nothing of them is run on fetching."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

from deploy.cache import fetched
from deploy.debian import ProgramError, run

__all__ = ["package", "tree"]


def package(name: str, version: str) -> Path:
    """The folder with a package's files; it is fetched if need be, once.

    Raises: ProgramError if npm isn't there, or doesn't have it.
    """

    def unpack(scratch: Path) -> Path:
        _need_npm(name)
        run(["npm", "pack", "--silent", f"{name}@{version}"], scratch)
        (archive,) = scratch.glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        return scratch / "package"

    return fetched(f"npm-{name.replace('/', '-')}-{version}", unpack, doing=f"fetching {name} {version} (once)")


def tree(manifest: Path) -> Path:
    """The folder with `node_modules` of all packages that a package-lock.json names; fetched if need be, once.

    Args:
        manifest: the folder of package.json and package-lock.json.

    Raises: ProgramError if npm isn't there, or doesn't have them.
    """
    files = [manifest / "package.json", manifest / "package-lock.json"]
    digest = hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=4).hexdigest()

    def install(scratch: Path) -> Path:
        _need_npm(f"what {manifest.name} needs")
        folder = scratch / "tree"
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)
        return folder

    return fetched(f"npm-{manifest.name}-{digest}", install, doing=f"fetching the packages of {manifest.name} (once)")


def _need_npm(what: str) -> None:
    if shutil.which("npm") is None:
        raise ProgramError(f"{what} is a package of npm, and there is no npm on PATH: install it (Debian: npm).")
