"""`andon gateway run`: devices in, Kafka out. The one place where the parts of a gateway are put together."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from andon.installed import version_of
from contracts.errors import ConfigError, Problem
from contracts.loading import load
from gateways.cancelling import end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.settings import Settings
    from gateways.census import Census
    from gateways.forwarder import Forwarder
    from gateways.link import Link

__all__ = ["command", "run"]

LOOK_S = 0.2
"""At the request to stop, and at the forwarder."""


@click.command()
@click.option(
    "--settings", "file", default="gateway.toml", show_default=True, type=click.Path(), help="Settings to run by."
)
def command(file: str) -> None:
    """Read the devices that the settings name, and send their readings to Kafka, until SIGTERM or Ctrl-C.

    Devices are only read, never written to. While Kafka is away readings wait on the local disk (gateway.buffer_dir),
    also over a restart. Metrics and health are served over HTTP; logs go to stderr.

    \b
    andon gateway run --settings gateway.toml
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    from andon.interrupts import until_stopped  # noqa: PLC0415

    with until_stopped() as stop:
        run(load(file, os.environ), file=file, stop=stop)


def run(settings: Settings, *, file: str, stop: threading.Event) -> None:
    """Run the gateway until `stop` is set.

    Args:
        file: where the settings come from, for messages.

    Raises: ConfigError if they name no device; StateError if the buffer can't be used.
    """
    from confluent_kafka import Producer  # noqa: PLC0415 - `andon --help` needn't wait for any of these

    from andon.access import access_of  # noqa: PLC0415
    from andon.collector import patient_collector  # noqa: PLC0415
    from andon.gateway.health import GatewayHealth  # noqa: PLC0415
    from andon.gateway.protocols import PROTOCOLS, open_source  # noqa: PLC0415
    from andon.logs import log_to  # noqa: PLC0415
    from andon.server import Server  # noqa: PLC0415
    from dataflows.kafka_client import open_client  # noqa: PLC0415
    from gateways.buffer import Buffer  # noqa: PLC0415
    from gateways.census import Census  # noqa: PLC0415
    from gateways.forwarder import Forwarder  # noqa: PLC0415
    from gateways.happenings import Happenings  # noqa: PLC0415
    from gateways.link import Link  # noqa: PLC0415
    from gateways.publisher import Publisher  # noqa: PLC0415

    gateway = settings.gateway
    if not gateway.connections:
        raise ConfigError(
            file, (Problem("gateway", "names no device.", "Add one: `andon gateway discover` shows what is there."),)
        )
    log_to()
    logging.getLogger().addHandler(logging.NullHandler())  # what protocol libraries murmur is no line of our log
    version = version_of("andon")
    happenings = Happenings(connection.name for connection in gateway.connections)
    sources = [open_source(connection, happenings) for connection in gateway.connections]
    topic = gateway.topic or settings.kafka.own
    with ExitStack() as opened:
        buffer = opened.enter_context(
            Buffer(
                Path(gateway.buffer_dir),
                bytes_max=gateway.buffer_mb_max * 1024 * 1024,
                drop_oldest=gateway.when_full == "drop_oldest",
            )
        )
        open_producer = partial(open_client, Producer, producer_settings(settings))
        publisher = Publisher(buffer, open_producer, happenings)
        forwarder = Forwarder(buffer, publisher, happenings)
        links = [
            Link(
                source,
                connection,
                gateway,
                address=getattr(connection, PROTOCOLS[type(connection)].address),
                topic=topic,
                forwarder=forwarder,
                happenings=happenings,
                now_ms=now_ms,
            )
            for source, connection in zip(sources, gateway.connections, strict=True)
        ]
        census = None
        if settings.kafka.inventory is not None:
            census = Census(
                links,
                settings=settings,
                protocols=[PROTOCOLS[type(connection)].name for connection in gateway.connections],
                topic=settings.kafka.inventory,
                forwarder=forwarder,
                started_ms=now_ms(),
            )
        health = GatewayHealth(settings, links, happenings, version=version)
        server = opened.enter_context(
            Server(
                health,
                host=gateway.metrics_host,
                port=gateway.metrics_port,
                section="gateway",
                access=access_of(gateway, section="gateway"),
            )
        )
        happenings.started(
            version=version,
            gateway=gateway.name,
            settings=file,
            devices=len(links),
            topic=topic,
            waiting=buffer.messages,
            port=server.port,
        )
        forwarder.start()
        try:
            with patient_collector():
                asyncio.run(_until_stopped(links, forwarder, census, stop))
        finally:
            forwarder.stop()
        if forwarder.fault is not None:
            raise forwarder.fault
        happenings.stopped(waiting=buffer.messages)


def producer_settings(settings: Settings) -> dict[str, Any]:
    """Idempotent, in order, and never giving up: what Kafka doesn't take waits."""
    from dataflows.kafka_client import client_settings  # noqa: PLC0415

    configuration = client_settings(
        settings.kafka, enable_idempotence=True, acks="all", message_timeout_ms=0, linger_ms=5
    )
    configuration["error_cb"] = _pass
    configuration["queue.buffering.max.messages"] = 200_000
    configuration["queue.buffering.max.kbytes"] = 256 * 1024
    configuration.setdefault("compression.type", "lz4")
    return configuration


def now_ms() -> int:
    """The wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000


def _pass(_error: object) -> None:
    """librdkafka reconnects by itself; without this it would write to standard error."""


CANCEL_AGAIN_S = 10.0


async def _until_stopped(
    links: Sequence[Link], forwarder: Forwarder, census: Census | None, stop: threading.Event
) -> None:
    """Run all connections. A fault of the program in one of them ends the process, and the supervisor restarts it."""
    tasks = [asyncio.create_task(link.run(), name=link.connection.name) for link in links]
    try:
        while not stop.is_set() and forwarder.fault is None:
            done, _ = await asyncio.wait(tasks, timeout=LOOK_S, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            if census is not None:
                census.take(now_ms())
    finally:
        await end(tasks, again_s=CANCEL_AGAIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)  # all have ended; the first fault has been raised
