"""A file that is there whole or not at all: written under another name, and given its own in the end."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from contracts.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["landing"]


@contextmanager
def landing(path: Path, *, force: bool) -> Iterator[Path]:
    """Give the name to write to meanwhile, `FILE.part`; whoever is given it closes the file.

    When all went well, what is there gets its own name, and is on the disk. When something raised, it stays where it
    is, so that hours of recording aren't lost with their end.

    Args:
        force: a file of that name is replaced.

    Raises: SinkError if it can't be written, or a file of that name has come into being meanwhile.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if path.exists() and not force:
            raise SinkError(f"{path}: is there by now; what was recorded is in {part}.")
        part.replace(path)
    except OSError as error:
        raise SinkError(f"{path}: can't be written: {error.strerror or error}.") from error
