"""The page's server: what it shows, what it streams, and what people ask for.

Every answer forbids the browser to run or load anything but our own files. Whoever isn't signed in sees the sign-in
form and nothing of the plant; viewers see all and change nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from hmac import compare_digest
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.asset import asset_document, assets_document
from console.doors import COOKIE, CSRF_HEADER, LOOPBACK, Guesses
from console.plant import Order
from console.users import Role
from contracts.alerts import read_alert

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from console.doors import Door, Visit
    from console.history import History, Line
    from console.live import Live
    from console.plant import Plant
    from console.store import Store
    from console.trends import Trends
    from console.users import Users
    from contracts.alarm_states import AlarmState
    from contracts.alerts import Alert

__all__ = ["app"]

STATIC = Path(str(files("console") / "static"))
PAGES = ("/", "/alarm/{alert_id}", "/asset", "/asset/{asset:path}", "/report", "/system")

BODY_BYTES_MAX = 16 * 1024
POINTS_MAX = 4_000
REPORT_DAYS_MAX = 366

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def app(
    *,
    plant: Plant,
    live: Live,
    history: History,
    trends: Trends,
    store: Store,
    door: Door,
    users: Users | None,
    clock: Callable[[], float],
) -> Starlette:
    """The application.

    Args:
        clock: only goes forward; for waiting times after wrong passwords.
    """
    console = _Console(
        plant=plant, live=live, history=history, trends=trends, store=store, door=door, users=users, clock=clock
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(live.run())
        try:
            yield
        finally:
            running.cancel()

    routes = [
        *(Route(path, console.page) for path in PAGES),
        Route("/api/me", console.me),
        Route("/api/login", console.login, methods=["POST"]),
        Route("/api/logout", console.logout, methods=["POST"]),
        Route("/api/events", console.events),
        Route("/api/assets", console.assets),
        Route("/api/asset", console.asset),
        Route("/api/trend", console.trend),
        Route("/api/alarm/{alert_id}", console.alarm),
        Route("/api/report", console.report),
        Route("/api/system", console.system),
        Route("/api/commands", console.command, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    built = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _refused})
    built.add_middleware(_Headers, only_local=door.open)
    return built


class _Headers:
    """Puts what every browser must know on every answer; and refuses other names for this machine where it is open.

    A page elsewhere could give its own name this machine's address, and read what we tell: its Host isn't ours.
    """

    def __init__(self, inner: ASGIApp, *, only_local: bool) -> None:
        self._inner = inner
        self._only_local = only_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                cached = scope["path"].startswith("/static/")
                more = _HEADERS | {"cache-control": "no-cache" if cached else "no-store"}
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in more.items())]
            await send(message)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if self._only_local and (urlsplit(f"//{host}").hostname or "") not in LOOPBACK:
            await Response("Open this page by the name localhost.\n", 421)(scope, receive, send_with)
            return
        await self._inner(scope, receive, send_with)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"fault": error.detail}, status=error.status_code, headers=error.headers)


class _Console:
    """Answers."""

    def __init__(
        self,
        *,
        plant: Plant,
        live: Live,
        history: History,
        trends: Trends,
        store: Store,
        door: Door,
        users: Users | None,
        clock: Callable[[], float],
    ) -> None:
        self._plant = plant
        self._live = live
        self._history = history
        self._trends = trends
        self._store = store
        self._door = door
        self._users = users
        self._guesses = Guesses(clock)

    async def page(self, _request: Request) -> Response:
        """The one document; its script shows what the path says."""
        return FileResponse(STATIC / "index.html")

    async def me(self, request: Request) -> Response:
        """Who is here, and what they need to know before anything else."""
        visit = self._visit(request)
        settings = self._plant.settings
        document: dict[str, Any] = {"signed_in": visit is not None, "has_users": self._door.has_users}
        if visit is not None:
            document |= {
                "name": visit.person.name,
                "role": visit.person.role,
                "token": visit.token,
                "can_sign_out": request.cookies.get(COOKIE) is not None,
                "open": self._door.open,
                "site": settings.site.name,
                "time_zone": settings.console.time_zone,
                "shelve_max_h": settings.alarms.shelve_max_h,
                "version": self._plant.version,
            }
        return _json(document)

    async def login(self, request: Request) -> Response:
        """A name and a password for a session."""
        self._same_origin(request)
        if self._users is None:
            raise HTTPException(404, "Nobody signs in here by name and password.")
        given = await _body(request)
        name, password = given.get("name"), given.get("password")
        if not isinstance(name, str) or not isinstance(password, str) or not name or not password:
            raise HTTPException(400, "Give name and password.")
        who = (f"name {name[:64]}", f"address {_address(request)}")
        if wait_s := self._guesses.wait_s(*who):
            minutes = max(1, round(wait_s / 60))
            raise HTTPException(
                429,
                f"Too many wrong passwords: try again in {minutes} min.",
                headers={"retry-after": str(round(wait_s) + 1)},
            )
        self._guesses.wrong(*who)  # before it is known: or many could try while the first is checked
        person = await run_in_threadpool(self._users.check, name, password)
        if person is None:
            raise HTTPException(401, "Name or password is wrong.")
        self._guesses.right(*who)
        cookie, lasts_s = self._door.session_of(person)
        answer = _json({"name": person.name, "role": person.role})
        answer.set_cookie(COOKIE, cookie, max_age=lasts_s, httponly=True, samesite="strict", secure=self._door.secure)
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session in this browser."""
        self._changing(request)
        answer = _json({})
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._door.secure)
        return answer

    async def events(self, request: Request) -> Response:
        """The live stream."""
        self._visitor(request)
        last = request.headers.get("last-event-id", "") or request.query_params.get("last", "")
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(self._stream(request, last), media_type="text/event-stream", headers=headers)

    async def _stream(self, request: Request, last: str) -> AsyncIterator[bytes]:
        """Events while the person may see them: a session that ends, ends its stream."""
        loop = asyncio.get_running_loop()
        look_s = loop.time() + 5
        async for part in self._live.events(last):
            yield part
            if loop.time() > look_s:
                look_s = loop.time() + 5
                if self._visit(request) is None:
                    return

    async def assets(self, request: Request) -> Response:
        """All assets."""
        self._visitor(request)
        return _json(
            await run_in_threadpool(
                assets_document, self._trends, self._history, self._live.table, site=self._plant.settings.site.name
            )
        )

    async def asset(self, request: Request) -> Response:
        """One asset: its sensors with their limits, and what was told of it between two times."""
        self._visitor(request)
        name = request.query_params.get("name", "")
        from_ms, to_ms = _span(request)
        document = await run_in_threadpool(
            asset_document,
            name,
            from_ms=from_ms,
            to_ms=to_ms,
            settings=self._plant.settings,
            trends=self._trends,
            history=self._history,
            table=self._live.table,
        )
        document["devices"] = [
            record.model_dump(mode="json") for record in self._plant.devices() if record.device == name
        ]
        return _json(document)

    async def trend(self, request: Request) -> Response:
        """One sensor between two times."""
        self._visitor(request)
        from_ms, to_ms = _span(request)
        points = min(max(_whole(request, "points", 800), 10), POINTS_MAX)
        asset, sensor = request.query_params.get("asset", ""), request.query_params.get("sensor", "")
        trend = await run_in_threadpool(self._trends.of, asset, sensor, from_ms=from_ms, to_ms=to_ms, points_max=points)
        return _json(trend._asdict())

    async def alarm(self, request: Request) -> Response:
        """One alarm's whole story."""
        self._visitor(request)
        alert_id = request.path_params["alert_id"]
        lines = await run_in_threadpool(self._history.story, alert_id)
        standing = next(
            (state for state in list(self._live.table.alarms.values()) if state.alert.alert_id == alert_id), None
        )
        if not lines and standing is None:
            raise HTTPException(404, "No alarm with this id is known: it may be older than what the console keeps.")
        first, last = _ends(lines, standing)
        return _json(
            {
                "lines": [line.document() for line in lines],
                "standing": standing and standing.model_dump(by_alias=True, mode="json"),
                "reproduce": self._plant.reproduce(first, max(first.ts, last.ts)),
            }
        )

    async def report(self, request: Request) -> Response:
        """The figures of EEMUA 191 over some hours up to now."""
        self._visitor(request)
        hours = min(max(_whole(request, "hours", 24), 1), 24 * REPORT_DAYS_MAX)
        to_ms = self._plant.clock().now_ms + 1
        return _json(await run_in_threadpool(self._report, to_ms - hours * 3_600_000, to_ms))

    def _report(self, from_ms: int, to_ms: int) -> dict[str, Any]:
        lead_ms = 86_400_000  # what was raised the day before may be acknowledged, or grow stale, within the time
        alerts = self._history.between(from_ms - lead_ms, to_ms)
        return self._plant.report(alerts, from_ms, to_ms, self._live.table)

    async def system(self, request: Request) -> Response:
        """How the service is, and how we are."""
        self._visitor(request)
        status = await run_in_threadpool(self._plant.status)
        ours = {
            "version": self._plant.version,
            "screens": self._live.screens,
            "store_bytes": self._store.size,
            "store_bytes_max": self._plant.settings.console.store_mb_max * 1024 * 1024,
            "series": len(self._trends.names()),
            "series_refused": len(self._trends.refused),
            "unreadable_alerts": self._history.unreadable,
            "feeds": [told._asdict() for told in self._plant.feeds()],
            **self._live.health(),
        }
        heartbeats = [beat.model_dump(mode="json") for beat in list(self._live.table.heartbeats.values())]
        devices = [record.model_dump(mode="json") for record in self._plant.devices()]
        return _json({"service": status, "console": ours, "heartbeats": heartbeats, "devices": devices})

    async def command(self, request: Request) -> Response:
        """What an operator wants done."""
        visit = self._changing(request)
        if visit.person.role is not Role.OPERATOR:
            raise HTTPException(403, "Viewers look: an operator may do this.")
        document = await _body(request)
        reply = await run_in_threadpool(self._plant.order, Order(document=document, by=visit.person.name))
        return _json({"done": reply.done, "why": reply.why}, status=200 if reply.done else 409)

    def _visit(self, request: Request) -> Visit | None:
        return self._door.visit(address=_address(request), headers=request.headers, cookie=request.cookies.get(COOKIE))

    def _visitor(self, request: Request) -> Visit:
        visit = self._visit(request)
        if visit is None:
            raise HTTPException(401, "Sign in.")
        return visit

    def _changing(self, request: Request) -> Visit:
        """Whoever changes something: signed in, from our own page.

        Raises: HTTPException otherwise.
        """
        self._same_origin(request)
        visit = self._visitor(request)
        if not compare_digest(request.headers.get(CSRF_HEADER, "").encode(), visit.token.encode()):
            raise HTTPException(403, "The page is older than the session: load it again.")
        return visit

    def _same_origin(self, request: Request) -> None:
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise HTTPException(403, "This was asked by another page than ours.")


def _ends(lines: list[Line], standing: AlarmState | None) -> tuple[Alert, Alert]:
    """The first and the newest transition that are known of an alarm."""
    if lines:
        return read_alert(lines[0].body), read_alert(lines[-1].body)
    assert standing is not None
    return standing.alert, standing.alert


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request.

    Raises: HTTPException if it is none, or too large.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"More than {BODY_BYTES_MAX} bytes.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    is_json = request.headers.get("content-type", "").partition(";")[0] == "application/json"
    if not is_json or not isinstance(document, dict):
        raise HTTPException(400, "Send a JSON object.")
    return document


def _span(request: Request) -> tuple[int, int]:
    from_ms, to_ms = _whole(request, "from", 0), _whole(request, "to", 0)
    if not 0 <= from_ms < to_ms:
        raise HTTPException(400, "from and to are ms since the epoch, and from is before to.")
    return from_ms, to_ms


def _whole(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise HTTPException(400, f"{name} is a whole number.")
    return int(text)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _json(document: object, *, status: int = 200, headers: Any = None) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json", headers=headers)
