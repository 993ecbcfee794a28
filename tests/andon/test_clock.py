"""A clock that is set back ends the process, in time and with a reason."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from andon.clock import SET_BACK_S_MAX, SetBack, clock_watched


def test_only_a_clock_that_is_set_back_counts():
    """Time that passes, a suspended machine and a clock that is set ahead are no reason to end."""
    now = SimpleNamespace(wall_s=1_000_000.0, monotonic_s=50.0)
    clock = SetBack(wall_s=lambda: now.wall_s, monotonic_s=lambda: now.monotonic_s)
    looks = []

    for wall_s, monotonic_s in ((10, 10), (3600, 0), (-3600, 0), (1, 1), (-7, 1)):
        now.wall_s += wall_s
        now.monotonic_s += monotonic_s
        looks.append(clock.look())

    assert looks == [0, 0, 3600, 0, 8]


def test_a_flow_that_ends_takes_its_watch_with_it():
    """A process that stops in good order isn't ended by its own watch."""
    ends = []

    with clock_watched(ends.append):
        assert "clock" in {thread.name for thread in threading.enumerate()}

    assert "clock" not in {thread.name for thread in threading.enumerate()}
    assert ends == []
    assert SET_BACK_S_MAX > 1
