"""The way to the plant's identity provider and back: what is remembered of who is on it, and how it may end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.users import Person

__all__ = ["CALLBACK", "Journey", "NotSignedInError", "Provider", "Why", "own_path"]

CALLBACK = "/api/oidc/callback"
"""The path of ours to which the provider sends people back: it has to know it."""

_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")


class Why(StrEnum):
    """Why somebody isn't signed in; the page has words for each."""

    UNREACHABLE = "unreachable"  # the provider doesn't answer, or not as one should
    REFUSED = "refused"  # the provider says no, or the person did
    EXPIRED = "expired"  # they come back without having left, too late, or twice
    INVALID = "invalid"  # what the provider says can't be trusted, or not be read
    NAMELESS = "nameless"  # it doesn't say the name that would stand in the alerts


class NotSignedInError(Exception):
    """Somebody isn't let in; the message is for the log."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Journey:
    """What is remembered of somebody between leaving for the provider and coming back."""

    state: str
    nonce: str
    verifier: str
    then: str
    """The path of ours that they wanted to see."""


class Provider(Protocol):
    """Says who somebody is."""

    def leave(self, then: str) -> tuple[str, Journey]:
        """Where to send somebody who wants to sign in, and what to remember of them.

        Raises: NotSignedInError.
        """

    def arrive(self, answer: Mapping[str, str], journey: Journey) -> Person:
        """Who comes back with this query.

        Raises: NotSignedInError.
        """

    def tell(self, error: NotSignedInError) -> None:
        """Somebody wasn't let in: a line in the log."""


def own_path(text: str) -> str:
    """The text if it is a path of ours; else the first page. Nobody is sent to another host from here."""
    return text if _OWN_PATH.fullmatch(text) else "/"
