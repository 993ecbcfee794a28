"""How a command ends: with one line that says why, and an exit code.

A process that has run the flow doesn't leave by Python's own way: threads of libraries would go on while the
interpreter is taken down, and now and then that ends in an abort (SIGABRT) where a supervisor should see an exit code.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from contracts.errors import AndonError, ConfigError

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["complain", "leave"]


def complain(error: AndonError) -> int:
    """Say what is wrong, on stderr; returns the exit code: 2 for wrong settings, 1 for the world's faults."""
    wrong_settings = isinstance(error, ConfigError)
    click.echo(str(error) if wrong_settings else f"andon: {error}", err=True)
    return 2 if wrong_settings else 1


def leave(code: int, why: str | None = None) -> NoReturn:
    """End at once, from any thread. What is left are threads of libraries, and none of them holds what isn't saved.

    Args:
        why: the line that says it, on stderr.
    """
    try:
        if why is not None:
            sys.stderr.write(f"andon: {why}\n")
        sys.stderr.flush()
        sys.stdout.flush()
    finally:  # also where nobody reads any more
        os._exit(code)
