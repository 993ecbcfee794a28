"""A gateway as a service of systemd and as a container, judged by the tools of both."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from contracts.gateways import Gateway
from tests.conftest import ROOT
from tests.deploy.test_systemd import EXPOSURE_MAX, analyze

FOLDER = ROOT / "deploy" / "gateways"
UNIT = FOLDER / "andon-gateway.service"


def test_systemd_accepts_the_unit_and_it_leaves_little_to_whoever_takes_it_over(tmp_path):
    """No key is misspelt, and by systemd's own measure little is open."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/andon/bin/andon", shutil.which("true") or "/bin/true"))

    code, said = analyze("verify", "--man=no", str(unit))
    assert ([line for line in said.splitlines() if UNIT.name in line], code) == ([], 0), said
    code, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", str(unit))
    assert code == 0, said[-300:]


def test_the_container_is_as_the_specification_has_it_and_without_rights():
    """By the schema of the Compose Specification; read-only, not root."""
    file = FOLDER / "compose.yaml"
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    service = yaml.safe_load(file.read_text())["services"]["gateway"]

    assert done.returncode == 0, done.stdout + done.stderr
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith("0")
    assert "ports" not in service  # nobody connects from outside


def test_the_variables_that_they_set_are_settings():
    """A name that is misspelt would stop the gateway at its start."""
    names = {name.lower() for file in (UNIT, FOLDER / "compose.yaml") for name in _variables(file.read_text())}

    assert names == {"buffer_dir", "metrics_host"} <= Gateway.model_fields.keys()


def _variables(text: str) -> list[str]:
    return [part.split("=")[0].split(":")[0] for part in text.split("ANDON_GATEWAY__")[1:]]
