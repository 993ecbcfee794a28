"""`python -m andon.warm` compiles the numeric kernels before anybody waits for them; set-up runs it once.

The machine code stays beside the sources (numba's cache) until one of them changes. Without this, the first reading of
the first run would wait for the compiler instead.
"""

from __future__ import annotations

import time

import click
import numpy as np

__all__ = ["main", "warm"]

EXPECTED_S = 60
"""On two slow cores. Said beforehand, so that nobody takes the silence for a hang."""
MINUTE_MS = 60_000


def warm() -> int:
    """Push one small block through every kernel; returns how many windows were judged.

    A sensor of a press rises for four minutes: long enough that windows close.
    """
    from contracts.readings import READING, Block, SeriesName, Tick  # noqa: PLC0415 - numba takes a second to import
    from contracts.settings import Settings  # noqa: PLC0415
    from detectors.samples import Samples  # noqa: PLC0415
    from detectors.windows import Windows  # noqa: PLC0415

    rows = np.zeros(24, READING)
    rows["ts"] = np.arange(len(rows)) * (MINUTE_MS // 6)
    rows["offset"] = np.arange(len(rows))
    rows["value"] = np.linspace(20.0, 30.0, len(rows))
    names = (SeriesName(0, "press", "temp"),)
    newest_ms = int(rows["ts"][-1])
    settings = Settings()
    samples, windows = Samples(settings), Windows(settings)
    block = Block(lane=0, rows=rows, names=names, sources=("warm/0",), arrived_ms=newest_ms)
    closed = samples.read(block).closed
    samples.clock_of(block)
    samples.tick(Tick(lane=0, now_ms=newest_ms))
    if closed is None:
        return 0
    windows.judge(closed)
    return len(closed.rows)


def main() -> None:
    """Warm the kernels, saying so before and after."""
    click.echo(f"compiling the numeric kernels (once, up to {EXPECTED_S} s)")
    began = time.perf_counter()
    warm()
    click.echo(f"kernels are compiled ({time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
