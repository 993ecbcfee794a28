"""Metrics and health over HTTP, from a thread of its own.

/metrics    for Prometheus
/healthz    200: the process lives
/readyz     200: it does its work; 503 with the reasons why it doesn't
/status     JSON: how far it has come, and who doesn't judge as usual, and why

Where a password is asked for, supervisors need none: what /healthz and /readyz say is nothing about the plant.
"""

from __future__ import annotations

import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from andon.access import OPEN, Access
from andon.status_lists import status_lists
from contracts.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.standing import Standing

__all__ = ["Answers", "Health", "Server"]

BROKER_SEEN_S_MAX = 30
REQUEST_S_MAX = 10
"""A client that says nothing is not waited for."""

CONNECTIONS_MAX = 64
"""At the same time: Prometheus needs one. More are closed at once, so that nobody takes the process its threads."""

LEARNING = ("warming", "learning", "paused")


class Answers(Protocol):
    """What a process tells of itself."""

    def metrics(self) -> bytes:
        """All metrics, in the text format of Prometheus."""

    def unready(self) -> list[str]:
        """Why this process doesn't do its work; empty if it does."""

    def status(self) -> dict[str, Any]:
        """How it is, as JSON."""


class Health:
    """What is told about this process."""

    def __init__(
        self,
        settings: Settings,
        *,
        happenings: Happenings,
        standing: Standing,
        version: str,
        settings_hash: str,
        now_ms: Callable[[], int],
        recent: Callable[[], list[dict[str, Any]]] = list,
    ) -> None:
        """Ask nothing yet.

        Args:
            recent: gives the newest warnings and errors of the log.
        """
        self._settings = settings
        self._recent = recent
        self._settings_hash = settings_hash
        self._happenings = happenings
        self._standing = standing
        self._version = version
        self._now_ms = now_ms

    def metrics(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        self._happenings.readiness_asked(ready=not self.unready())
        return generate_latest(self._happenings.registry)

    def unready(self) -> list[str]:
        """Why this process doesn't do its work; empty if it does."""
        standing = self._standing
        reasons = []
        if not standing.built:
            reasons.append(f"{len(standing.lanes)} of {standing.lane_count} lanes are assigned")
        if not standing.running:
            reasons.append("the saved state isn't back yet")
        seen_ms = standing.broker_seen_ms
        if seen_ms is None:
            reasons.append("no broker was seen yet")
        elif (age_s := (self._now_ms() - seen_ms) / 1000) > BROKER_SEEN_S_MAX:
            reasons.append(f"the broker was last seen {age_s:.0f} s ago")
        return reasons

    def status(self) -> dict[str, Any]:
        """How far this process has come."""
        lanes = dict(self._standing.lanes)
        sample = self._happenings.registry.get_sample_value
        return {
            "version": self._version,
            "site": self._settings.site.name,
            "process": self._standing.share.process,
            "processes": self._standing.share.processes,
            "settings_hash": self._settings_hash,
            "ready": not self.unready(),
            "unready": self.unready(),
            "lag_rows": sum(sum(lane.lag_rows.values()) for lane in lanes.values()),
            "lanes": {
                name: {
                    "positions": dict(lane.positions),
                    "lag_rows": dict(lane.lag_rows),
                    "caught_up": lane.caught_up,
                }
                for name, lane in sorted(lanes.items())
            },
            "series": int(sample("andon_series") or 0),
            "assets": int(sample("andon_assets") or 0),
            "learning": {state: int(sample("andon_learning", {"state": state}) or 0) for state in LEARNING},
            **status_lists(self._settings, self._happenings, now_ms=self._now_ms()),
            "recent": self._recent(),
        }


class Server:
    """Answers until it is closed. A context manager."""

    def __init__(
        self, health: Answers, *, host: str, port: int, section: str = "service", access: Access = OPEN
    ) -> None:
        """Begin to listen.

        Args:
            port: 0 picks a free one.
            section: of the settings, where host and port come from.
            access: what is asked of those who ask.

        Raises: ConfigError if the address can't be had.
        """
        handler = type("Handler", (_Handler,), {"health": health, "access": access})
        try:
            self._server = _ThreadingServer((host, port), handler)
            self._server.access = access
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problem = Problem(
                f"{section}.metrics_{'host' if isinstance(error, socket.gaierror) else 'port'}",
                f"{host}:{port} can't be listened on ({reason}).",
                "Stop what listens there, or choose another; 0 picks a free port.",
            )
            raise ConfigError("metrics and health", (problem,)) from error
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _ThreadingServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    access = OPEN

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, handler)

    def get_request(self) -> tuple[Any, Any]:
        """A connection. Hands are shaken in its own thread, so that a slow client keeps nobody waiting."""
        connection, address = super().get_request()
        if self.access.tls is not None:
            connection = self.access.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if there is a place."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and leave the place to others."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or speaks no TLS, is none of our faults; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    health: Answers
    access: Access
    timeout = REQUEST_S_MAX
    server_version = "andon"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one of the four paths."""
        path = self.path.partition("?")[0]
        if path in ("/metrics", "/status") and not self.access.admits(self.headers.get("Authorization")):
            self._answer(HTTPStatus.UNAUTHORIZED, b"a user and a password are needed here\n")
        elif path == "/metrics":
            self._answer(HTTPStatus.OK, self.health.metrics(), CONTENT_TYPE_LATEST)
        elif path == "/healthz":
            self._answer(HTTPStatus.OK, b"alive\n")
        elif path == "/readyz":
            reasons = self.health.unready()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            self._answer(status, ("\n".join(reasons or ["ready"]) + "\n").encode())
        elif path == "/status":
            # `json` would leave garbage in circles when it indents, and the collector comes seldom (andon.collector).
            document = orjson.dumps(self.health.status(), repr, orjson.OPT_INDENT_2)
            self._answer(HTTPStatus.OK, document, "application/json")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics, /healthz, /readyz and /status\n")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="andon", charset="UTF-8"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: scrapes come every few seconds."""
