"""Run a dataflow to its end in this process, and give back our own errors instead of Bytewax's wrapping."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from bytewax.testing import cluster_main

from andon.collector import patient_collector
from contracts.errors import AndonError, ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bytewax.dataflow import Dataflow
    from bytewax.recovery import RecoveryConfig

__all__ = ["run_flow"]


def run_flow(
    flow: Dataflow,
    *,
    epoch_s: float,
    recovery: RecoveryConfig | None = None,
    addresses: Sequence[str] = (),
    process: int = 0,
    faults: Sequence[AndonError] = (),
) -> None:
    """Run until all sources have ended, those of the other processes too.

    Args:
        flow: from `dataflows.detect.build`.
        epoch_s: seconds between two snapshots.
        recovery: where snapshots are kept; None keeps none.
        addresses: `host:port` of every process of the cluster; none of a process that stands alone.
        process: which of them this is.
        faults: what sources and sinks have raised; in a cluster Bytewax's own error may not say it.

    Raises: the `AndonError` that a source, a step or a sink raised; ClusterError if another process is gone; anything
        else as it came.
    """
    epoch = timedelta(seconds=epoch_s)
    try:
        with patient_collector(), _silent(bool(addresses)):
            cluster_main(flow, list(addresses), process, epoch_interval=epoch, recovery_config=recovery)
    except BaseException as error:
        cause = _ours(error) or next(iter(faults), None)
        if cause is not None and cause is not error:
            raise cause from error
        if addresses and type(error).__name__ == "PanicException" and "SqliteFailure" not in str(error):
            raise ClusterError(
                f"the connection to another process of the cluster ({', '.join(addresses)}) is lost, and none goes on "
                "alone. Its own log says why. The saved state is that of the last snapshot: start all of them again."
            ) from error
        raise


@contextmanager
def _silent(cluster: bool) -> Iterator[None]:  # noqa: FBT001 - reads well where it is used
    """Keep off standard output what a process prints every second there that waits for another one."""
    if not cluster:
        yield
        return
    before = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)


def _ours(error: BaseException | None) -> AndonError | None:
    """The error of ours that is wrapped somewhere inside."""
    while error is not None:
        if isinstance(error, AndonError):
            return error
        error = error.__cause__ or error.__context__
    return None
