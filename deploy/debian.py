"""Programs that we work with on a machine that hasn't installed them: from PATH, or out of their Debian package.

`program("alertmanager")` gives the path of a program that runs. Where none is on PATH, apt downloads the package as it
is configured on this machine, and dpkg unpacks it into a cache that all checkouts share. Nothing is installed and no
rights are needed. Standard library only.

Debian's programs read files of their package by absolute paths (Alertmanager its default templates). In the unpacked
copy these paths are relative, so a program is started in `home(path)`. A program that needs libraries which the machine
doesn't have gets them from their packages, and is started with `libraries(path)` in its environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy.cache import fetched

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROGRAMS", "ProgramError", "files", "home", "libraries", "program", "release", "run"]

FETCH_WAIT_S = 300.0
LOG_LINES_MAX = 15

SHARED = b"/usr/share/prometheus/"
SHARED_FROM_HOME = b"./us/share/prometheus/"
"""As long as the other: a string in a program can't grow. `us` is a link to `usr`."""
assert len(SHARED) == len(SHARED_FROM_HOME)


class _Packaged(NamedTuple):
    package: str
    names: tuple[str, ...]
    """Under which it is found: Debian gives some another name than their makers do."""
    folder: str = "bin"
    """Of `usr`."""
    has_libraries: bool = False
    """It needs some that few machines have."""


PROGRAMS = {
    "alertmanager": _Packaged("prometheus-alertmanager", ("alertmanager", "prometheus-alertmanager")),
    "amtool": _Packaged("prometheus-alertmanager", ("amtool",)),
    "mosquitto": _Packaged("mosquitto", ("mosquitto",), folder="sbin", has_libraries=True),
    "prometheus": _Packaged("prometheus", ("prometheus",)),
    "promtool": _Packaged("prometheus", ("promtool",)),
}


class ProgramError(Exception):
    """The program can't be had: the message says what is missing, or what apt said."""


def program(name: str) -> Path:
    """The path of one of PROGRAMS; its package is fetched if need be (some seconds, once).

    Raises: ProgramError if it is neither on PATH nor to be had from apt.
    """
    wanted = PROGRAMS[name]
    for known in wanted.names:
        if found := shutil.which(known):
            return Path(found)
    folder = _fetched(wanted) / "usr" / wanted.folder
    for known in wanted.names:
        if (folder / known).exists():
            return folder / known
    raise ProgramError(f"the Debian package {wanted.package} holds no {name} in usr/{wanted.folder}.")


def files(package: str) -> Path:
    """The folder with what a package holds, laid out as it would be from `/`; it is fetched if need be.

    Raises: ProgramError if it isn't to be had from apt.
    """
    return _fetched(_Packaged(package, ()))


def home(path: Path) -> Path:
    """The folder to start a program in: the root of what its package unpacked."""
    return path.parents[2]


def libraries(path: Path) -> dict[str, str]:
    """What a program's environment must say, so that it finds the libraries that came with it."""
    found = sorted({str(library.parent) for library in (home(path) / "usr" / "lib").rglob("*.so.*")})
    return {"LD_LIBRARY_PATH": ":".join(found)} if found and home(path) != Path("/") else {}


def _fetched(wanted: _Packaged) -> Path:
    """The folder with the package's files."""
    package = wanted.package
    missing = [tool for tool in ("apt-get", "dpkg-deb", "dpkg") if shutil.which(tool) is None]
    if missing:
        raise ProgramError(f"there is no {package} on PATH, and without {missing[0]} it can't be fetched: install it.")
    architecture = run(["dpkg", "--print-architecture"], Path.cwd()).strip()

    def unpack(scratch: Path) -> Path:
        arriving = scratch / "files"
        archive = _download(package, scratch)
        run(["dpkg-deb", "--extract", str(archive), str(arriving)], scratch)
        for library in _missing_libraries(archive) if wanted.has_libraries else ():
            run(["dpkg-deb", "--extract", str(_download(library, scratch)), str(arriving)], scratch)
        _relocate(arriving)
        return arriving

    name = f"debian-{release()}-{architecture}-{package}"
    return fetched(name, unpack, doing=f"fetching the Debian package {package} (once)")


def _download(package: str, scratch: Path) -> Path:
    """The package's file. The machine's own lists of packages may be missing or old: then ours are made anew."""
    try:
        run(["apt-get", "-q", "download", package], scratch)
    except ProgramError:
        for part in ("lists", "cache"):
            (scratch / part).mkdir(exist_ok=True)
        apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={scratch / 'lists'}", "-o", f"Dir::Cache={scratch / 'cache'}"]
        run([*apt, "update"], scratch)
        run([*apt, "download", package], scratch)
    return next(scratch.glob(f"{package}_*.deb"))


def _missing_libraries(archive: Path) -> list[str]:
    """The packages of libraries that a package depends on, and that aren't installed here."""
    depends = run(["dpkg-deb", "--field", str(archive), "Depends"], archive.parent)
    named = [part.split("|")[0].split("(")[0].strip() for part in depends.split(",")]
    return [name for name in named if name.startswith("lib") and not _is_installed(name)]


def _is_installed(package: str) -> bool:
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "installed"


def _relocate(folder: Path) -> None:
    """Let the programs find their package's files from `home`, as nothing is where it would be installed."""
    (folder / "us").symlink_to("usr")
    for path in (folder / "usr" / "bin").glob("*"):
        path.write_bytes(path.read_bytes().replace(SHARED, SHARED_FROM_HOME))


def release() -> str:
    """Of Debian, or what is like it; a new release fetches anew."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line).get("VERSION_CODENAME", "unknown").strip('"')


def run(
    command: list[str], folder: Path, *, wait_s: float = FETCH_WAIT_S, variables: Mapping[str, str] | None = None
) -> str:
    """Run a command in a folder; what it said.

    Args:
        variables: of its environment, beside ours.

    Raises: ProgramError, with the end of that, if it fails or takes more than `wait_s`.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=wait_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"`{' '.join(command)}` took more than {wait_s:g} s.") from error
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-LOG_LINES_MAX:])
        raise ProgramError(f"`{' '.join(command)}` failed:\n{said}")
    return done.stdout
