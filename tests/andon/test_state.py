"""The state directory."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import stat
import subprocess

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from andon.engine import run_flow
from andon.state import open_state
from contracts.errors import ClusterError, StateError
from contracts.limits import RECOVERY_PARTITIONS
from contracts.settings import Service, Settings, Site

SETTINGS = Settings()


def saved(directory):
    """All that a directory holds, by name."""
    return {str(path.relative_to(directory)): path.stat().st_ino for path in sorted(directory.rglob("*"))}


def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path):
    """The first start needs no preparation, and nobody else reads a plant's state."""
    directory = tmp_path / "deep" / "state"

    with open_state(directory, SETTINGS):
        pass

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert json.loads((directory / "saved" / "andon.json").read_text()) == {
        "format": 2,
        "site.name": "plant-1",
        "service.lanes": 12,
        "service.key_groups": 128,
    }
    assert len(list((directory / "saved" / "store").glob("*.sqlite3"))) == RECOVERY_PARTITIONS


def test_a_second_opening_finds_everything_as_it_was(tmp_path):
    """A restart makes nothing anew."""
    with open_state(tmp_path, SETTINGS):
        before = saved(tmp_path)

    with open_state(tmp_path, SETTINGS):
        assert saved(tmp_path) == before


def test_two_at_once_are_refused_with_the_directory_and_what_to_do(tmp_path):
    """Two services on one state would overwrite each other's memory."""
    with (
        open_state(tmp_path, SETTINGS),
        pytest.raises(StateError, match=rf"{tmp_path}: another andon .*process {os.getpid()}.* Stop it first"),
        open_state(tmp_path, SETTINGS),
    ):
        pass


def test_the_lock_ends_with_its_holder(tmp_path):
    """After an error, too, the next start is free."""
    with pytest.raises(ZeroDivisionError), open_state(tmp_path, SETTINGS):
        raise ZeroDivisionError

    with open_state(tmp_path, SETTINGS):
        pass


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"service": Service(lanes=8)}, "service.lanes is 12 there and 8 in the settings"),
        ({"service": Service(key_groups=64)}, "service.key_groups is 128 there and 64 in the settings"),
        ({"site": Site(name="plant-2")}, "site.name is 'plant-1' there and 'plant-2' in the settings"),
    ],
)
def test_state_of_another_shape_is_refused_with_both_values(tmp_path, change, told):
    """Assets would look for their memory in the wrong place, and alerts would change their names."""
    with open_state(tmp_path, SETTINGS):
        pass

    with pytest.raises(StateError) as error, open_state(tmp_path, Settings(**change)):
        pass
    assert told in str(error.value)


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    """A wrong path isn't filled with state."""
    (tmp_path / "holiday.jpg").touch()

    with pytest.raises(StateError, match=r"no state directory of andon, there is 'holiday.jpg'"):
        open_state(tmp_path, SETTINGS).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_in_its_place_is_told(tmp_path):
    """The message names the path and the system's reason."""
    (tmp_path / "state").touch()

    with pytest.raises(StateError, match=rf"{tmp_path}/state: the state directory can't be used \("):
        open_state(tmp_path / "state", SETTINGS).__enter__()


def test_a_disk_without_room_is_told(tmp_path):
    """One line with the path and the system's reason, where the library would only panic."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with pytest.raises(StateError, match=rf"{disk}/state: the .*can't be used \("):
            open_state(disk / "state", SETTINGS).__enter__()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_told_by_a_process_that_knows_only_of_a_lost_connection(tmp_path):
    """Of several processes the store's end is the end of them all, and each knows only that another one is gone."""
    lost = ClusterError("the connection to another process of the cluster is lost")
    with pytest.raises(ClusterError, match="is lost"), open_state(tmp_path, SETTINGS):
        raise lost

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with (  # noqa: PT012
            pytest.raises(StateError, match=r"the store of its state can't be used \(File too large\)") as told,
            open_state(tmp_path, SETTINGS),
        ):
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
            raise lost
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert told.value.__cause__ is lost
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {"andon.json", "store"}


