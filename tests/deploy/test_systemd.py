"""The systemd units, judged by systemd's own tool."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT, unavailable

FOLDER = ROOT / "deploy" / "systemd"
UNITS = ["andon.service", "andon-notify.service"]
EXPOSURE_MAX = 20
"""Of 100, as `systemd-analyze security` weighs it: what a service could do if it were taken over."""


def analyze(*arguments):
    """What systemd-analyze says."""
    if shutil.which("systemd-analyze") is None:
        unavailable("there is no systemd-analyze: on Debian, apt-get install systemd")
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def units(tmp_path):
    """The units with the drop-in for the password, for a program that is there."""
    for name in UNITS:
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/andon/bin/andon", shutil.which("true")))
        (tmp_path / f"{name}.d").mkdir()
        shutil.copy(FOLDER / "kafka-password.conf", tmp_path / f"{name}.d")
    return tmp_path


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_unit(units, name):
    """A key that is misspelt would be ignored, with what it was to protect."""
    code, said = analyze("verify", "--man=no", str(units / name))

    complaints = [line for line in said.splitlines() if name in line]
    assert (complaints, code) == ([], 0), said


def test_a_misspelt_key_is_found(units):
    """The check can fail."""
    unit = units / "andon.service"
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHomes="))

    _, said = analyze("verify", "--man=no", str(unit))

    assert "ProtectHomes" in said


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_leaves_little_to_whoever_takes_it_over(units, name):
    """Least privilege, by systemd's own measure."""
    code, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", str(units / name))

    assert code == 0, said[-300:]


@pytest.mark.parametrize("name", UNITS)
def test_a_mistake_in_the_settings_is_not_tried_again(name):
    """Exit code 2 is for a person; all else is for the supervisor."""
    text = (FOLDER / name).read_text()

    assert re.search(r"^RestartPreventExitStatus=2$", text, flags=re.MULTILINE)
    assert re.search(r"^Restart=always$", text, flags=re.MULTILINE)
