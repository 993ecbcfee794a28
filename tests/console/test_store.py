"""The console's file: bounded by days and by size, and nobody's loss when it is gone."""

import sqlite3

import numpy as np
import pytest

from console.plant import Readings
from console.store import LEVELS, Store
from contracts.errors import StateError
from tests.alarm_states import T0, alarm_state
from tests.console.plants import heard, stores

DAY = 86_400_000
HOUR = 3_600_000


def fill(trends, *, days, every_s=10):
    ts = np.arange(T0 - round(days * DAY), T0, every_s * 1000, dtype=np.int64)
    trends.take(Readings([("press-1", "temp")], np.zeros(len(ts), np.int32), ts, np.sin(ts / 1e6)))
    trends.flush()


def counts(store):
    with store.reading() as connection:
        return dict(connection.execute("SELECT level, count(*) FROM trend GROUP BY level"))


def test_fine_trends_are_kept_for_shorter_than_coarse_ones(tmp_path):
    """A day of every ten seconds, a week of minutes, the rest in tens of minutes."""
    store, _, trends = stores(tmp_path)
    fill(trends, days=10, every_s=60)

    store.prune(T0)

    found = counts(store)
    assert found[LEVELS[0].number] <= 24 * 60 + 1
    assert found[LEVELS[1].number] <= 7 * 24 * 60 + 1
    assert found[LEVELS[2].number] == pytest.approx(10 * 144, abs=2)


def test_what_is_older_than_the_days_that_were_asked_for_goes(tmp_path):
    """`history_days` is what it says, for alerts too."""
    store, history, trends = stores(tmp_path, history_days=2)
    fill(trends, days=5, every_s=600)
    history.take([heard(alarm_state(onset_ts=T0 - 3 * DAY), event_id="old"), heard(alarm_state(), event_id="new")])

    store.prune(T0)

    with store.reading() as connection:
        assert connection.execute("SELECT min(start) FROM trend").fetchone()[0] >= T0 - 2 * DAY
        assert [row[0] for row in connection.execute("SELECT event_id FROM alert")] == ["new"]


def test_a_file_that_is_too_large_lets_go_of_its_oldest(tmp_path):
    """A disk isn't filled; what is fine and old goes first, and alerts last."""
    store, history, trends = stores(tmp_path)
    history.take([heard(alarm_state())])
    fill(trends, days=1)
    before = counts(store)
    store._bytes_max = store.size // 2

    store.prune(T0)

    after = counts(store)
    assert store.size <= store._bytes_max
    assert after[0] < before[0]
    assert after[2] == before[2]
    assert history.story(alarm_state().alert.alert_id)


def test_a_bound_that_nothing_fits_into_ends_all_the_same(tmp_path):
    """Pruning stops when there is nothing left."""
    store, history, trends = stores(tmp_path)
    fill(trends, days=0.2)
    history.take([heard(alarm_state())])
    store._bytes_max = 1

    store.prune(T0)

    assert sum(counts(store).values()) <= 3


def test_a_file_of_a_newer_version_is_refused_with_what_to_do(tmp_path):
    """Nobody's data are read as if they were ours."""
    path = tmp_path / "console.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StateError, match=r"a newer andon wrote it \(version 99.*Remove the file"):
        Store(path, mb_max=64, history_days=30)


def test_a_file_that_is_none_of_sqlite_is_refused_with_what_to_do(tmp_path):
    """A wrong path is one clear line."""
    path = tmp_path / "console.db"
    path.write_text("something else entirely, and long enough to be looked at" * 30)

    with pytest.raises(StateError, match=r"the console's store can't be opened .*Mend or remove"):
        Store(path, mb_max=64, history_days=30)


def test_only_its_owner_may_read_it(tmp_path):
    """The secret that sessions are signed with is in it."""
    store, _, _ = stores(tmp_path)

    assert store.path.stat().st_mode & 0o077 == 0


def test_a_note_stays_what_it_was_first(tmp_path):
    """Sessions outlive a restart."""
    store, _, _ = stores(tmp_path)
    store.note("secret", b"one")
    store.close()

    again, _, _ = stores(tmp_path)
    assert again.note("secret", b"two") == b"one"


def test_a_transaction_that_fails_leaves_nothing(tmp_path):
    """Half a batch is worse than none."""
    store, _, _ = stores(tmp_path)
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        connection.execute("INSERT INTO note VALUES ('a', zeroblob(?))", (1 // 0,))

    with pytest.raises(StateError, match="can't be written"), store.writing() as connection:
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM note").fetchone()[0] == 0
