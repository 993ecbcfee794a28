"""`andon notify`: Alertmanagers know at all times what stands."""

from __future__ import annotations

import os
import ssl
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from andon.notify.alertmanager import Alertmanager
    from andon.notify.courier import Courier
    from andon.notify.notices import Notices
    from andon.table import Table
    from contracts.settings import Settings
    from dataflows.tail import Tail

__all__ = ["command", "notify"]

ALERTMANAGERS_MAX = 16
STOP_WAIT_S = 2.0
"""For requests under way, when it is time to stop. What wasn't told will be when it starts again."""
POLL_S = 0.2
LOOK_EVERY_S = 1.0
"""At the heartbeats."""


@click.command()
@click.option(
    "--alertmanager",
    "urls",
    metavar="URL",
    multiple=True,
    required=True,
    envvar="ANDON_ALERTMANAGER",
    show_envvar=True,
    help="Such as http://127.0.0.1:9093; of each member of a cluster. May hold user:password@.",
)
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to run by."
)
@click.option(
    "--every",
    "every_s",
    metavar="SECONDS",
    default=60,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="Between two repetitions of all that fires. What isn't repeated ends after four of them.",
)
@click.option(
    "--link", default="", metavar="URL", help="Where an alert leads; may hold {site}, {asset}, {sensor} and {alert_id}."
)
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False), help="Holds a bearer token.")
@click.option(
    "--token", default="", envvar="ANDON_ALERTMANAGER_TOKEN", show_envvar=True, help="Bearer token; better a variable."
)
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False), help="Whom to trust, in place of the system's."
)
def command(
    urls: tuple[str, ...], file: str, every_s: int, link: str, token_file: str | None, token: str, ca_file: str | None
) -> None:
    """Tell Prometheus Alertmanagers of every alarm that wants attention, until SIGTERM or Ctrl-C.

    What is active and not held back fires there, what is over or shelved is resolved, and when nobody watches the
    plant AndonWatcherSilent fires. Pages, mails, silences and inhibition are Alertmanager's.

    \b
    andon notify --alertmanager http://127.0.0.1:9093
    andon notify --alertmanager https://am-1.example.com --alertmanager https://am-2.example.com --settings plant.toml
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    from andon.interrupts import until_stopped  # noqa: PLC0415

    if len(urls) > ALERTMANAGERS_MAX:
        raise click.BadParameter(f"{len(urls)} Alertmanagers are more than {ALERTMANAGERS_MAX}.", param_hint=_URLS)
    if link and not link.startswith(("http://", "https://")):
        raise click.BadParameter("it doesn't begin with http:// or https://.", param_hint="--link")
    alertmanagers = [_open(url, token=_token(token, token_file), ca_file=ca_file) for url in urls]
    with until_stopped() as stop:
        notify(load(file, os.environ), alertmanagers, every_s=every_s, link=link, stop=stop)


_URLS = "--alertmanager"


def notify(
    settings: Settings, alertmanagers: Sequence[Alertmanager], *, every_s: float, link: str, stop: threading.Event
) -> None:
    """Keep them informed until `stop` is set.

    Args:
        settings: of Kafka and the site.
        alertmanagers: each is told everything; closed in the end.
        every_s: between two repetitions of all that fires.
        link: see `andon.notify.notices.Notices`.
        stop: ends it within some seconds.

    Raises: SourceError if no broker answers at the start, the alarm-state topic is missing, or can't be read any more.
    """
    import structlog  # noqa: PLC0415 - `andon --help` needn't wait for the Kafka client

    from andon.logs import log_to  # noqa: PLC0415
    from andon.notify.courier import Courier  # noqa: PLC0415
    from andon.notify.notices import Notices  # noqa: PLC0415
    from andon.table import Table, now_ms  # noqa: PLC0415
    from dataflows.tail import Tail  # noqa: PLC0415

    log_to()
    log = structlog.get_logger("andon")
    site = settings.site.name
    log.info("started", site=site, alertmanagers=[alertmanager.name for alertmanager in alertmanagers])
    table = Table()
    notices = Notices(site, link=link, started_ms=now_ms())
    wait_s = settings.service.broker_wait_s
    with ExitStack() as opened:
        tail = opened.enter_context(
            Tail(settings.kafka, settings.kafka.alarms, begin="beginning", wait_s=wait_s, stop=stop)
        )
        newest = {message.key(): message.value() for message in tail.what_is_there()}
        for key in [key for record in newest.items() if (key := table.take(*record)) is not None]:
            notices.update(key, table)
        if stop.is_set():
            return  # perhaps before all was read: what isn't known must not be ended
        log.info("caught up", alarms=len(table.alarms), wanting_attention=len(notices.wanted()))
        couriers = [Courier(each, site=site, every_s=every_s, log=log, now_ms=now_ms) for each in alertmanagers]
        for courier in couriers:
            courier.start()
        opened.callback(_stop, couriers, log)
        _follow(tail, table, notices, couriers, log, stop)


def _follow(
    tail: Tail,
    table: Table,
    notices: Notices,
    couriers: Sequence[Courier],
    log: Any,
    stop: threading.Event,
) -> None:
    """Tell them what changes, until it is time to stop."""
    from andon.table import now_ms  # noqa: PLC0415

    news = True
    next_look_s = 0.0
    warned = False
    while not stop.is_set():
        for message in tail.poll(POLL_S):
            key = table.take(message.key(), message.value())
            news |= key is not None and notices.update(key, table)
        if time.monotonic() >= next_look_s:
            next_look_s = time.monotonic() + LOOK_EVERY_S
            news |= notices.heed(table.watching(now_ms()), now_ms())
            for courier in couriers:
                courier.check()
        if table.unreadable and not warned:
            warned = True
            log.warning("records unreadable", count=table.unreadable, note="written by another version? Logged once.")
        if news:
            news = False
            wanted = notices.wanted()
            for courier in couriers:
                courier.tell(wanted)


def _stop(couriers: Sequence[Courier], log: Any) -> None:
    deadline = time.monotonic() + STOP_WAIT_S
    for courier in couriers:
        courier.stop(max(0.0, deadline - time.monotonic()))
    log.info("stopped", told=[courier.account() for courier in couriers])


def _open(url: str, *, token: Callable[[], str], ca_file: str | None) -> Alertmanager:
    from andon.notify.alertmanager import Alertmanager  # noqa: PLC0415 - with httpx, which `--help` doesn't need

    try:
        return Alertmanager(url, token=token, tls=ssl.create_default_context(cafile=ca_file))
    except ssl.SSLError as error:
        raise click.BadParameter(
            f"{ca_file} holds no certificates ({error.reason}).", param_hint="--ca-file"
        ) from error
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint=_URLS) from error  # without the URL: it may hold a password


def _token(token: str, file: str | None) -> Callable[[], str]:
    """Gives the bearer token; a file is read each time, since tokens are changed under running programs."""
    if token and file:
        raise click.UsageError("--token and --token-file say the same: give one of them.")

    def read() -> str:
        from andon.notify.alertmanager import AwayError  # noqa: PLC0415

        try:
            return Path(file).read_text(encoding="ascii").strip() if file else token
        except (OSError, ValueError) as error:
            raise AwayError(f"the token in {file} can't be read ({type(error).__name__}).") from error

    return read
