"""The state directory that an andon from before the first release left behind is refused, and left as it is."""

from __future__ import annotations

import tarfile

from tests.conftest import ROOT
from tests.kafka import golden_state
from tests.kafka.service import andon

BEFORE_ANY_RELEASE = ROOT / "tests" / "golden" / "state-1.tar.xz"
"""Of format 1: its key groups have other names."""


def test_the_state_of_an_andon_from_before_any_release_is_refused_in_one_line(tmp_path):
    """Before a broker is asked: it names both formats."""
    state, settings = tmp_path / "state", tmp_path / "andon.toml"
    with tarfile.open(BEFORE_ANY_RELEASE) as packed:
        packed.extractall(state, filter="data")
    settings.write_text(golden_state.settings_text("127.0.0.1:1", state))

    done = andon("run", "--settings", str(settings))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("its format is 1, this andon knows 2. Use the andon that made it.")
