"""Who is let in, and what they may do: sessions, a proxy that people sign in to, and the bounds on guessing.

A session is a signed cookie (HMAC-SHA-256): nothing is kept of it here, so it outlives a restart, and it ends when its
hours are over, when its user is removed or gets another password, or on signing out in that browser. The cookie is
HttpOnly and SameSite=Strict; what changes something also needs a token that only our own page can read, and an Origin
that is ours.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING

import orjson

from console.seal import Seal
from console.users import Person, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.users import Users
    from contracts.console import Console

__all__ = ["COOKIE", "CSRF_HEADER", "LOOPBACK", "Door", "Guesses", "Visit"]

COOKIE = "andon_session"
CSRF_HEADER = "x-andon-token"
SESSION = "session 2"  # with its number: a cookie of an older make is nobody's
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

GUESSES_MAX = 5
GUESSES_S = 300.0
"""So many wrong passwords in so long, for one name and for one address: then that one waits."""

GUESSERS_MAX = 10_000
"""Names and addresses that are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, and the token that their changes must carry."""

    person: Person
    token: str
    expires_s: float
    """Seconds since the epoch; infinity where there is no session that could end."""


class Guesses:
    """Counts wrong passwords. Times are of any clock that only goes forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, *who: str) -> float:
        """How long these names and addresses must wait before they may try again; 0: they may now."""
        now = self._clock()
        with self._lock:
            return max((self._wait_s(each, now) for each in who), default=0.0)

    def wrong(self, *who: str) -> None:
        """They were wrong once more."""
        now = self._clock()
        with self._lock:
            for each in who:
                times = [time for time in self._wrong.pop(each, []) if now - time < GUESSES_S]
                self._wrong[each] = [*times, now][-GUESSES_MAX:]
            while len(self._wrong) > GUESSERS_MAX:
                self._wrong.popitem(last=False)

    def right(self, *who: str) -> None:
        """They were right: what was before is forgiven."""
        with self._lock:
            for each in who:
                self._wrong.pop(each, None)

    def _wait_s(self, who: str, now: float) -> float:
        times = self._wrong.get(who, [])
        return max(0.0, times[0] + GUESSES_S - now) if len(times) >= GUESSES_MAX else 0.0


class Door:
    """Says who a request is from.

    Args:
        users: None: nobody has to sign in. Then whoever reaches the page is `local`, which only this machine may.
        secret: what cookies are signed with.
        local: name of whoever sits at this machine.
        clock: seconds since the epoch.
    """

    def __init__(
        self, settings: Console, users: Users | None, *, secret: bytes, local: str, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._users = users
        self.seal = Seal(secret, clock)
        self._local = local
        self._secure = _secure(settings)

    @property
    def secure(self) -> bool:
        """Whether cookies are for TLS only."""
        return self._secure

    @property
    def open(self) -> bool:
        """Nobody has to sign in."""
        settings = self._settings
        return self._users is None and settings.proxy_user_header is None and settings.oidc_issuer is None

    @property
    def has_users(self) -> bool:
        """People can sign in here, by name and password."""
        return self._users is not None

    def visit(self, *, address: str, headers: Mapping[str, str], cookie: str | None) -> Visit | None:
        """Who a request is from; None: they have to sign in."""
        if self.open:
            return self._visit(Person(self._local, Role.OPERATOR), "local", float("inf"))
        return self._by_proxy(address, headers) or self._by_cookie(cookie)

    def session_of(self, person: Person, *, by_provider: bool = False) -> tuple[str, int]:
        """A new session's cookie, and how many seconds it is good for.

        Args:
            by_provider: the plant's identity provider has said who they are, and their role holds as long as this.
        """
        lasts_s = round(self._settings.session_h * 3600)
        if by_provider:
            mark = self._provider_mark()
        else:
            assert self._users is not None
            user = self._users.find(person.name)
            mark = user.mark if user else ""
        role = person.role if by_provider else None
        return self.seal.close(SESSION, [person.name, mark, role], lasts_s=lasts_s), lasts_s

    def _by_proxy(self, address: str, headers: Mapping[str, str]) -> Visit | None:
        settings = self._settings
        if settings.proxy_user_header is None or address not in settings.proxy_addresses:
            return None
        name = headers.get(settings.proxy_user_header.lower(), "").strip()[:64]
        if not name or not name.isprintable():
            return None
        role = Role.VIEWER
        if settings.proxy_role_header is not None:
            groups = headers.get(settings.proxy_role_header.lower(), "").split(",")
            if settings.proxy_operator_group in {group.strip() for group in groups}:
                role = Role.OPERATOR
        return self._visit(Person(name, role), name, float("inf"))

    def _by_cookie(self, cookie: str | None) -> Visit | None:
        session = self.seal.open(SESSION, cookie)
        if session is None:
            return None
        (name, mark, role), expires_s = session
        if role is not None:
            known = self._settings.oidc_issuer is not None and mark == self._provider_mark()
            return self._visit(Person(name, Role(role)), cookie or "", expires_s) if known else None
        user = None if self._users is None else self._users.find(name)
        if user is None or user.mark != mark:
            return None
        return self._visit(Person(name, user.role), cookie or "", expires_s)

    def _provider_mark(self) -> str:
        """Changes with what the settings say of the provider: sessions that were begun by others are over."""
        settings = self._settings
        said = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_role_claim, settings.oidc_operator_group)
        return blake2b(orjson.dumps(said), digest_size=6).hexdigest()

    def _visit(self, person: Person, session: str, expires_s: float) -> Visit:
        return Visit(person, self.seal.sign("token", session), expires_s)


def _secure(settings: Console) -> bool:
    """Whether cookies are for TLS only: as is said; else by how people reach the page."""
    if settings.cookie_secure is not None:
        return settings.cookie_secure
    if settings.public_url is not None:
        return settings.public_url.startswith("https:")
    return settings.host not in LOOPBACK
