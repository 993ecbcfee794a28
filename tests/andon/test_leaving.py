"""The last line of a command, and its exit code."""

from __future__ import annotations

import subprocess
import sys

from andon.leaving import complain
from contracts.errors import ConfigError, Problem, SinkError
from tests.conftest import ROOT


def test_the_worlds_fault_is_one_line_by_our_name_and_code_one(capsys):
    """Whoever reads a supervisor's log sees whose line it is."""
    code = complain(SinkError("kafka alerts: a record can't be delivered."))

    assert (code, capsys.readouterr().err) == (1, "andon: kafka alerts: a record can't be delivered.\n")


def test_wrong_settings_are_told_by_their_file_and_code_two(capsys):
    """A supervisor needn't start it again: a person must edit them."""
    code = complain(ConfigError("andon.toml", (Problem("service.lanes", "is 0.", "Give at least 1."),)))

    assert (code, capsys.readouterr().err) == (2, "andon.toml: 1 mistake\n  service.lanes: is 0. Give at least 1.\n")


def test_threads_that_never_end_hold_nobody_up_and_what_was_said_is_out():
    """Those of libraries are such; taking the interpreter down around them may abort the process."""
    program = """
import threading
from andon.leaving import leave
threading.Thread(target=threading.Event().wait).start()
print("said", end="")
leave(3)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stdout) == (3, "said")