def test_a_store_that_breaks_while_it_is_used_is_told(tmp_path):
    """A damaged file, or a disk that fills up later, ends a run with one line and not with the library's panic."""
    with open_state(tmp_path, SETTINGS):
        pass
    for part in (tmp_path / "saved" / "store").glob("*.sqlite3"):
        part.write_bytes(b"rubbish " * 1_000)
    flow = Dataflow("any")
    op.output("out", op.input("in", flow, TestingSource([1])), TestingSink([]))

    with (
        pytest.raises(StateError, match=rf"{tmp_path}: the store .* \(file is not a database\)"),
        open_state(tmp_path, SETTINGS) as recovery,
    ):
        run_flow(flow, epoch_s=1, recovery=recovery)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{"])
def test_a_damaged_description_is_told(tmp_path, content):
    """Nothing is guessed about a state that can't be read."""
    with open_state(tmp_path, SETTINGS):
        pass
    (tmp_path / "saved" / "andon.json").write_text(content)

    with pytest.raises(StateError, match=r"andon.json: it can't be read"):
        open_state(tmp_path, SETTINGS).__enter__()


def test_the_format_of_a_newer_andon_is_refused(tmp_path):
    """A downgrade doesn't destroy what it doesn't understand."""
    with open_state(tmp_path, SETTINGS):
        pass
    (tmp_path / "saved" / "andon.json").write_text('{"format": 3}')

    with pytest.raises(StateError, match="its format is 3, this andon knows 2"):
        open_state(tmp_path, SETTINGS).__enter__()


def open_forever(directory):
    """Make state anew, again and again, until killed."""
    number = 0
    while True:
        with open_state(directory / str(number), SETTINGS):
            number += 1


def test_a_process_that_is_killed_while_it_makes_a_directory_leaves_one_that_opens(tmp_path):
    """A power cut in the first second of a new service needs no hand afterwards."""
    process = multiprocessing.get_context("spawn").Process(target=open_forever, args=(tmp_path,))
    process.start()
    while not (tmp_path / "2").exists():
        process.join(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    for directory in tmp_path.iterdir():
        with open_state(directory, SETTINGS):
            assert len(list((directory / "saved" / "store").glob("*.sqlite3"))) == RECOVERY_PARTITIONS


def test_what_a_killed_process_left_half_made_is_made_again(tmp_path):
    """The same, for the moment that is hardest to hit."""
    store = tmp_path / "creating" / "store"
    store.mkdir(parents=True)
    (store / "part-0.sqlite3").touch()

    with open_state(tmp_path, SETTINGS):
        assert not (tmp_path / "creating").exists()
        assert len(list((tmp_path / "saved" / "store").glob("*.sqlite3"))) == RECOVERY_PARTITIONS


def modes(directory):
    """Rights of all that is there, by name."""
    return {str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*")}


def test_all_that_is_saved_is_for_its_owner_alone(tmp_path):
    """Also by a careless umask: whoever could write to the store could run programs as andon."""
    before = os.umask(0)
    try:
        with open_state(tmp_path / "state", SETTINGS) as recovery:
            flow = Dataflow("saving")
            numbers = op.input("numbers", flow, TestingSource(range(10)))
            op.output("taken", numbers, TestingSink([]))
            run_flow(flow, epoch_s=0, recovery=recovery)
            while_open = modes(tmp_path)
    finally:
        os.umask(before)

    for name, mode in {**while_open, **modes(tmp_path)}.items():
        assert mode == (0o700 if (tmp_path / name).is_dir() else 0o600), name
    assert len(while_open) > 2 * RECOVERY_PARTITIONS


def test_rights_that_others_were_given_are_taken_at_the_next_start(tmp_path):
    """A backup was unpacked by hand, or somebody has made the directory."""
    state = tmp_path / "state"
    state.mkdir(mode=0o777)
    state.chmod(0o777)
    with open_state(state, SETTINGS):
        pass
    for path in (state, *state.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)

    with open_state(state, SETTINGS):
        pass

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert {mode & 0o077 for mode in modes(state).values()} == {0}
