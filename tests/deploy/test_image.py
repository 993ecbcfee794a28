"""The image: judged by hadolint, and its build carried out without an engine for containers."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy.docker.rehearse import DOCKERFILE, rehearse, steps
from tests.conftest import ROOT, unavailable

TEXT = DOCKERFILE.read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HADOLINT = [Path(sys.executable).parent / "hadolint", "-c", DOCKERFILE.with_name("hadolint.yaml")]


def test_hadolint_finds_nothing():
    """No warning, and none switched off."""
    done = subprocess.run([*HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
    assert "hadolint ignore" not in TEXT


def test_hadolint_finds_what_is_wrong(tmp_path):
    """The check can fail."""
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(TEXT.replace("python:3.12.12-slim-bookworm", "python:latest"))

    done = subprocess.run([*HADOLINT, wrong], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "DL3007" in done.stdout


def test_all_packages_and_nothing_else_go_into_the_image():
    """A package that was added is copied; .dockerignore lets through what is copied."""
    copied = [word for step in steps("build") if step.instruction == "COPY" for word in step.words.split()[:-1]]
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)

    assert sorted(copied) == sorted([*packages, "pyproject.toml", "constraints.txt", "LICENSE"])
    assert sorted(allowed) == sorted(copied)


def test_the_image_says_its_version_and_runs_without_root():
    """Labels are what a registry shows, and the version is andon's."""
    assert f"ARG VERSION={PROJECT['project']['version']}\n" in TEXT
    assert f"andon:{PROJECT['project']['version']}" in (ROOT / "compose.yaml").read_text()
    assert re.search(r"^USER 10001:10001$", TEXT, flags=re.MULTILINE)
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in TEXT


@pytest.mark.slow
@pytest.mark.timeout(600)  # it fetches what builds the wheel
def test_the_build_installs_an_andon_that_runs_where_nothing_can_be_written(tmp_path):
    """The Dockerfile's steps, without what is installed already; `python -m deploy.docker.rehearse` does them all."""
    image = rehearse(tmp_path / "root", quick=True)

    version = image.run("andon", "--version")
    if "unshare" in version.stderr or "mount" in version.stderr:
        unavailable(f"a read-only file system needs root and `unshare` of util-linux ({version.stderr.strip()})")
    where = image.run(
        "python", "-P", "-c", "import andon.cli, detectors; print(andon.cli.__file__, detectors.__file__)"
    )
    check = image.run("andon", "check", str(ROOT / "andon" / "demo.toml"), "--no-broker")

    assert version.stdout == f"andon {PROJECT['project']['version']}\n"
    assert all(path.startswith(str(image.folder)) for path in where.stdout.split())
    assert check.returncode == 0, check.stdout + check.stderr
