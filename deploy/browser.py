"""A browser on a machine that hasn't installed one: from PATH, or Debian's Chromium with all that it needs.

`browser()` gives a program that shows pages without a screen, and the environment to start it in. Where none is on
PATH, apt says which packages this machine lacks for Debian's, downloads them, and dpkg unpacks them into a cache that
all checkouts share. Nothing is installed and no rights are needed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from deploy.cache import fetched
from deploy.debian import ProgramError, release, run

__all__ = ["Browser", "ProgramError", "browser"]

ON_PATH = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome-headless-shell")
PACKAGE = "chromium-headless-shell"
PACKAGES = (PACKAGE, "fonts-dejavu-core")
PROGRAM = Path("usr/lib/chromium/chromium-headless-shell")


class Browser(NamedTuple):
    """A program, and the variables that it needs beside one's own."""

    path: Path
    environment: dict[str, str]


def browser() -> Browser:
    """A browser; its packages are fetched if need be (about 70 MB, once).

    Raises: ProgramError if there is none on PATH and none to be had from apt.
    """
    for name in ON_PATH:
        if found := shutil.which(name):
            return Browser(Path(found), {})
    missing = [tool for tool in ("apt-get", "dpkg-deb", "dpkg") if shutil.which(tool) is None]
    if missing:
        raise ProgramError(
            f"there is no {' or '.join(ON_PATH[:3])} on PATH, and without {missing[0]} none can be had: install one."
        )
    return _unpacked(_fetched())


def _fetched() -> Path:
    """The folder with the files of all packages."""
    architecture = run(["dpkg", "--print-architecture"], Path.cwd()).strip()
    return fetched(f"debian-{release()}-{architecture}-browser", _arrived, doing="fetching Debian's Chromium (once)")


def _arrived(scratch: Path) -> Path:
    arriving = scratch / "files"
    for package in _download(scratch):
        run(["dpkg-deb", "--extract", str(package), str(arriving)], scratch)
    if not (arriving / PROGRAM).exists():
        raise ProgramError(f"the Debian package {PACKAGE} holds no {PROGRAM}.")
    return arriving


def _download(scratch: Path) -> list[Path]:
    """The files of the packages that this machine lacks. Its own lists may be missing or old: ours are made anew.

    Nothing is locked, as nothing is installed: so it needs no rights.
    """
    for part in ("lists/partial", "cache/archives/partial"):
        (scratch / part).mkdir(parents=True)
    apt = [
        "apt-get",
        "-q",
        "-y",
        *("-o", f"Dir::State::Lists={scratch / 'lists'}"),
        *("-o", f"Dir::Cache={scratch / 'cache'}"),
        *("-o", "Debug::NoLocking=1"),
        *("-o", "APT::Sandbox::User="),
    ]
    run([*apt, "update"], scratch)
    run([*apt, "install", "--download-only", "--reinstall", "--no-install-recommends", *PACKAGES], scratch)
    return sorted((scratch / "cache" / "archives").glob("*.deb"))


def _unpacked(folder: Path) -> Browser:
    """Libraries and fonts are found by variables, as nothing is where it would be installed."""
    libraries = [str(path) for path in sorted((folder / "usr" / "lib").glob("*-linux-gnu*"))]
    libraries += [str(path) for path in sorted((folder / "lib").glob("*-linux-gnu*"))]
    libraries += [str(path / "pulseaudio") for path in map(Path, libraries) if (path / "pulseaudio").exists()]
    libraries.append(os.environ.get("LD_LIBRARY_PATH", ""))
    fonts = folder / "fonts.conf"
    if not fonts.exists():
        fonts.write_text(
            '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
            f"<dir>{folder / 'usr' / 'share' / 'fonts'}</dir><cachedir>{folder / 'fontconfig'}</cachedir>"
            "</fontconfig>\n",
            encoding="utf-8",
        )
    return Browser(
        folder / PROGRAM,
        {"LD_LIBRARY_PATH": ":".join(filter(None, libraries)), "FONTCONFIG_FILE": str(fonts)},
    )
