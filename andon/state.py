"""The state directory: what andon knows, and the lock that lets only one service know it.

A cluster on one machine shares the directory, and its launcher holds the lock. On many machines the directory is that
of the first process, which writes what all of them know; the others have none.

state/
    lock              held while a service runs
    saved/            appears whole or not at all
        andon.json    what the state is made for: it can't be read by a service of another shape
        store/        Bytewax's recovery store

All of it is for its owner alone, directories 0700 and files 0600. Bytewax reads its store by Python's pickle, which
runs what it is told to: whoever can write there can do whatever andon can. Whoever can read there knows the plant.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

from bytewax.recovery import RecoveryConfig, init_db_dir

from contracts.errors import ClusterError, StateError
from contracts.limits import RECOVERY_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.settings import Settings

__all__ = ["FORMAT", "held_state", "hold_state", "open_state", "state_elsewhere"]

FORMAT = 2
"""Of the directory; that of each part is inside of the part. With 1 key groups had names that weren't spread evenly."""

PAGE_BYTES = 32 * 1024
"""Of the store's files. With SQLite's own 4 KiB a snapshot of some hundred kB a key costs more than half as much
again in processor time, and twice as long on a disk."""

_OURS = frozenset({"lock", "saved", "creating", "lost+found"})
"""What may be there; the last one comes with a file system of its own."""


@contextmanager
def open_state(directory: Path, settings: Settings) -> Iterator[RecoveryConfig]:
    """Lock the state directory, make it where it is missing, and give Bytewax its store.

    Raises: StateError as `hold_state` and `held_state` do.
    """
    with hold_state(directory, settings), held_state(directory) as recovery:
        yield recovery


@contextmanager
def hold_state(directory: Path, settings: Settings) -> Iterator[int]:
    """Lock the state directory, and make it where it is missing; gives the lock's file descriptor.

    A process that is killed at any moment leaves a directory that can be opened. Who inherits the descriptor holds the
    lock too: it is free when all of them have ended.

    Raises: StateError if another service holds it, if it was made for another shape or by another andon, if it is none
        of ours, or if it can't be written.
    """
    directory = directory.absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_foreign(directory)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        _take(lock, directory)
        try:
            _create(directory, settings)
        except OSError as error:
            raise _unusable(directory, error) from error
        except BaseException as error:
            if reason := _store_fault(error):
                raise _unstorable(directory, reason) from error
            raise
        _compare(directory, settings)
        try:
            _shut_out_others(directory)
        except OSError as error:
            raise _unusable(directory, error) from error
        yield lock
    finally:
        os.close(lock)  # which releases it, as the end of the process would


@contextmanager
def held_state(directory: Path) -> Iterator[RecoveryConfig]:
    """Give Bytewax the store of a directory that is held.

    Raises: StateError if it can't be read or written, also later, when Bytewax saves to it.
    """
    directory = directory.absolute()
    try:
        yield RecoveryConfig(directory / "saved" / "store", timedelta(0))
    except BaseException as error:
        # In a cluster Bytewax may hand over the error of a connection instead: the store's own end has cut it.
        if reason := _store_fault(error) or (isinstance(error, ClusterError) and _without_room(directory)):
            raise _unstorable(directory, reason) from error
        raise


@contextmanager
def state_elsewhere() -> Iterator[RecoveryConfig]:
    """Give Bytewax an empty store: another process of the cluster keeps what this one knows.

    Raises: StateError if there is no room for an empty directory.
    """
    try:
        directory = TemporaryDirectory(prefix="andon-")
    except OSError as error:
        raise _unusable(Path(error.filename or "temporary files"), error) from error
    with directory as empty:
        yield RecoveryConfig(empty, timedelta(0))


def _refuse_foreign(directory: Path) -> None:
    foreign = sorted({path.name for path in directory.iterdir()} - _OURS)
    if foreign:
        raise StateError(
            f"{directory}: this is no state directory of andon, there is {foreign[0]!r} in it. "
            "Set service.state_dir to a directory of its own."
        )


