"""Puts the console together and serves it, in a thread of its own, until it is closed."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from console.app import Console, app
from console.doors import LOOPBACK, Door, Guesses
from console.history import History
from console.live import Live
from console.shared import Shared
from console.sign_in import SignIn
from console.store import Store
from console.trends import Trends
from console.users import Users
from contracts.errors import AndonError, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from console.journey import Provider
    from console.plant import HeardAlert, Plant, Readings, StateRecord
    from contracts.console import Console as ConsoleSettings

__all__ = ["Serving", "check_doors"]

FLUSH_S = 2.0
PRUNE_S = 300.0
START_WAIT_S = 30.0
END_WAIT_S = 5.0
STREAMS_WAIT_S = 1


def check_doors(settings: ConsoleSettings) -> None:
    """Refuse to open a plant to a network before it is said who may come in.

    Raises: ConfigError.
    """
    if settings.host in LOOPBACK or settings.users_file is not None or settings.proxy_user_header is not None:
        return
    if settings.oidc_issuer is not None:
        return
    problem = Problem(
        "console.host",
        f"{settings.host} can be reached by others, and nobody has to sign in.",
        "Set console.users_file (andon console add-user NAME --role operator), console.oidc_issuer, or "
        "console.proxy_user_header; or serve it on 127.0.0.1.",
    )
    raise ConfigError("the console", (problem,))


class Serving:
    """The console: give it what is heard, from any thread.

    Args:
        local: name of whoever sits at this machine, where nobody has to sign in.
        provider: of identities, by which people may sign in.

    Raises: ConfigError if the address can't be had, or may not be served; StateError if the store can't be used.
    """

    def __init__(
        self, plant: Plant, *, local: str, fault: Callable[[AndonError], None], provider: Provider | None = None
    ) -> None:
        settings = plant.settings.console
        check_doors(settings)
        self._plant = plant
        self._fault = fault
        self._stop = Event()
        users = Users(settings.users_file) if settings.users_file is not None else None
        self._socket = _listen(settings)
        try:
            self._store = Store(settings.store, mb_max=settings.store_mb_max, history_days=settings.history_days)
        except BaseException:
            self._socket.close()
            raise
        secret = self._store.note("secret", secrets.token_bytes(32))
        self.history = History(self._store)
        self.trends = Trends(self._store)
        self.live = Live(plant.table(), plant.clock)
        door = Door(settings, users, secret=secret, local=local, clock=time.time)
        console = Console(
            plant=plant,
            live=self.live,
            history=self.history,
            trends=self.trends,
            store=self._store,
            sign_in=SignIn(plant=plant, door=door, users=users, provider=provider, guesses=Guesses(time.monotonic)),
            shared=Shared(time.monotonic),
        )
        config = uvicorn.Config(
            app(console),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=STREAMS_WAIT_S,
            http="h11",
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._threads = (
            Thread(target=self._serve, name="console", daemon=True),
            Thread(target=self._keep, name="console-store", daemon=True),
        )

    @property
    def url(self) -> str:
        """Where it is served."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def take_states(self, records: Iterable[StateRecord], *, complete: bool) -> None:
        """Records of the alarm-state topic."""
        self.live.take(records, complete=complete)

    def take_alerts(self, heard: Iterable[HeardAlert]) -> None:
        """Records of the alert topic: kept, and shown once they are.

        Raises: StateError if they can't be kept.
        """
        self.live.tell(self.history.take(heard))

    def take_readings(self, readings: Readings) -> None:
        """Readings of sensors."""
        self.trends.take(readings)

    def start(self) -> None:
        """Begin to answer.

        Raises: ConfigError if it doesn't.
        """
        for thread in self._threads:
            thread.start()
        deadline = time.monotonic() + START_WAIT_S
        while not self._server.started and self._threads[0].is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not self._server.started:
            raise ConfigError("the console", (Problem("console.port", "it doesn't start.", "See its log."),))

    def close(self) -> None:
        """Let screens go, write what was taken, end."""
        self._stop.set()
        self.live.close()
        self._server.should_exit = True
        for thread in self._threads:
            if thread.is_alive():
                thread.join(END_WAIT_S)
        self._socket.close()
        self._store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _keep(self) -> None:
        """Write readings, and let go of what is too old, now and then."""
        prune_s = time.monotonic() + FLUSH_S
        stopped = False
        while not stopped:
            stopped = self._stop.wait(FLUSH_S)
            try:
                self.trends.flush()
                if time.monotonic() >= prune_s and not stopped:
                    self._store.prune(self._plant.clock().now_ms)
                    prune_s = time.monotonic() + PRUNE_S
            except AndonError as error:
                self._fault(error)


def _listen(settings: ConsoleSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        reason: Any = error.strerror or error
        problem = Problem(
            "console.port",
            f"{settings.host}:{settings.port} can't be listened on ({reason}).",
            "Stop what listens there, or choose another; 0 picks a free port.",
        )
        raise ConfigError("the console", (problem,)) from error
    return listening
