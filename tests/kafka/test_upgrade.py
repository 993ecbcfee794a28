"""A state directory of an earlier andon goes on; one of a later, or from before any release, is refused in one line."""

from __future__ import annotations

import json
import pickle
import sqlite3
import tarfile
from contextlib import closing

import pytest

from tests.conftest import ROOT
from tests.kafka import golden_state
from tests.kafka.service import andon, read_all

BEFORE_ANY_RELEASE = ROOT / "tests" / "golden" / "state-1.tar.xz"
"""Of format 1: its key groups have other names."""
GOLDEN = sorted(set((ROOT / "tests" / "golden").glob("state-*.tar.xz")) - {BEFORE_ANY_RELEASE})


def _unpacked(archive, folder):
    """The state directory as it was left, and settings for it."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "state", filter="data")
    return folder / "andon.toml", folder / "state"


def test_there_are_states_of_earlier_versions():
    """The next test isn't kept by looking at nothing."""
    assert [path.name for path in GOLDEN][:1] == ["state-2.tar.xz"]
    assert BEFORE_ANY_RELEASE.exists()


@pytest.mark.parametrize("archive", GOLDEN, ids=lambda path: path.name)
def test_the_run_of_an_earlier_version_is_gone_on_with(kafka, tmp_path, archive):
    """Positions, what is learned, alarms that stand and what people said of them: nothing is raised again, or lost."""
    settings, state = _unpacked(archive, tmp_path)
    settings.write_text(golden_state.settings_text(kafka, state))
    golden_state.begin(kafka)
    golden_state.command(kafka)
    count = golden_state.finish(kafka)

    done = andon("run", "--settings", str(settings), "--until-caught-up")

    assert done.returncode == 0, done.stderr
    events = {event["event"]: event for event in map(json.loads, done.stderr.splitlines())}
    assert events["ready"]["positions"] == {"golden-readings/0": 800, "golden-readings/1": 800}
    assert events["stopped"]["readings"] == count
    assert read_all(kafka, "golden-dead-letters") == []
    alerts = [json.loads(message.value()) for message in read_all(kafka, "golden-alerts")]
    limits = {(one["asset"], one["transition"], one["annunciated"]) for one in alerts if one["kind"] == "limit"}
    assert limits == {
        ("press-1", "cleared", True),  # it was raised, and acknowledged, before the upgrade
        ("press-2", "raised", False),  # shelved
        ("press-3", "raised", False),  # out of service
        ("press-4", "raised", True),
    }
    (cleared,) = [one for one in alerts if one["transition"] == "cleared" and one["kind"] == "limit"]
    assert cleared["onset_ts"] == golden_state.T0 + 1000 * (golden_state.SECONDS - 20)
    surprised = {one["asset"] for one in alerts if one["kind"] == "anomaly" and one["transition"] == "raised"}
    assert "press-4" in surprised, "what was learned isn't forgotten: a jump of 29 sd is judged at once"


@pytest.mark.parametrize("step", ["windows", "commands"])
def test_the_state_of_a_later_version_is_refused_in_one_line_and_left_as_it_is(kafka, tmp_path, step):
    """Whoever goes back to an older andon is told so, and nothing is guessed at or overwritten."""
    settings, state = _unpacked(GOLDEN[-1], tmp_path)
    settings.write_text(golden_state.settings_text(kafka, state))
    golden_state.begin(kafka)
    golden_state.command(kafka)
    stores = sorted((state / "saved" / "store").glob("*.sqlite3"))
    assert sum(_as_of_later_version(store, step) for store in stores) > 0
    before = [_saved(store) for store in stores]

    done = andon("run", "--settings", str(settings), "--until-caught-up")

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("andon: ")
    assert "version 99" in last
    assert "Traceback" not in done.stderr
    assert [_saved(store) for store in stores] == before


def test_the_state_of_an_andon_from_before_any_release_is_refused_in_one_line(tmp_path):
    """Before a broker is asked: it names both formats."""
    settings, state = _unpacked(BEFORE_ANY_RELEASE, tmp_path)
    settings.write_text(golden_state.settings_text("127.0.0.1:1", state))

    done = andon("run", "--settings", str(settings))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("its format is 1, this andon knows 2. Use the andon that made it.")


def _as_of_later_version(store, step):
    """Let what Bytewax has saved of a step say that it is of version 99; returns the number of records."""
    changed = []
    for row, name, saved in _saved(store):
        if saved is not None and name == f"andon.{step}":
            state = pickle.loads(saved)  # noqa: S301 - our own test's file
            changed.append((pickle.dumps(state | {"version": 99}), row))
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany("UPDATE snaps SET ser_change = ? WHERE rowid = ?", changed)
    return len(changed)


def _saved(store):
    """What Bytewax has saved: (row, step, state)."""
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute("SELECT rowid, step_id, ser_change FROM snaps ORDER BY rowid").fetchall()
