"""`andon state`: what a state directory holds, and whether it is whole. Nothing in it is changed."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table as Grid

from andon.printing import Output
from contracts.errors import StateError
from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command", "saved_of"]


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings it is for."
)
@click.option("--json", "as_json", is_flag=True, help="JSON also on a terminal.")
def command(*, file: str, as_json: bool) -> None:
    """Look at the saved state: is it whole, what does it hold, how old is it, does a service use it.

    For before a restore, a rescale or an upgrade, and after a copy. Exit code 1: there is none, or it isn't whole.
    Every page of the store is read once.

    \b
    andon state --settings andon.toml
    ANDON_SERVICE__STATE_DIR=/backup/andon andon state
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    document = saved_of(Path(load(file, os.environ).service.state_dir))
    Output(as_json=as_json).result(document, _shown(document))
    if document["faults"]:
        sys.exit(1)


def saved_of(directory: Path) -> dict[str, Any]:
    """What the directory holds; `faults` says what keeps it from being used.

    Raises: StateError if there is none.
    """
    saved = directory.absolute() / "saved"
    if not saved.is_dir():
        raise StateError(f"{directory}: there is no saved state here. Set service.state_dir, or run andon once.")
    faults: list[str] = []
    made_for = _made_for(saved / "andon.json", faults)
    store = saved / "store"
    parts = [part for path in sorted(store.glob("part-*.sqlite3")) if (part := _part(path, faults))]
    count = max((part["count"] for part in parts), default=0)
    if missing := sorted(set(range(count)) - {part["index"] for part in parts}):
        faults.append(f"{len(missing)} of {count} partitions are missing: {missing}")
    if not parts:
        faults.append(f"{store.name} holds no partition")
    steps: dict[str, dict[str, int]] = {}
    for part in parts:
        for step, keys, size in part["steps"]:
            known = steps.setdefault(step.split(".")[1], {"keys": 0, "bytes": 0})  # flow.step, or flow.step.inner
            known["keys"] += keys
            known["bytes"] += size
    epochs = [part["resume_epoch"] for part in parts if part["resume_epoch"] is not None]
    return {
        "directory": str(directory.absolute()),
        "in_use": _in_use(directory / "lock"),
        "made_for": made_for,
        "partitions": len(parts),
        "bytes": sum(map(_size, store.glob("*"))),
        "starts": max((part["starts"] for part in parts), default=0),
        "resume_epoch": max(epochs, default=None),
        "saved_at": max((part["saved_at"] for part in parts if part["saved_at"]), default=None),
        "steps": dict(sorted(steps.items())),
        "faults": faults,
    }


def _made_for(path: Path, faults: list[str]) -> dict[str, Any]:
    try:
        made_for = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        faults.append(f"{path.name} can't be read ({error})")
        return {}
    return made_for if isinstance(made_for, dict) else {}


def _part(path: Path, faults: list[str]) -> dict[str, Any] | None:
    """One partition of Bytewax's recovery store."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as store:
            for (said,) in store.execute("PRAGMA quick_check(1)"):
                if said != "ok":
                    faults.append(f"{path.name}: {said}")
            ((index, count),) = store.execute("SELECT part_index, part_count FROM parts").fetchall()
            ((starts, resume_epoch),) = store.execute("SELECT count(*), max(resume_epoch) FROM exs").fetchall()
            steps = store.execute(
                "SELECT step_id, count(DISTINCT state_key), sum(length(ser_change)) FROM snaps GROUP BY step_id"
            ).fetchall()
            ((saved_at,),) = store.execute("SELECT max(created_at) FROM snaps").fetchall()
    except (sqlite3.Error, ValueError) as error:
        faults.append(f"{path.name}: {error}")
        return None
    return {
        "index": index,
        "count": count,
        "starts": starts,
        "resume_epoch": resume_epoch,
        "saved_at": saved_at,
        "steps": [(step, keys, size or 0) for step, keys, size in steps],
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a log that SQLite has just finished with
        return 0


def _in_use(lock: Path) -> bool:
    """Whether a service holds the directory."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _shown(document: dict[str, Any]) -> Grid:
    figures = Grid(box=None, show_header=False, pad_edge=False)
    figures.add_column(style="dim", no_wrap=True)
    figures.add_column(overflow="fold")
    for name, value in _lines(document):
        figures.add_row(name, value)
    return figures


def _lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "directory", document["directory"] + (", in use" if document["in_use"] else "")
    yield "made for", ", ".join(f"{key} = {value}" for key, value in document["made_for"].items())
    yield (
        "saved",
        f"{document['saved_at'] or 'never'} UTC, {document['bytes'] / 1e6:.1f} MB, {document['starts']} starts",
    )
    for step, size in document["steps"].items():
        yield step, f"{size['keys']} keys, {size['bytes'] / 1e6:.1f} MB"
    yield "whole", "yes" if not document["faults"] else "no: " + "; ".join(document["faults"])
