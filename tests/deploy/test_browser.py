"""A browser and packages of npm for tests: what is missing is said, with what to do."""

import json
import tarfile
from io import BytesIO

import pytest

from deploy.browser import browser
from deploy.debian import ProgramError
from deploy.npm import package, tree


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with nothing on PATH, and its own cache."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tools


def test_a_browser_on_the_path_is_taken_as_it_is(bare):
    """What a person has installed needs nothing of ours."""
    (bare / "chromium").write_text("#!/bin/sh\n")
    (bare / "chromium").chmod(0o755)

    found = browser()

    assert found.path == bare / "chromium"
    assert found.environment == {}


def test_without_a_browser_and_without_apt_it_says_what_to_install(bare):
    """Not a stack of calls."""
    with pytest.raises(
        ProgramError, match=r"there is no chromium or .* and without apt-get none can be had: install one"
    ):
        browser()


def test_a_package_of_npm_is_unpacked_once_and_nothing_of_it_is_run(bare):
    """Its scripts are text to us."""
    archive = bare / "a.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        content = json.dumps({"scripts": {"install": "touch /tmp/never"}}).encode()
        info = tarfile.TarInfo("package/package.json")
        info.size = len(content)
        packed.addfile(info, BytesIO(content))
    (bare / "npm").write_text(f'#!/bin/sh\necho "$@" >> {bare}/npm.log\n/bin/cp {archive} .\n')
    (bare / "npm").chmod(0o755)

    folder = package("@thing/a", "1.2.3")

    assert package("@thing/a", "1.2.3") == folder
    assert (folder / "package.json").exists()
    assert (bare / "npm.log").read_text() == "pack --silent @thing/a@1.2.3\n"


def test_packages_that_a_lock_file_names_are_installed_once_and_anew_when_it_changes(bare, tmp_path):
    """As it says and not otherwise; their scripts aren't run."""
    npm = f'#!/bin/sh\necho "$@" >> {bare}/npm.log\n/bin/mkdir node_modules && /bin/cp package-lock.json node_modules\n'
    (bare / "npm").write_text(npm)
    (bare / "npm").chmod(0o755)
    manifest = tmp_path / "thing"
    manifest.mkdir()
    (manifest / "package.json").write_text("{}")
    (manifest / "package-lock.json").write_text("one")

    first = tree(manifest)

    assert tree(manifest) == first
    assert (first / "node_modules" / "package-lock.json").read_text() == "one"
    (manifest / "package-lock.json").write_text("two")
    assert (tree(manifest) / "node_modules" / "package-lock.json").read_text() == "two"
    (asked,) = set((bare / "npm.log").read_text().splitlines())
    assert asked.startswith("ci --ignore-scripts ")


def test_without_npm_it_says_what_to_install(bare):
    """And which package it is for."""
    with pytest.raises(ProgramError, match="axe-core is a package of npm, and there is no npm on PATH"):
        package("axe-core", "1.0.0")
