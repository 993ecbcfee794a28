"""Run a dataflow to its end in this process, and give back our own errors instead of Bytewax's wrapping."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bytewax.errors import BytewaxRuntimeError
from bytewax.testing import cluster_main

from contracts.errors import AndonError

if TYPE_CHECKING:
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
        cluster_main(flow, [], 0, epoch_interval=timedelta(seconds=epoch_s), recovery_config=recovery)
    except BytewaxRuntimeError as error:
        if cause := _ours(error):
            raise cause from error
        raise


def _ours(error: BaseException | None) -> AndonError | None:
    """The error of ours that is wrapped somewhere inside."""
    while error is not None:
        if isinstance(error, AndonError):
            return error
        error = error.__cause__ or error.__context__
    return None