def _take(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        raise StateError(
            f"{directory}: another andon uses this state directory (process {holder or 'unknown'}). "
            "Stop it first, or give this one a service.state_dir of its own."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _create(directory: Path, settings: Settings) -> None:
    """Make `saved` aside and move it into its place at once."""
    saved, creating = directory / "saved", directory / "creating"
    if creating.exists():  # by a process that was killed meanwhile
        shutil.rmtree(creating)
    if saved.exists():
        return
    store = creating / "store"
    store.mkdir(mode=0o700, parents=True)
    init_db_dir(store, RECOVERY_PARTITIONS)
    for path in sorted(store.glob("*.sqlite3")):
        _page(path)
    with (creating / "andon.json").open("w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, **_shape(settings)}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    creating.rename(saved)
    parent = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _shut_out_others(directory: Path) -> None:
    """Take all rights on the directory from everybody else, also where it was made by hand or unpacked from a backup.

    What isn't ours, as the mount point of a volume, can't be changed: then it may not be open to everybody's writing.
    """
    saved = directory / "saved"
    for path in (directory, directory / "lock", saved, *saved.rglob("*")):
        try:
            found = path.lstat()
        except FileNotFoundError:  # a journal that SQLite has just finished with
            continue
        others = stat.S_IMODE(found.st_mode) & 0o077
        if not others or stat.S_ISLNK(found.st_mode):
            continue
        if found.st_uid == os.geteuid() or os.geteuid() == 0:
            path.chmod(0o700 if stat.S_ISDIR(found.st_mode) else 0o600)
        elif others & stat.S_IWOTH:
            raise StateError(
                f"{path}: everybody may write there, and it belongs to another user. Whoever writes to the saved state "
                f"can run programs as andon. Give {directory} to andon's user, with mode 0700."
            )


def _page(path: Path) -> None:
    """Give a database its page size, which is fixed once it is written to a log ahead."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = OFF")  # once for all below
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("VACUUM")
        database.execute("PRAGMA journal_mode = WAL")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _shape(settings: Settings) -> dict[str, Any]:
    return {
        "site.name": settings.site.name,
        "service.lanes": settings.service.lanes,
        "service.key_groups": settings.service.key_groups,
    }


def _compare(directory: Path, settings: Settings) -> None:
    path = directory / "saved" / "andon.json"
    try:
        made_for = json.loads(path.read_bytes())
        format_ = made_for["format"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StateError(f"{path}: it can't be read. Restore the directory, or start with a new one.") from error
    if format_ != FORMAT:
        raise StateError(
            f"{directory}: its format is {format_}, this andon knows {FORMAT}. Use the andon that made it."
        )
    differing = [
        f"{key} is {made_for.get(key)!r} there and {value!r} in the settings"
        for key, value in _shape(settings).items()
        if made_for.get(key) != value
    ]
    if differing:
        raise StateError(
            f"{directory}: this state was made for other settings: {'; '.join(differing)}. "
            "Set them back, or begin anew with another service.state_dir."
        )


def _store_fault(error: BaseException) -> str | None:
    """SQLite's own words, if Bytewax's store gave up: it panics, and its error has no class, only text."""
    text = str(error)
    if "SqliteFailure" not in text:
        return None
    said = re.search(r'Some\("(.+?)"\)', text)
    return said[1] if said else "SQLite failed"


def _without_room(directory: Path) -> str | None:
    """Why no page more can be written where the state is; None: it can."""
    try:
        with TemporaryFile(dir=directory / "saved") as probe:
            probe.write(bytes(2 * PAGE_BYTES))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _unstorable(directory: Path, reason: str) -> StateError:
    return StateError(
        f"{directory}: the store of its state can't be used ({reason}). Make room on its disk, or restore it: "
        "andon goes on from the last state that was saved whole."
    )


def _unusable(directory: Path, error: OSError) -> StateError:
    return StateError(f"{directory}: the state directory can't be used ({error.strerror or error}).")
