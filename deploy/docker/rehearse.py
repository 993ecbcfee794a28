"""The build of the image without an engine for containers: the Dockerfile's own steps, in a folder of this machine.

    python -m deploy.docker.rehearse            everything: some minutes
    python -m deploy.docker.rehearse --quick    what is installed already isn't installed again, nothing is compiled

`COPY` copies, `RUN` runs, both as they are written; paths under /opt lie in a scratch folder, and `python` is the one
that runs this. Then andon is started from what was installed, where nothing can be written.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

__all__ = ["DOCKERFILE", "Image", "Step", "rehearse", "steps"]

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = Path(__file__).resolve().with_name("Dockerfile")
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


class Step(NamedTuple):
    """One instruction of a Dockerfile."""

    instruction: str
    words: str


class Image(NamedTuple):
    """What the build made."""

    folder: Path
    """Stands for the root of the file system."""

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the image in a file system that can't be written.

        Needs root and util-linux, for `unshare --mount`.
        """
        path = f"{self.folder}/opt/andon/bin:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANDON_", "PYTHON", "NUMBA"))}
        return subprocess.run(
            ["unshare", "--mount", "sh", "-ec", READ_ONLY, "sh", str(self.folder), *command],
            env=kept | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.folder)},
            cwd="/tmp",  # noqa: S108 - the image's WORKDIR
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def steps(stage: str) -> list[Step]:
    """The instructions of a stage, by its name, with its ARGs put in."""
    lines = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found: list[Step] = []
    arguments: dict[str, str] = {}
    inside = False
    for line in lines:
        instruction, _, words = line.strip().partition(" ")
        if instruction == "FROM":
            inside = words.endswith(f" AS {stage}")
        elif inside and instruction == "ARG":
            name, _, value = words.partition("=")
            arguments[name] = value
        elif inside and instruction in {"COPY", "RUN"}:
            for name, value in arguments.items():
                words = words.replace(f"${{{name}}}", value)
            found.append(Step(instruction, re.sub(r" {2,}", " ", words)))
    return found


def rehearse(folder: Path, *, quick: bool = False) -> Image:
    """Carry the steps of the build out.

    Args:
        folder: empty; stands for the root of the image.
        quick: take dependencies from this interpreter's environment, and leave out compiling and the SBOM.

    Raises: subprocess.CalledProcessError if a step fails.
    """
    source = folder / "src"
    source.mkdir(parents=True)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "python").symlink_to(sys.executable if not quick else Path(sys.executable).resolve())
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    for step in steps("build"):
        if step.instruction == "COPY":
            _copy(step.words, source)
            continue
        if quick and ("andon.warm" in step.words or "sbom" in step.words):
            continue
        for command in step.words.split(" && "):
            here = command.replace("/opt/", f"{folder}/opt/")
            if quick and " install " in here:
                _lend(folder)
                here = here.replace(" install ", " install --no-deps ")
            subprocess.run(["sh", "-ec", here], cwd=source, env=environment, stdin=subprocess.DEVNULL, check=True)
    return Image(folder)


def _copy(words: str, source: Path) -> None:
    """What `COPY a b ./there` does with files and folders of the checkout, without what .dockerignore leaves out."""
    *names, target = words.split()
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(ROOT / name, source / target)


def _lend(folder: Path) -> None:
    """Let the new environment find the packages of this one, but not the checkout that is installed in it."""
    (packages,) = (folder / "opt" / "andon" / "lib").glob("python3*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")


def main() -> int:
    """Rehearse the build and start what it made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="install andon alone, compile nothing")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="andon-image-") as scratch:
        image = rehearse(Path(scratch) / "root", quick=quick)
        tried = [("andon", "--version")] + ([] if quick else [("python", "-P", "-m", "andon.warm")])
        for command in tried:
            done = image.run(*command)
            print(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}", end="", flush=True)
            if done.returncode:
                return done.returncode
        if not quick:
            sbom = image.folder / "opt" / "andon" / "sbom.cdx.json"
            print(f"SBOM: {sbom.stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
