"""Versions, as they are told in logs and on the command line."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

from andon.installed import version_of
from tests.conftest import ROOT


def test_an_installed_package_has_its_version():
    """A log says what ran."""
    assert version_of("bytewax") == version("bytewax")


def test_a_source_tree_that_nobody_installed_says_so():
    """A missing version is a word, not a crash."""
    assert version_of("no-such-package-anywhere") == "uninstalled"


def test_the_command_prints_a_version_installed_or_not():
    """`andon version` answers also in a checkout that is run as it lies."""
    done = subprocess.run(
        [sys.executable, "-m", "andon", "version"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout) == (0, f"andon {version_of('andon')}\n"), done.stderr
