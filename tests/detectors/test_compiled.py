"""Compiled code follows its sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detectors import compiled as module
from tests.conftest import unavailable

CALLER = """from package.compiled import compiled
from package.{file} import {name}

@compiled
def {caller}(x):
    return {name}(x)
"""
KERNEL = CALLER.format(file="middle", name="step", caller="kernel")
MIDDLE = CALLER.format(file="leaf", name="leaf", caller="step")
LEAF = "from package.compiled import inlined\n\n@inlined\ndef leaf(x):\n    return x + {}\n"
RUN = "from package.kernel import kernel; print(kernel(1), sum(kernel.stats.cache_hits.values()))"


def run(folder: Path) -> tuple[int, int]:
    """The result of the kernel, and how many of its compilations were taken from disk."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=True)
    result, hits = done.stdout.split()
    return int(result), int(hits)


READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def run_read_only(folder: Path) -> tuple[int, int]:
    """As `run`, where the folder can't be written, and the kernels' cache is beside the sources."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "HOME": str(folder), "XDG_CACHE_HOME": ""}
    command = ["unshare", "--mount", "sh", "-ec", READ_ONLY, "sh", str(folder), sys.executable, "-c", RUN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and "Traceback" not in done.stderr:
        unavailable(f"a read-only file system needs root and `unshare` of util-linux ({done.stderr.strip()})")
    assert done.returncode == 0, done.stderr
    result, hits = done.stdout.split()
    return int(result), int(hits)


@pytest.mark.slow
def test_a_kernel_that_came_along_is_read_where_nothing_can_be_written(tmp_path):
    """A container with a read-only file system starts at once; what it lacks it compiles, and goes on."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "compiled.py").write_text(Path(module.__file__).read_text())
    (package / "kernel.py").write_text(LEAF.format(1).replace("inlined", "compiled").replace("leaf", "kernel"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, check=True)
    came_along = run_read_only(tmp_path)
    (package / "kernel.py").write_text((package / "kernel.py").read_text().replace("+ 1", "+ 7"))
    lacking = run_read_only(tmp_path)

    assert (came_along, lacking) == ((2, 1), (8, 0))


@pytest.mark.slow
def test_a_kernel_is_kept_on_disk_until_any_source_of_its_package_changes(tmp_path):
    """A changed formula counts from the next start, also where the kernel calls it through another file."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "compiled.py").write_text(Path(module.__file__).read_text())
    (package / "kernel.py").write_text(KERNEL)
    (package / "middle.py").write_text(MIDDLE)
    (package / "leaf.py").write_text(LEAF.format(1))

    first, again = run(tmp_path), run(tmp_path)
    (package / "leaf.py").write_text(LEAF.format(5))
    changed = run(tmp_path)

    assert (first, again, changed) == ((2, 0), (2, 1), (6, 0))
