"""What isn't installed is named in one line, with what to type."""

from __future__ import annotations

import subprocess
import sys

import pytest

from andon.gateway.protocols import PROTOCOLS
from tests.kafka.service import environment

LIBRARIES = {
    "opcua": "asyncua",
    "s7": "snap7",
    "modbus": "pymodbus",
    "ethernetip": "pycomm3",
    "dnp3": "dnp3",
    "mqtt": "paho",
    "sparkplug": "google.protobuf",
}
"""Protocol → the package without which it can't be spoken."""

PROGRAM = """
import sys
sys.modules[{library!r}] = None
from andon.cli import main
main()
"""


def test_every_protocol_is_tried():
    """None is left out."""
    assert LIBRARIES.keys() == {protocol.name for protocol in PROTOCOLS.values()}


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_a_library_that_is_not_installed_is_one_line(protocol):
    """`pip install 'andon[…]'` is in it, and no traceback."""
    program = PROGRAM.format(library=LIBRARIES[protocol.name])

    done = subprocess.run(
        [sys.executable, "-c", program, "gateway", "discover", protocol.name, "192.0.2.1"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"Error: {protocol.title} needs {LIBRARIES[protocol.name]}")
    assert line.endswith(f"pip install 'andon[{protocol.extra}]'")
