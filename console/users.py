"""Who may sign in: a file with a line for each person, `name:role:hash`, the hash made by Argon2id (RFC 9106)."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contracts.errors import ConfigError, Problem

__all__ = ["PASSWORD_CHARACTERS_MIN", "Person", "Role", "User", "Users", "add_user"]

PASSWORD_CHARACTERS_MIN = 10
PASSWORD_CHARACTERS_MAX = 1_000
NAME = re.compile(r"[^\s:,\x00-\x1f\x7f]{1,64}")

HASHER = PasswordHasher()
"""With the second recommendation of RFC 9106: 64 MB, three passes."""

CHECKED_AT_ONCE = 2
"""A check takes 64 MB and some tens of milliseconds by design: more of them wait."""


class Role(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"  # looks
    OPERATOR = "operator"  # acknowledges and shelves too


@dataclass(frozen=True, slots=True)
class Person:
    """Who is at a screen."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class User:
    """One line of the file."""

    role: Role
    password_hash: str

    @property
    def mark(self) -> str:
        """Changes with the password: sessions that were begun with another one are over."""
        return blake2b(self.password_hash.encode(), digest_size=6).hexdigest()


class Users:
    """The file, read again whenever it has changed: whoever is removed from it is out at once.

    Raises: ConfigError if it can't be read or used.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._nobody = HASHER.hash("nobody has this password")
        self._checks = BoundedSemaphore(CHECKED_AT_ONCE)
        self._seen: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self._look()

    def find(self, name: str) -> User | None:
        """The user of that name, as the file says now. A file that is gone or broken lets nobody in."""
        try:
            self._look()
        except ConfigError:
            self._users, self._seen = {}, None
        return self._users.get(name)

    def check(self, name: str, password: str) -> Person | None:
        """Who signs in; None: name or password is wrong. Takes as long for a name that there isn't."""
        user = self.find(name)
        with self._checks:
            try:
                HASHER.verify(user.password_hash if user else self._nobody, password[:PASSWORD_CHARACTERS_MAX])
            except (VerificationError, InvalidHashError):
                return None
        return Person(name, user.role) if user else None

    def _look(self) -> None:
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_ino) == self._seen:
                return
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _broken(
                self._path, f"can't be read ({error})", "Make it: andon console add-user NAME --role operator."
            ) from error
        self._users = _parsed(self._path, text)
        self._seen = (stat.st_mtime_ns, stat.st_ino)


def add_user(path: str | Path, name: str, role: Role, password: str) -> bool:
    """Write a user into the file, which is made if need be; whether there was one of that name, who is replaced.

    Raises: ValueError for a name or password that won't do; ConfigError if the file is broken or can't be written.
    """
    if not NAME.fullmatch(name):
        raise ValueError("a name has 1 to 64 characters, and no spaces, colons or commas")
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise ValueError(f"a password has at least {PASSWORD_CHARACTERS_MIN} characters")
    path = Path(path)
    try:
        users = _parsed(path, path.read_text(encoding="utf-8")) if path.exists() else {}
        known = name in users
        users[name] = User(role, HASHER.hash(password))
        text = "".join(f"{name}:{user.role}:{user.password_hash}\n" for name, user in sorted(users.items()))
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)  # whole or not at all; only its owner may read it
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, f"can't be written ({error})", "Name another file in console.users_file.") from error
    return known


def _parsed(path: Path, text: str) -> dict[str, User]:
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        role, _, password_hash = rest.partition(":")
        if not NAME.fullmatch(name) or role not in set(Role) or not password_hash.startswith("$argon2id$"):
            raise _broken(
                path,
                f"line {number} isn't `name:role:hash` with a role of {' or '.join(Role)} and an argon2id hash",
                "Remove the line, and add the user again: andon console add-user NAME --role operator.",
            )
        users[name] = User(Role(role), password_hash)
    return users


def _broken(path: Path, what: str, remedy: str) -> ConfigError:
    return ConfigError("users of the console", (Problem(str(path), f"{what}.", remedy),))
