"""The first signal asks a service to stop, the second one ends it."""

import signal
import subprocess
import sys
from threading import Event

from andon.run import _signals

TWICE = """\
import signal
from threading import Event
from andon.run import _signals
with _signals(Event()):
    signal.raise_signal(signal.SIGTERM)
    print("asked", flush=True)
    signal.raise_signal(signal.SIGTERM)
    print("still here")
"""


def test_a_signal_is_the_first_one_though_the_flow_has_begun_to_stop():
    """In a cluster, the others' word of it may come before the signal: that isn't being asked twice."""
    stop = Event()
    stop.set()
    with _signals(stop):
        signal.raise_signal(signal.SIGTERM)  # a second one would end this process here

    assert stop.is_set()


def test_a_second_signal_ends_the_process():
    """Who asks twice doesn't want to wait for the last snapshot."""
    ended = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, check=False, timeout=60)

    assert (ended.returncode, ended.stdout) == (128 + signal.SIGTERM, "asked\n")
