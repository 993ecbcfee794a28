"""Nothing that writes to a device is named in any module of a gateway, whatever the libraries offer."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import ROOT

MODULES = sorted((ROOT / "gateways").glob("*.py"))

WORDS = (
    "write",
    "set_value",
    "control",
    "operate",
    "force",
    "download",
    "upload",
    "plc_",
    "call_method",
    "delete_node",
)
"""Parts of the names of services that change something, in the libraries that are used."""

ALLOWED = {
    "mqtt_client.py": {"publish": "the client; who may call it is listed below"},
    "sparkplug.py": {"publish": "the request for a rebirth, and STATE"},
    "unified.py": {"publish": "alarms to the unified namespace"},
}
"""Modules that may publish, and what."""

SOCKET = {"want_write", "loop_write", "add_writer", "remove_writer"}
"""Bytes of what was published or subscribed to, on their way through a socket."""


def named(source):
    """Every attribute, imported name and function that a module's code names."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                yield name
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                yield from (alias.name for alias in names)
            case _:
                pass


def writes(source, words=WORDS):
    """Names in it that look like a service that writes."""
    return sorted({name for name in named(source) if any(word in name.lower() for word in words)} - SOCKET)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_names_a_service_that_writes(module):
    """Read only by construction: what isn't named can't be called."""
    assert writes(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_only_those_publish_that_are_listed(module):
    """MQTT has one verb for all that is said: who says something is listed here, with what."""
    publishes = {"publish"} & set(named(module.read_text(encoding="utf-8")))

    assert publishes == ALLOWED.get(module.name, {}).keys()


def test_the_walk_looks_at_the_protocols():
    """The rule isn't kept by looking at nothing."""
    protocols = {"opcua.py", "modbus.py", "s7.py", "cip.py", "ethernetip.py", "dnp3.py", "mqtt.py", "sparkplug.py"}
    assert protocols <= {module.name for module in MODULES}


@pytest.mark.parametrize(
    "source",
    [
        "client.write_register(1, 2)",
        "await node.write_value(3)",
        "from snap7 import db_write",
        "getattr(client, 'x') or driver.write",
        "master.direct_operate(1)",
    ],
)
def test_the_walk_finds_what_writes(source):
    """A rule that finds nothing anywhere would be worse than none."""
    assert len(writes(source)) == 1
