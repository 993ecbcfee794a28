"""The files that hold the house together agree with each other."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    """A newcomer types `make` and sees all that can be done here."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony is not None

    listed = dict(line.split(maxsplit=2)[1:] for line in run_make().splitlines())

    assert set(listed) == set(phony[1].split()) - {"help"}
    assert {"setup", "demo", "test", "lint", "types", "kafka", "bench-throughput", "bench-accuracy", "clean"} <= set(
        listed
    )
    assert all(len(text) > 10 for text in listed.values())


def test_a_python_that_does_not_fit_is_refused_in_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    """On a machine without Python 3.11 or 3.12, set-up says so instead of failing later."""
    done = subprocess.run(
        ["make", "-f", ROOT / "Makefile", "PYTHON=/bin/false", "setup"],
        cwd=in_copy(tmp_path),
        env=outside_of_make(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert "andon needs Python 3.12 or 3.11" in done.stderr.splitlines()[0]
    assert "make setup PYTHON=" in done.stderr.splitlines()[0]


def test_the_version_is_the_newest_of_the_change_log_or_not_released_yet() -> None:
    """What `andon version` prints can be looked up in the change log."""
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [PROJECT["version"]])


def test_constraints_name_packages_and_versions_only() -> None:
    """Where packages are downloaded from is for the user's own configuration."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==(\d+!)?[0-9][0-9A-Za-z.]*", line)] == []


def test_every_dependency_is_constrained_to_a_version_in_its_range() -> None:
    """The versions that we test with are versions that we promise to work with."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {normal(name): version for name, version in (line.split("==") for line in lines)}
    extras = PROJECT["optional-dependencies"].values()
    wanted = [Requirement(text) for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]]

    faults = [str(need) for need in wanted if pinned.get(normal(need.name), "none") not in need.specifier]

    assert len(wanted) > 15
    assert faults == []


def test_continuous_integration_runs_what_everybody_runs() -> None:
    """`.ci/run` can be started as it is, stops at the first fault, and calls `make test`."""
    script = (ROOT / ".ci" / "run").read_text()

    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "set -euo pipefail" in script
    assert re.search(r"^exec make .*\btest\b", script, flags=re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def outside_of_make() -> dict[str, str]:
    """Our environment without what an outer `make test` has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


def run_make(*arguments: str) -> str:
    """What `make` prints."""
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, env=outside_of_make(), capture_output=True, text=True, check=True
    )
    return done.stdout


def in_copy(directory: Path) -> Path:
    """A directory that looks like a fresh clone to set-up."""
    for name in ("pyproject.toml", "constraints.txt"):
        (directory / name).write_bytes((ROOT / name).read_bytes())
    (directory / "contracts").mkdir()
    for name in ("readings.py", "findings.py"):
        (directory / "contracts" / name).write_bytes((ROOT / "contracts" / name).read_bytes())
    return directory
