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
    """Push some messages through every kernel; returns how many windows were judged.

    A sensor of a press rises for four minutes: long enough that windows close.
    """
    from contracts.readings import Block, Tick  # noqa: PLC0415 - numba takes a second to import
    from contracts.settings import Settings  # noqa: PLC0415
    from dataflows.decode import Decoder  # noqa: PLC0415
    from dataflows.happenings import Happenings  # noqa: PLC0415
    from dataflows.polls import joined  # noqa: PLC0415
    from detectors.samples import Samples  # noqa: PLC0415
    from detectors.windows import Windows  # noqa: PLC0415

    times = [MINUTE_MS + MINUTE_MS // 6 * at for at in range(24)]
    values = [b'{"asset":"press","sensor":"temp","ts":%d,"value":%d.5}' % (ts, 20 + at) for at, ts in enumerate(times)]
    poll = joined(
        values,
        stamps_ms=times,
        partitions=np.zeros(len(values), np.uint16),
        offsets=np.arange(len(values)),
        sources=(("warm", 0),),
        key=lambda _: None,
    )
    settings = Settings()
    ((_, block),) = Decoder(settings, lane=0, happenings=Happenings()).decode(poll)
    assert isinstance(block, Block)
    samples, windows = Samples(settings), Windows(settings)
    closed = samples.read(block).closed
    samples.clock_of(block)
    samples.tick(Tick(lane=0, now_ms=times[-1]))
    if closed is None:
        return 0
    windows.judge(closed)
    return len(closed.rows)


def warm_lane() -> None:
    """Compile what takes messages from librdkafka, where that is possible; needs no broker."""
    from confluent_kafka import Consumer  # noqa: PLC0415 - as above

    from dataflows.direct import Direct, open_direct  # noqa: PLC0415

    consumer = Consumer({"group.id": "warm", "log_level": 0})
    direct = open_direct(consumer, (), lambda _error: None)
    if isinstance(direct, Direct):
        direct.close()
    consumer.close()


def main() -> None:
    """Warm the kernels, saying so before and after."""
    click.echo(f"compiling the numeric kernels (once, up to {EXPECTED_S} s)")
    began = time.perf_counter()
    warm()
    warm_lane()
    click.echo(f"kernels are compiled ({time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
