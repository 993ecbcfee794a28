"""compose.yaml as text: what only an engine for containers would do is at least written as it should be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.containers import services_of

FILES = ["compose.yaml", "compose.cluster.yaml"]
ONCE = {"topics"}
"""Services that end by themselves."""

SERVICES = services_of(*FILES)


@pytest.mark.parametrize("file", FILES)
def test_the_file_keeps_the_specification_of_compose(file):
    """By the schema of the Compose Specification."""
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_or_may_write_where_it_need_not(name):
    """Who breaks into one of them finds nothing to write to but its volumes."""
    service = SERVICES[name]

    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_of_a_version(name):
    """What starts today starts tomorrow."""
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    """Docker makes a folder of a file that is missing, and the service doesn't start."""
    declared = yaml.safe_load((ROOT / "compose.yaml").read_text())["volumes"]
    for volume in SERVICES[name].get("volumes", ()):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in declared


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(name):
    """`service_healthy` needs a health check, `service_completed_successfully` a service that ends."""
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        checked = "test" in SERVICES[other].get("healthcheck", {}) or SERVICES[other]["image"].startswith("andon:")
        assert wait["condition"] in ({"service_completed_successfully"} if other in ONCE else {"service_healthy"})
        assert other in ONCE or checked


def test_the_processes_of_a_cluster_know_each_other():
    """Each is found under its service's name, has a number of its own, and runs by the same settings as one alone."""
    fellows = {name: service for name, service in SERVICES.items() if service.get("command", ())[:1] == ["run"]}

    numbers = [service["command"][service["command"].index("--process") + 1] for service in fellows.values()]
    (addresses,) = {service["command"][service["command"].index("--addresses") + 1] for service in fellows.values()}
    assert numbers == ["0", "1", "2"]
    assert addresses.split(";") == [f"{name}:9465" for name in fellows]
    assert all(service["environment"] == SERVICES["andon"]["environment"] for service in fellows.values())
    assert all(service["networks"] == SERVICES["andon"]["networks"] for service in fellows.values())


def test_ports_are_open_on_this_machine_only():
    """Trying andon out opens nothing to the network."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(ports) == 5
    assert all(port.startswith("127.0.0.1:") for port in ports)
