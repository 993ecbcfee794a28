"""The real tools that judge what we deploy, or a visible skip that says how to get them (with CI=true: a failure)."""

from __future__ import annotations

from deploy.debian import ProgramError, program
from tests.conftest import unavailable


def debian(name: str) -> str:
    """The path of a program of a Debian package."""
    try:
        return str(program(name))
    except ProgramError as error:
        unavailable(str(error))
