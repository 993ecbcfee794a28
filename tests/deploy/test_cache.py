"""What is fetched once: by one of many that ask at once, and whole or not at all."""

from threading import Barrier, Thread

import pytest

from deploy.cache import fetched


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Nobody else's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "andon"


def test_of_many_that_ask_at_once_one_fetches(own_cache):
    """Tests that run side by side download a thing once, and all have it."""
    begun, fetches, found = Barrier(4), [], []

    def fetch(scratch):
        fetches.append(scratch)
        (scratch / "thing").write_text("whole")
        return scratch / "thing"

    def ask():
        begun.wait()
        found.append(fetched("a-1", fetch, doing="fetching a").read_text())

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["whole"] * 4
    assert len(fetches) == 1
    assert not list(own_cache.glob("fetching-*"))


def test_what_a_broken_download_leaves_is_never_used(own_cache):
    """The next one begins anew."""

    def breaks(scratch):
        (scratch / "half").write_text("half")
        raise ValueError("the network is gone")

    with pytest.raises(ValueError, match="the network is gone"):
        fetched("a-1", breaks, doing="fetching a")

    assert {path.name for path in own_cache.iterdir()} == {"a-1.lock"}
    (own_cache / "made").mkdir()
    assert fetched("a-1", lambda _scratch: own_cache / "made", doing="fetching a") == own_cache / "a-1"
