"""Who comes in, and by what: a name and a password, or the plant's own sign-in (OpenID Connect)."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from console.doors import COOKIE
from console.journey import CALLBACK, Journey, NotSignedInError, Why, own_path
from console.requests import Gate, address_of, body_of, json_answer, same_origin

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from console.doors import Door, Guesses
    from console.journey import Provider
    from console.plant import Plant
    from console.users import Users

__all__ = ["SignIn"]

JOURNEY = "andon_journey"
JOURNEY_S = 600
"""Long enough to find a second factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Answers whoever comes, goes, or asks who they are."""

    plant: Plant
    door: Door
    users: Users | None
    provider: Provider | None
    guesses: Guesses

    @property
    def gate(self) -> Gate:
        """Asks of every request who it is from."""
        return Gate(self.door)

    async def me(self, request: Request) -> Response:
        """Who is here, and what they need to know before anything else."""
        visit = self.gate.visit(request)
        settings = self.plant.settings
        document: dict[str, Any] = {"signed_in": visit is not None, "has_users": self.door.has_users}
        if visit is None and settings.console.oidc_issuer is not None:
            document["provider"] = urlsplit(settings.console.oidc_issuer).hostname
        if visit is not None:
            document |= {
                "name": visit.person.name,
                "role": visit.person.role,
                "token": visit.token,
                "can_sign_out": request.cookies.get(COOKIE) is not None,
                "open": self.door.open,
                "site": settings.site.name,
                "time_zone": settings.console.time_zone,
                "shelve_max_h": settings.alarms.shelve_max_h,
                "version": self.plant.version,
            }
        return json_answer(document)

    async def login(self, request: Request) -> Response:
        """A name and a password for a session."""
        same_origin(request)
        if self.users is None:
            raise HTTPException(404, "Nobody signs in here by name and password.")
        given = await body_of(request)
        name, password = given.get("name"), given.get("password")
        if not isinstance(name, str) or not isinstance(password, str) or not name or not password:
            raise HTTPException(400, "Give name and password.")
        who = (f"name {name[:64]}", f"address {address_of(request)}")
        if wait_s := self.guesses.wait_s(*who):
            minutes = max(1, round(wait_s / 60))
            raise HTTPException(
                429,
                f"Too many wrong passwords: try again in {minutes} min.",
                headers={"retry-after": str(round(wait_s) + 1)},
            )
        self.guesses.wrong(*who)  # before it is known: or many could try while the first is checked
        person = await run_in_threadpool(self.users.check, name, password)
        if person is None:
            raise HTTPException(401, "Name or password is wrong.")
        self.guesses.right(*who)
        cookie, lasts_s = self.door.session_of(person)
        answer = json_answer({"name": person.name, "role": person.role})
        self._keep(answer, cookie, lasts_s)
        return answer

    async def leave(self, request: Request) -> Response:
        """Off to the plant's identity provider, and back to `then`."""
        provider = self._provider()
        try:
            url, journey = await run_in_threadpool(provider.leave, own_path(request.query_params.get("then", "/")))
        except NotSignedInError as error:
            return self._not_signed_in(error)
        answer = RedirectResponse(url, 303)
        cookie = self.door.seal.close(JOURNEY, astuple(journey), lasts_s=JOURNEY_S)
        answer.set_cookie(JOURNEY, cookie, max_age=JOURNEY_S, **self._of_journey())
        return answer

    async def arrive(self, request: Request) -> Response:
        """Back from there."""
        provider = self._provider()
        remembered = self.door.seal.open(JOURNEY, request.cookies.get(JOURNEY))
        if remembered is None:
            return self._not_signed_in(NotSignedInError(Why.EXPIRED, "somebody came back who hadn't left, or too late"))
        journey = Journey(*remembered[0])
        try:
            person = await run_in_threadpool(provider.arrive, dict(request.query_params), journey)
        except NotSignedInError as error:
            return self._not_signed_in(error)
        answer = RedirectResponse(journey.then, 303)
        self._keep(answer, *self.door.session_of(person, by_provider=True))
        answer.delete_cookie(JOURNEY, **self._of_journey())
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session in this browser."""
        self.gate.changing(request)
        answer = json_answer({})
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self.door.secure)
        return answer

    def _keep(self, answer: Response, cookie: str, lasts_s: int) -> None:
        answer.set_cookie(COOKIE, cookie, max_age=lasts_s, httponly=True, samesite="strict", secure=self.door.secure)

    def _provider(self) -> Provider:
        if self.provider is None:
            raise HTTPException(404, "Nobody signs in here by an identity provider.")
        return self.provider

    def _of_journey(self) -> dict[str, Any]:
        """Lax, for who comes back comes from another site; and for that one path."""
        return {"path": CALLBACK, "httponly": True, "samesite": "lax", "secure": self.door.secure}

    def _not_signed_in(self, error: NotSignedInError) -> Response:
        """To the sign-in page, which has words for it; what went wrong exactly is in the log."""
        self._provider().tell(error)
        answer = RedirectResponse(f"/?signin={error.why}", 303)
        answer.delete_cookie(JOURNEY, **self._of_journey())
        return answer
