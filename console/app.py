"""The page's server: what it shows, what it streams, and what people ask for.

Every answer forbids the browser to run or load anything but our own files. Whoever isn't signed in sees the sign-in
form and nothing of the plant; viewers see all and change nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.asset import asset_document, assets_document
from console.doors import LOOPBACK
from console.journey import CALLBACK
from console.plant import Order
from console.requests import Gate, body_of, json_answer, refused, span_of, whole_of
from console.service import service_document
from console.users import Role
from contracts.alerts import read_alert

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from console.history import History, Line
    from console.live import Live
    from console.plant import Plant
    from console.shared import Shared
    from console.sign_in import SignIn
    from console.store import Store
    from console.trends import Trends
    from contracts.alarm_states import AlarmState
    from contracts.alerts import Alert

__all__ = ["Console", "app"]

STATIC = Path(str(files("console") / "static"))
PAGES = ("/", "/alarm/{alert_id}", "/asset", "/asset/{asset:path}", "/report", "/system")

POINTS_MAX = 4_000
REPORT_DAYS_MAX = 366
PAGES_WITH_PAST = ("system", "report")

STATUS_KEPT_S = 2.0
"""A page asks every five seconds, and there may be a hundred of them."""

PAST_KEPT_S = 10.0
"""Prometheus itself looks no more often."""

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


def app(console: Console) -> Starlette:
    """The application."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(console.live.run())
        try:
            yield
        finally:
            running.cancel()

    sign_in = console.sign_in
    routes = [
        *(Route(path, console.page) for path in PAGES),
        Route("/api/me", sign_in.me),
        Route("/api/login", sign_in.login, methods=["POST"]),
        Route("/api/logout", sign_in.logout, methods=["POST"]),
        Route("/api/oidc/login", sign_in.leave),
        Route(CALLBACK, sign_in.arrive),
        Route("/api/events", console.events),
        Route("/api/assets", console.assets),
        Route("/api/asset", console.asset),
        Route("/api/trend", console.trend),
        Route("/api/alarm/{alert_id}", console.alarm),
        Route("/api/report", console.report),
        Route("/api/system", console.system),
        Route("/api/past", console.past),
        Route("/api/commands", console.command, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    built = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: refused})
    built.add_middleware(_Headers, only_local=sign_in.door.open)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Answers what the page asks."""

    plant: Plant
    live: Live
    history: History
    trends: Trends
    store: Store
    sign_in: SignIn
    shared: Shared

    @property
    def gate(self) -> Gate:
        """Who may ask."""
        return self.sign_in.gate

    async def page(self, _request: Request) -> Response:
        """The one document; its script shows what the path says."""
        return FileResponse(STATIC / "index.html")

    async def events(self, request: Request) -> Response:
        """The live stream."""
        self.gate.visitor(request)
        last = request.headers.get("last-event-id", "") or request.query_params.get("last", "")
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(self._stream(request, last), media_type="text/event-stream", headers=headers)

    async def _stream(self, request: Request, last: str) -> AsyncIterator[bytes]:
        """Events while the person may see them: a session that ends, ends its stream."""
        loop = asyncio.get_running_loop()
        look_s = loop.time() + 5
        async for part in self.live.events(last):
            yield part
            if loop.time() > look_s:
                look_s = loop.time() + 5
                if self.gate.visit(request) is None:
                    return

    async def assets(self, request: Request) -> Response:
        """All assets."""
        self.gate.visitor(request)
        return json_answer(
            await run_in_threadpool(
                assets_document, self.trends, self.history, self.live.table, site=self.plant.settings.site.name
            )
        )

    async def asset(self, request: Request) -> Response:
        """One asset: its sensors with their limits, and what was told of it between two times."""
        self.gate.visitor(request)
        name = request.query_params.get("name", "")
        from_ms, to_ms = span_of(request)
        document = await run_in_threadpool(
            asset_document,
            name,
            from_ms=from_ms,
            to_ms=to_ms,
            settings=self.plant.settings,
            trends=self.trends,
            history=self.history,
            table=self.live.table,
        )
        document["devices"] = [
            record.model_dump(mode="json") for record in self.plant.devices() if record.device == name
        ]
        return json_answer(document)

    async def trend(self, request: Request) -> Response:
        """One sensor between two times."""
        self.gate.visitor(request)
        from_ms, to_ms = span_of(request)
        points = min(max(whole_of(request, "points", 800), 10), POINTS_MAX)
        asset, sensor = request.query_params.get("asset", ""), request.query_params.get("sensor", "")
        trend = await run_in_threadpool(self.trends.of, asset, sensor, from_ms=from_ms, to_ms=to_ms, points_max=points)
        return json_answer(trend._asdict())

    async def alarm(self, request: Request) -> Response:
        """One alarm's whole story."""
        self.gate.visitor(request)
        alert_id = request.path_params["alert_id"]
        lines = await run_in_threadpool(self.history.story, alert_id)
        standing = next(
            (state for state in list(self.live.table.alarms.values()) if state.alert.alert_id == alert_id), None
        )
        if not lines and standing is None:
            raise HTTPException(404, "No alarm with this id is known: it may be older than what the console keeps.")
        first, last = _ends(lines, standing)
        return json_answer(
            {
                "lines": [line.document() for line in lines],
                "standing": standing and standing.model_dump(by_alias=True, mode="json"),
                "reproduce": self.plant.reproduce(first, max(first.ts, last.ts)),
            }
        )

    async def report(self, request: Request) -> Response:
        """The figures of EEMUA 191 over some hours up to now."""
        self.gate.visitor(request)
        hours = _hours(request)
        to_ms = self.plant.clock().now_ms + 1
        return json_answer(await run_in_threadpool(self._report, to_ms - hours * 3_600_000, to_ms))

    def _report(self, from_ms: int, to_ms: int) -> dict[str, Any]:
        lead_ms = 86_400_000  # what was raised the day before may be acknowledged, or grow stale, within the time
        alerts = self.history.between(from_ms - lead_ms, to_ms)
        figures = self.plant.report(alerts, from_ms, to_ms, self.live.table)
        return figures | {"oldest_ts": self.history.oldest_ts}

    async def system(self, request: Request) -> Response:
        """How the service is, and how we are."""
        self.gate.visitor(request)
        status = await self.shared.get("status", self.plant.status, keep_s=STATUS_KEPT_S)
        ours = {
            "version": self.plant.version,
            "screens": self.live.screens,
            "store_bytes": self.store.size,
            "store_bytes_max": self.plant.settings.console.store_mb_max * 1024 * 1024,
            "series": len(self.trends.names()),
            "series_refused": len(self.trends.refused),
            "unreadable_alerts": self.history.unreadable,
            "feeds": [told._asdict() for told in self.plant.feeds()],
            **self.live.health(),
        }
        heartbeats = [beat.model_dump(mode="json") for beat in list(self.live.table.heartbeats.values())]
        devices = [record.model_dump(mode="json") for record in self.plant.devices()]
        return json_answer(
            {"service": service_document(status), "console": ours, "heartbeats": heartbeats, "devices": devices}
        )

    async def past(self, request: Request) -> Response:
        """What Prometheus has kept for a page, over some hours up to now."""
        self.gate.visitor(request)
        page, hours = request.query_params.get("page", ""), _hours(request)
        if self.plant.past is None:
            return json_answer({"configured": False})
        if page not in PAGES_WITH_PAST:
            raise HTTPException(400, f"page is {' or '.join(PAGES_WITH_PAST)}.")
        to_ms = self.plant.clock().now_ms
        ask = partial(self.plant.past, page, to_ms - hours * 3_600_000, to_ms)
        document = await self.shared.get(f"past {page} {hours}", ask, keep_s=PAST_KEPT_S)
        return json_answer({"configured": True, **document})

    async def command(self, request: Request) -> Response:
        """What an operator wants done."""
        visit = self.gate.changing(request)
        if visit.person.role is not Role.OPERATOR:
            raise HTTPException(403, "Viewers look: an operator may do this.")
        document = await body_of(request)
        reply = await run_in_threadpool(self.plant.order, Order(document=document, by=visit.person.name))
        return json_answer({"done": reply.done, "why": reply.why}, status=200 if reply.done else 409)


def _hours(request: Request) -> int:
    return min(max(whole_of(request, "hours", 24), 1), 24 * REPORT_DAYS_MAX)


def _ends(lines: list[Line], standing: AlarmState | None) -> tuple[Alert, Alert]:
    """The first and the newest transition that are known of an alarm."""
    if lines:
        return read_alert(lines[0].body), read_alert(lines[-1].body)
    assert standing is not None
    return standing.alert, standing.alert
