"""Run a dataflow to its end in this process, and give back our own errors instead of Bytewax's wrapping."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from bytewax.errors import BytewaxRuntimeError
from bytewax.testing import cluster_main

from contracts.errors import AndonError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bytewax.dataflow import Dataflow
    from bytewax.recovery import RecoveryConfig

__all__ = ["run_flow"]


def run_flow(flow: Dataflow, *, epoch_s: float, recovery: RecoveryConfig | None = None) -> None:
    """Run until all sources have ended.

    Args:
        flow: from `dataflows.detect.build`.
        epoch_s: seconds between two snapshots.
        recovery: where snapshots are kept; None keeps none.

    Raises: the `AndonError` that a source, a step or a sink raised; anything else as it came.
    """
    try:
        with _patient_collector():
            cluster_main(flow, [], 0, epoch_interval=timedelta(seconds=epoch_s), recovery_config=recovery)
    except BytewaxRuntimeError as error:
        if cause := _ours(error):
            raise cause from error
        raise


COLLECT_AFTER = 200_000
"""New objects between two walks of the garbage collector; Python's default is 700."""


@contextmanager
def _patient_collector() -> Iterator[None]:
    """Let the garbage collector leave alone what will stay, and come seldom.

    A poll makes ten thousand messages and as many dictionaries, all of which go by counting references. By default the
    collector walks the whole heap of the program in search of cycles for every few of them, which doubled the time
    that a reading takes.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _ours(error: BaseException | None) -> AndonError | None:
    """The error of ours that is wrapped somewhere inside."""
    while error is not None:
        if isinstance(error, AndonError):
            return error
        error = error.__cause__ or error.__context__
    return None
