"""`andon run --processes N`: one service of several processes on one machine.

The launcher holds the state directory, starts the processes, passes signals on, and waits. They live and die together:
when one of them ends, the others are ended too, and the launcher with them; whoever supervises it starts all again.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from andon.cluster import END_S_MAX, enough_lanes
from contracts.errors import ClusterError, ConfigError, Problem

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from contracts.settings import Settings

__all__ = ["launch"]

LOOK_S = 0.05

FALL_S = 20.0
"""Processes whose connection to another one is lost end by themselves within moments; on a machine without time to
spare, within ten seconds. The one that knows the cause may be the last to say it, so it isn't killed before."""

PORT_MAX = 65_535


def launch(settings: Settings, *, file: str, processes: int, options: Sequence[str], stop: threading.Event) -> None:
    """Run the service in so many processes until all have ended.

    Args:
        file: where the settings come from.
        options: more of the command line, for each process.
        stop: set it, and all are asked to stop.

    Raises: StateError if the state directory can't be had; ClusterError if a process ended that shouldn't have.
    """
    from andon.state import hold_state  # noqa: PLC0415 - Bytewax takes its time

    enough_lanes(processes, settings)
    port = settings.service.metrics_port
    if port + processes - 1 > PORT_MAX:
        fault = f"{port}: {processes} processes need as many ports from there on."
        raise ConfigError(file, (Problem("service.metrics_port", fault, "Choose a lower one; 0 picks free ports."),))
    with ExitStack() as opened:
        lock = opened.enter_context(hold_state(Path(settings.service.state_dir), settings))
        lifeline, ours = os.pipe()  # its other end closes with this process, whatever ends it
        opened.callback(os.close, ours)
        addresses = ";".join(f"127.0.0.1:{port}" for port in _free_ports(processes))
        command = [sys.executable, "-m", "andon", "run", "--settings", file, "--addresses", addresses]
        command += ["--lifeline", str(lifeline), *options]
        running = [
            subprocess.Popen(  # noqa: S603 - ourselves
                [*command, "--process", str(process)],
                stdin=subprocess.DEVNULL,
                pass_fds=(lock, lifeline),  # who lives on after us holds the lock
                start_new_session=True,  # Ctrl-C in the terminal is for us; we pass it on
            )
            for process in range(processes)
        ]
        os.close(lifeline)
        opened.callback(_kill, running)
        _watch(running, stop)


def _watch(running: Sequence[subprocess.Popen[bytes]], stop: threading.Event) -> None:
    """Wait until all have ended.

    Raises: ClusterError unless all ended in good order.
    """
    ended_first: int | None = None
    deadline: float | None = None
    asked = False
    while any(process.poll() is None for process in running):
        if stop.is_set() and not asked:
            asked = True
            for process in running:
                process.send_signal(signal.SIGTERM)
        codes = [process.poll() for process in running]
        if ended_first is None and any(codes):
            ended_first = next(number for number, code in enumerate(codes) if code)
            deadline = time.monotonic() + FALL_S
        elif deadline is None and any(code is not None for code in codes):
            deadline = time.monotonic() + END_S_MAX
        if deadline is not None and time.monotonic() > deadline:
            break
        time.sleep(LOOK_S)
    left = [number for number, process in enumerate(running) if process.poll() is None]
    _kill(running)
    if ended_first is None:
        ended_first = next((number for number, process in enumerate(running) if process.returncode), None)
    if ended_first is None:
        return
    code = running[ended_first].returncode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    if ended_first in left:
        how = f"didn't end within {END_S_MAX} s of the first one"
    raise ClusterError(
        f"process {ended_first} of {len(running)} {how}, and the others were ended with it. The saved state is that of "
        "the last snapshot: start again to go on from there."
    )


def _kill(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Leave none behind."""
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
