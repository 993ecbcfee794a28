"""Where a process stands in a cluster, and what it does while, and when, the others aren't there."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from andon.leaving import leave
from andon.looking import looking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from bytewax.recovery import RecoveryConfig

    from contracts.settings import Settings
    from dataflows.cluster import Share

__all__ = ["Place", "begun_in_time", "not_left_waiting", "place_of", "until_the_launcher_ends"]

END_S_MAX = 60
"""Without its launcher a process may take so long for its last snapshot."""

LOOK_S = 1.0
"""So often it is looked whether the flow moves."""

_ADDRESS = re.compile(r".+:\d{1,5}")


class Place(NamedTuple):
    """Of one process."""

    share: Share
    addresses: tuple[str, ...] = ()
    """`host:port` of every process, in their order; none for a process that stands alone."""
    lifeline: int | None = None
    """A pipe of the launcher, which holds the state directory for all of its processes."""

    @property
    def in_cluster(self) -> bool:
        """It isn't alone."""
        return self.share.processes > 1

    @property
    def port_offset(self) -> int:
        """To what the settings say of ports: the launcher's processes share a machine."""
        return self.share.process if self.lifeline is not None else 0

    def state(self, settings: Settings) -> AbstractContextManager[RecoveryConfig]:
        """Where this process keeps what it knows.

        On one machine all write to the directory that their launcher holds. On many the first process keeps the state
        of all: so it is in one place, and the number of processes may change.
        """
        from andon.state import held_state, open_state, state_elsewhere  # noqa: PLC0415 - Bytewax takes its time

        directory = Path(settings.service.state_dir)
        if self.lifeline is not None:
            return held_state(directory)
        return state_elsewhere() if self.share.process else open_state(directory, settings)


def place_of(*, process: int | None, addresses: str | None, lifeline: int | None, settings: Settings) -> Place:
    """What the command line says.

    Raises: click.UsageError if that is impossible.
    """
    from dataflows.cluster import ALONE, Share  # noqa: PLC0415

    if process is None and addresses is None:
        return Place(ALONE)
    if process is None or addresses is None:
        raise click.UsageError("--process and --addresses belong together: which of the processes is this one?")
    there = tuple(part.strip() for part in addresses.split(";"))
    for address in there:
        if not _ADDRESS.fullmatch(address):
            raise click.UsageError(f"--addresses: {address!r} isn't host:port. Separate them by semicolons.")
    if len(set(there)) != len(there):
        raise click.UsageError("--addresses: two processes can't listen at the same address.")
    if not 0 <= process < len(there):
        raise click.UsageError(f"--process {process}: with {len(there)} addresses there are 0 to {len(there) - 1}.")
    enough_lanes(len(there), settings)
    share = Share(process, len(there))
    return Place(share, there if share.processes > 1 else (), lifeline)


def enough_lanes(processes: int, settings: Settings) -> None:
    """A process without a lane would have nothing to do.

    Raises: click.UsageError.
    """
    lanes = settings.service.lanes
    if processes > lanes:
        raise click.UsageError(
            f"service.lanes is {lanes}: more processes than that have nothing to read. Give fewer of them, or more "
            "lanes with a new state directory."
        )


@contextmanager
def until_the_launcher_ends(place: Place) -> Iterator[None]:
    """Ask this process to stop, as SIGTERM does, when its launcher is gone."""

    def wait(lifeline: int) -> None:
        os.read(lifeline, 1)  # nothing is ever written: it returns when nobody can write any more
        if not done.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            if not done.wait(END_S_MAX):
                leave(1, "its launcher is gone, and it didn't come to an end.")

    done = threading.Event()
    if place.lifeline is not None:
        threading.Thread(target=wait, args=(place.lifeline,), name="lifeline", daemon=True).start()
    try:
        yield
    finally:
        done.set()


@contextmanager
def begun_in_time(place: Place, *, wait_s: float, has_begun: Callable[[], bool]) -> Iterator[None]:
    """End the process when its flow doesn't begin in time, and at a signal before it began.

    Nothing of a flow that waits for another process hears a signal or raises an error, so both are done from threads.

    Args:
        has_begun: whether the flow has its sources.
    """
    with ExitStack() as opened:
        timer = threading.Timer(wait_s, _give_up, args=(place, wait_s, has_begun))
        timer.daemon = True
        timer.start()
        opened.callback(timer.cancel)
        if place.in_cluster:
            opened.enter_context(_leaving_early(has_begun))
        yield


@contextmanager
def not_left_waiting(
    place: Place,
    *,
    wait_s: float,
    asked: Callable[[], int],
    end: Callable[[float], None] | None = None,
    look_s: float = LOOK_S,
) -> Iterator[None]:
    """End the process of a cluster whose flow has stood still for `wait_s`: another one may be silent, and not gone.

    A process that was stopped, or a network that swallows everything, closes no connection, so nothing else would tell.
    Started again, the cluster forms anew, or says who isn't there.

    Args:
        asked: how often the flow has asked its sources so far; 0 until it has begun.
        end: what to do when it has stood still for so many seconds; by default the process ends with a line and exit
            code 1. What it has saved stays, and what it hasn't is decided again.
        look_s: so often it is looked.
    """
    if not place.in_cluster:
        yield
        return
    still_s, before, looked_s = 0.0, 0, time.monotonic()

    def look() -> bool:
        nonlocal still_s, before, looked_s
        count, now_s = asked(), time.monotonic()
        # Seconds in which this process didn't run either (it was stopped itself) aren't the others'.
        still_s = 0.0 if count != before or not count else still_s + min(now_s - looked_s, 2 * look_s)
        before, looked_s = count, now_s
        if still_s <= wait_s:
            return False
        (end or stood_still)(still_s)
        return True

    def stood_still(seconds: float) -> None:
        why = (
            f"the flow has stood still for {seconds:.0f} s: another process of the cluster "
            f"({', '.join(place.addresses)}) is there and silent. The saved state is that of the last snapshot: start "
            "all of them again."
        )
        leave(1, why)

    with looking(look, every_s=look_s, name="cluster"):
        yield


def _give_up(place: Place, wait_s: float, has_begun: Callable[[], bool]) -> None:
    if has_begun():
        return
    others = f": not all of {', '.join(place.addresses)} could be reached" if place.in_cluster else ""
    leave(1, f"the flow didn't begin within {wait_s:g} s{others}. The saved state is as it was.")


@contextmanager
def _leaving_early(has_begun: Callable[[], bool]) -> Iterator[None]:
    """Python's own handlers wait for the main thread, which is in Bytewax; the descriptor for wake-ups doesn't."""
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def listen() -> None:
        while os.read(heard, 1):
            if not has_begun():
                leave(0, "stopped before the other processes were there. The saved state is as it was.")

    threading.Thread(target=listen, name="signals", daemon=True).start()
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(told)
