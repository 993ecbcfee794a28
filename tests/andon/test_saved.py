"""What `andon state` says of a state directory."""

from __future__ import annotations

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource
from click.testing import CliRunner

from andon.engine import run_flow
from andon.saved import command, saved_of
from andon.state import PAGE_BYTES, open_state
from contracts.errors import StateError
from contracts.limits import RECOVERY_PARTITIONS
from contracts.settings import Settings

SETTINGS = Settings()


@pytest.fixture
def directory(tmp_path):
    """A directory in which a flow has saved a hundred keys."""
    path = tmp_path / "state"
    flow = Dataflow("test")
    numbers = op.input("in", flow, TestingSource([(str(number), number) for number in range(100)]))
    summed = op.stateful_map("sums", numbers, lambda state, value: ((state or 0) + value, value))
    op.output("out", summed, TestingSink([]))
    with open_state(path, SETTINGS) as recovery:
        run_flow(flow, epoch_s=0.1, recovery=recovery)
    return path


def test_a_whole_state_is_described(directory):
    """How much of what is saved, for which settings, and that nobody uses it."""
    found = saved_of(directory)

    assert (found["faults"], found["in_use"], found["partitions"], found["starts"]) == (
        [],
        False,
        RECOVERY_PARTITIONS,
        1,
    )
    assert found["steps"]["sums"]["keys"] == 100
    assert found["steps"]["sums"]["bytes"] > 100
    assert found["made_for"]["service.lanes"] == 12
    assert found["saved_at"]


def test_looking_changes_nothing(directory):
    """A copy may be looked at before it is restored."""
    before = {path: path.read_bytes() for path in directory.rglob("*.sqlite3")}

    saved_of(directory)

    assert {path: path.read_bytes() for path in directory.rglob("*.sqlite3")} == before


def test_a_state_that_a_service_uses_is_seen_as_such(tmp_path):
    """A copy that is taken meanwhile isn't whole."""
    with open_state(tmp_path / "state", SETTINGS):
        assert saved_of(tmp_path / "state")["in_use"]


def test_a_log_that_goes_while_it_is_looked_at_is_no_fault(directory):
    """A service that stops meanwhile takes SQLite's logs with it; a link to nowhere is such a file."""
    before = saved_of(directory)
    (directory / "saved" / "store" / "part-0.sqlite3-journal").symlink_to("gone")

    assert saved_of(directory) == before


def test_a_missing_partition_is_told(directory):
    """A copy that lost a file is refused before anything is started on it."""
    (directory / "saved" / "store" / "part-3.sqlite3").unlink()

    assert saved_of(directory)["faults"] == ["1 of 4 partitions are missing: [3]"]


def test_a_store_without_partitions_is_told(directory):
    """There is nothing to go on from."""
    for path in (directory / "saved" / "store").glob("*"):
        path.unlink()

    assert saved_of(directory)["faults"] == ["store holds no partition"]


def test_a_damaged_partition_is_told(directory):
    """Every page is read."""
    path = directory / "saved" / "store" / "part-2.sqlite3"
    content = bytearray(path.read_bytes())
    content[PAGE_BYTES : PAGE_BYTES + 2048] = b"\xff" * 2048
    path.write_bytes(content)

    faults = saved_of(directory)["faults"]

    assert faults
    assert faults[0].startswith("part-2.sqlite3: ")


def test_the_command_fails_where_the_state_cannot_be_used(directory, tmp_path):
    """A Job that checks the state stops a rescale."""
    settings = tmp_path / "andon.toml"
    settings.write_text(f'[service]\nstate_dir = "{directory}"\n')
    arguments = ["--settings", str(settings), "--json"]

    assert CliRunner().invoke(command, arguments).exit_code == 0
    (directory / "saved" / "andon.json").write_text("{")
    assert CliRunner().invoke(command, arguments).exit_code == 1


def test_no_state_is_told(tmp_path):
    """Who looks at the wrong place learns it."""
    with pytest.raises(StateError, match="there is no saved state here"):
        saved_of(tmp_path)
