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


def test_a_busy_machine_is_not_a_clock_that_was_set_back():
    """The thread may be stopped for seconds between reading one clock and the other, before it or after it."""
    # As they are read: the monotonic clock, the wall clock, the monotonic clock again.
    monotonic_s = iter([50.0, 50.0, 51.0, 58.0, 58.0, 58.0, 59.0, 66.0, 66.0, 66.0, 67.0, 67.0])
    wall_s = iter([1_000.0, 1_001.0, 1_008.0, 1_016.0, 1_016.0, 1_017.0])
    clock = SetBack(wall_s=lambda: next(wall_s), monotonic_s=lambda: next(monotonic_s))

    assert [clock.look(), clock.look(), clock.look()] == [0, 0, 0]


def test_a_flow_that_ends_takes_its_watch_with_it():
    """A process that stops in good order isn't ended by its own watch."""
    ends = []

    with clock_watched(ends.append):
        assert "clock" in {thread.name for thread in threading.enumerate()}

    assert "clock" not in {thread.name for thread in threading.enumerate()}
    assert ends == []
    assert SET_BACK_S_MAX > 1
