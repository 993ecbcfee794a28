"""What is fetched once: into a cache that all checkouts share. Standard library only."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cache_folder", "fetched"]


def cache_folder() -> Path:
    """Where all checkouts keep what was fetched."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "andon"


def fetched(name: str, fetch: Callable[[Path], Path], *, doing: str) -> Path:
    """The file or folder of this name in the cache; fetched if it isn't there yet.

    Several processes may ask at once: one fetches, the others wait. What a broken download leaves is never used.

    Args:
        fetch: makes it in the empty folder that it is given, and says where there. What it raises is passed on.
        doing: what is said before, as in "fetching Kafka (43 MB, once)".
    """
    cache = cache_folder()
    place = cache / name
    if place.exists():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():  # else another process fetched it while we waited for the lock
            print(f"{doing} into {place}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
                fetch(Path(scratch)).rename(place)
    return place
