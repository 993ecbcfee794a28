"""`andon console`: the operators' web page, and who may sign in to it."""

from __future__ import annotations

import os
import sys
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from andon.installed import version_of
from andon.interrupts import until_stopped
from andon.leaving import leave
from contracts.errors import AndonError
from contracts.loading import load

if TYPE_CHECKING:
    from contracts.settings import Settings

__all__ = ["command"]

LOOK_S = 0.2


@click.group(invoke_without_command=True)
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to serve by."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of console.port; 0 picks a free one.")
@click.option(
    "--by",
    envvar=["ANDON_BY", "USER"],
    show_envvar=True,
    help="Who sits here, where nobody has to sign in: it stands in what is acknowledged.",
)
@click.pass_context
def command(context: click.Context, *, file: str, port: int | None, by: str | None) -> None:
    """Serve the operators' web page: live alarms, trends, each alarm's story, figures, health.

    It reads Kafka as any consumer does, and keeps trends and the history of alerts in a file of its own; stopping it
    changes nothing in detection. Without users it is served on this machine only (http://127.0.0.1:9480), and whoever
    sits there is an operator. To let others in: `andon console add-user`, the plant's identity provider
    (console.oidc_issuer), or a proxy that people sign in to.

    \b
    andon console --settings andon.toml
    andon console add-user maria --role operator
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    context.obj = file
    if context.invoked_subcommand is not None:
        return
    settings = load(file, os.environ)
    if port is not None:
        settings = settings.model_copy(update={"console": settings.console.model_copy(update={"port": port})})
    with until_stopped() as stop:
        fault = _serve(settings, file=file, by=by or "operator", stop=stop)
    if fault is not None:
        leave(1, str(fault))
    leave(0)


@command.command("add-user")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator"]),
    default="viewer",
    show_default=True,
    help="Viewers look; operators acknowledge and shelve too.",
)
@click.option("--users", "path", type=click.Path(dir_okay=False), help="The file, instead of console.users_file.")
@click.pass_obj
def add_user(file: str, *, name: str, role: str, path: str | None) -> None:
    """Let a person sign in, or give them another password or role: it counts at once.

    The password is asked for; or read from standard input when that isn't a terminal. To take somebody out, delete
    their line in the file.

    \b
    andon console add-user maria --role operator
    andon console --settings andon.toml add-user wallboard < password.txt
    """  # noqa: D301 - as above
    from console.users import Role, add_user  # noqa: PLC0415 - `andon --help` needn't wait for Argon2

    path = path or load(file, os.environ).console.users_file
    if path is None:
        raise click.UsageError("where? Set console.users_file in the settings, or give --users FILE.")
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        known = add_user(path, name, Role(role), password)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    click.echo(f"{name} {'now signs in' if known else 'may sign in'} as {role}: {path}")


def _serve(settings: Settings, *, file: str, by: str, stop: Event) -> AndonError | None:
    """Serve until `stop` is set; why it ended by itself, or None.

    Raises: ConfigError, SourceError or StateError if it can't begin.
    """
    import structlog  # noqa: PLC0415 - all of these: `andon --help` shall not wait for numba and Kafka

    from andon.answer.clerk import Clerk  # noqa: PLC0415
    from andon.answer.desk import Desk  # noqa: PLC0415
    from andon.console.figures import report_of  # noqa: PLC0415
    from andon.console.kafka import KafkaFeeds  # noqa: PLC0415
    from andon.console.orders import Counter  # noqa: PLC0415
    from andon.console.processes import told_by_processes  # noqa: PLC0415
    from andon.console.prometheus import PastFigures  # noqa: PLC0415
    from andon.console.reproduce import commands_for  # noqa: PLC0415
    from andon.logs import log_to  # noqa: PLC0415
    from andon.table import Table, now_ms  # noqa: PLC0415
    from console.plant import Clock, Plant  # noqa: PLC0415
    from console.serving import Serving  # noqa: PLC0415
    from dataflows.kafka_client import wait_for_topics  # noqa: PLC0415

    log_to()
    log = structlog.get_logger("andon")
    kafka = settings.kafka
    topics = [*kafka.readings, *settings.device_topics]
    topics += [kafka.alerts, kafka.alarms, kafka.commands, kafka.dead_letters]
    hint = "Create what is missing: andon topics create"
    wait_for_topics(kafka, topics, wait_s=settings.service.broker_wait_s, stop=stop, hint=hint)
    faults: list[AndonError] = []
    told: list[Any] = []

    def fault(error: AndonError) -> None:
        log.error("console failed", why=str(error))
        faults.append(error)
        stop.set()

    table = Table()
    provider = None
    if settings.console.oidc_issuer is not None:
        from andon.console.provider import provider_of  # noqa: PLC0415 - an optional extra

        provider = provider_of(
            settings.console, tell=lambda error: log.warning("not signed in", reason=error.why, why=str(error))
        )
    with Clerk(lambda ended: Desk(settings, stop=ended), stop=stop) as clerk:
        plant = Plant(
            settings=settings,
            table=lambda: table,
            clock=lambda: Clock(now_ms()),
            order=Counter(clerk, table, now_ms).order,
            report=report_of,
            status=partial(told_by_processes, settings),
            past=PastFigures(settings.console) if settings.console.prometheus_url is not None else None,
            reproduce=partial(commands_for, file=file),
            feeds=lambda: told[0].told() if told else [],
            devices=lambda: told[0].devices.all() if told else [],
            version=version_of("andon"),
        )
        with (
            Serving(plant, local=by, fault=fault, provider=provider) as serving,
            KafkaFeeds(settings, serving, stop=stop, fault=fault) as feeds,
        ):
            told.append(feeds)
            log.info("console served", url=serving.url, sign_in=_sign_in(settings), store=settings.console.store)
            while not stop.wait(LOOK_S):
                pass
    return faults[0] if faults else None


def _sign_in(settings: Settings) -> str:
    """How people come in, for the log."""
    console = settings.console
    ways = [
        *(["users of " + console.users_file] if console.users_file is not None else []),
        *([f"provider {console.oidc_issuer}"] if console.oidc_issuer is not None else []),
        *([f"proxy header {console.proxy_user_header}"] if console.proxy_user_header is not None else []),
    ]
    return " and ".join(ways) or "nobody has to: this machine only, until console.users_file is set"
