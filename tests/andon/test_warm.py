"""Set-up compiles the kernels, and what it pushes through them reaches all of them."""

from __future__ import annotations

import subprocess
import sys

from andon.warm import warm


def test_warming_reaches_the_kernels_of_windows_too() -> None:
    """Windows close while warming: else the learned detectors would compile in the middle of the first run."""
    assert warm() == 3


def test_warming_says_what_it_does_and_for_how_long() -> None:
    """Whoever sets andon up isn't left before a silent terminal."""
    done = subprocess.run([sys.executable, "-m", "andon.warm"], capture_output=True, text=True, check=True)

    before, after = done.stdout.splitlines()

    assert before.startswith("compiling the numeric kernels (once, up to ")
    assert after.startswith("kernels are compiled (")
