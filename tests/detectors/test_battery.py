"""Every detector stands the battery, every check of the battery can fail, and no module of `detectors` is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.findings import Finding, Kind
from contracts.readings import Block
from detectors.compiled import compiled
from tests.detectors import battery
from tests.detectors.battery import CHECKS, Line, Told, discovered
from tests.detectors.entries import ENTRIES, EXEMPT, LIMIT

ROOT = Path(__file__).resolve().parent.parent.parent
BOUNDS_CHECKED = os.environ.get("NUMBA_BOUNDSCHECK") == "1"


def test_no_module_is_left_out():
    """A detector that is dropped into the folder is tested, or the battery says that it isn't."""
    modules = discovered()

    assert set(modules) == set(ENTRIES) | set(EXEMPT)
    assert len(modules) == len(ENTRIES) + len(EXEMPT) >= 20


def distinct():
    """Each entry once, under the names of its modules."""
    names = {}
    for name, entry in ENTRIES.items():
        names.setdefault(id(entry), (entry, []))[1].append(name)
    return [pytest.param(entry, id="+".join(modules)) for entry, modules in names.values()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("entry", distinct())
def test_every_detector_stands_the_battery(entry, check):
    """What is promised of one detector is promised of all."""
    check(entry, Line)


# ── A line that breaks each promise ─────────────────────────────────────────────────────────────────────────────────


def noise_about(block: Block, row: int = 0, value: float | None = 1.0) -> Finding:
    """A finding that nobody asked for."""
    return Finding(
        asset="press",
        sensor="temp",
        kind=Kind.LIMIT,
        rule="h",
        active=True,
        onset_ts=0,
        ts=0,
        value=value,
        source=f"readings/0/{block.rows['offset'][row]}",
    )


class Deaf(Line):
    """Finds nothing."""

    def read(self, block):
        """Say nothing."""
        return Told([], super().read(block).closed)


class Nervous(Line):
    """Finds something in each block."""

    def read(self, block):
        """Say more than there is."""
        told = super().read(block)
        return Told([*told.findings, noise_about(block)], told.closed)


class Forgetful(Line):
    """Knows nothing after a restart."""

    @classmethod
    def restore(cls, settings, _snapshot):
        """Begin anew."""
        return cls(settings)


class Clairvoyant(Line):
    """Judges the first reading of a block by its last."""

    def read(self, block):
        """Look ahead."""
        told = super().read(block)
        return Told([noise_about(block, 0, float(block.rows["value"][-1])), *told.findings], told.closed)


class Gullible(Line):
    """Takes each reading for a new one."""

    def read(self, block):
        """Hear all that comes."""
        told = super().read(block)
        return Told([*told.findings, noise_about(block, 0, float(len(block.rows)))], told.closed)


class Infinite(Line):
    """Says and keeps what isn't a number."""

    total = 0.0

    def read(self, block):
        """Sum what can't be summed."""
        self.total += float(block.rows["value"][0])
        return super().read(block)

    def snapshot(self):
        """Keep the sum."""
        return {**super().snapshot(), "total": self.total}


class Babbling(Line):
    """Tells of not-a-number."""

    def read(self, block):
        """Say it."""
        told = super().read(block)
        return Told([*told.findings, noise_about(block, 0, float(block.rows["value"][0]))], told.closed)


class Entangled(Line):
    """Is deaf as soon as another asset speaks."""

    def read(self, block):
        """Mind the neighbours."""
        told = super().read(block)
        return Told([] if self.samples.asset_count > 1 else told.findings, told.closed)


class Hoarding(Line):
    """Keeps every reading."""

    def __init__(self, settings):
        super().__init__(settings)
        self.kept = []

    def read(self, block):
        """Keep the block."""
        self.kept.append(block.rows["value"].copy())
        return super().read(block)

    def snapshot(self):
        """Save all of it."""
        return {**super().snapshot(), "kept": list(self.kept)}


class Meddling(Line):
    """Writes into the block."""

    def read(self, block):
        """Round the values in place."""
        told = super().read(block)
        block.rows["value"] = np.round(block.rows["value"])
        return told


class Shared(Line):
    """Gives away its own arrays for a snapshot."""

    def snapshot(self):
        """Copy nothing."""
        snapshot = super().snapshot()
        snapshot["samples"]["series"] = self.samples._series[: self.samples.series_count]
        return snapshot


BROKEN = [
    (battery.finds_the_fault, Deaf),
    (battery.is_quiet_on_normal, Nervous),
    (battery.goes_on_after_a_restart, Forgetful),
    (battery.minds_no_blocks, Nervous),
    (battery.never_looks_ahead, Clairvoyant),
    (battery.drops_late_and_doubled_readings, Gullible),
    (battery.lets_nothing_infinite_in, Infinite),
    (battery.lets_nothing_infinite_in, Babbling),
    (battery.is_quiet_on_a_constant, Nervous),
    (battery.hears_each_asset_alone, Entangled),
    (battery.stays_as_small_as_it_is, Hoarding),
    (battery.leaves_its_arguments_alone, Meddling),
    (battery.leaves_its_arguments_alone, Shared),
]


@pytest.mark.parametrize(("check", "broken"), BROKEN, ids=lambda part: part.__name__)
def test_every_check_fails_a_detector_that_breaks_its_promise(check, broken):
    """A check that can't fail is worse than none."""
    entry = replace(LIMIT, long_readings=10_000)

    check(entry, Line)
    with pytest.raises(AssertionError):
        check(entry, broken)


def test_every_check_is_shown_to_fail():
    """None of them is taken on trust."""
    assert {check for check, _ in BROKEN} == set(CHECKS)


# ── Once more with bounds checked ───────────────────────────────────────────────────────────────────────────────────

if BOUNDS_CHECKED:

    def test_bounds_are_checked_in_this_run():
        """Otherwise the run proves nothing."""

        @compiled
        def beyond(values, place):
            return values[place]

        with pytest.raises(IndexError):
            beyond(np.zeros(3), 3)

else:

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    def test_no_kernel_reaches_beyond_an_array(request):
        """Compiled code doesn't look where it writes: once more, with code that does."""
        environment = {
            **os.environ,
            "NUMBA_BOUNDSCHECK": "1",
            "NUMBA_CACHE_DIR": str(request.config.cache.mkdir("numba-bounds-checked")),
        }
        names = ("test_battery.py", "test_samples.py", "test_pause.py", "test_windows_feedback.py")
        tests = [str(ROOT / "tests" / "detectors" / name) for name in names]
        patient = ["-p", "no:cacheprovider", "--timeout=800"]  # the first test waits for the compiler
        command = [sys.executable, "-m", "pytest", "-q", "-x", *patient, *tests]

        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
