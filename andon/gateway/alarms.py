"""`andon gateway alarms`: what stands, in the plant's unified namespace."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

import click

from contracts.loading import load

if TYPE_CHECKING:
    import threading

    from contracts.settings import Settings
    from dataflows.tail import Tail

__all__ = ["alarms", "command"]

POLL_S = 0.2
RETRY_S_MAX = 30.0


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to run by."
)
def command(file: str) -> None:
    """Keep a retained MQTT message for every asset that says which of its alarms stand, until SIGTERM or Ctrl-C.

    Alarms are read from Kafka (kafka.alarms) and published to the broker of [gateway.unified], under the asset's
    ISA-95 path. It belongs beside Kafka, not beside the machines: nothing is written to any device.

    \b
    andon gateway alarms --settings andon.toml
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    from andon.interrupts import until_stopped  # noqa: PLC0415

    with until_stopped() as stop:
        alarms(load(file, os.environ), stop=stop)


def alarms(settings: Settings, *, stop: threading.Event) -> None:
    """Publish until `stop` is set.

    Raises: SourceError if no broker of Kafka answers at the start, or the alarm-state topic can't be read.
    """
    import structlog  # noqa: PLC0415 - `andon --help` needn't wait for any of these

    from andon.logs import log_to  # noqa: PLC0415
    from andon.table import Table  # noqa: PLC0415
    from dataflows.tail import Tail  # noqa: PLC0415

    log_to()
    logging.getLogger().addHandler(logging.NullHandler())
    log = structlog.get_logger("andon.gateway")
    table = Table()
    wait_s = settings.service.broker_wait_s
    with Tail(settings.kafka, settings.kafka.alarms, begin="beginning", wait_s=wait_s, stop=stop) as tail:
        newest = {message.key(): message.value() for message in tail.what_is_there()}
        for record in newest.items():
            table.take(*record)
        log.info("caught up", alarms=len(table.alarms))
        if not stop.is_set():
            asyncio.run(_follow(settings, tail, table, log, stop))
    log.info("stopped")


async def _follow(settings: Settings, tail: Tail, table: Any, log: Any, stop: threading.Event) -> None:
    """Keep the messages as the table is; a broker that is away is tried again, and told all when it is back."""
    from andon.gateway.protocols import PROTOCOLS, module_of  # noqa: PLC0415
    from contracts.gateways import Mqtt  # noqa: PLC0415
    from gateways.seam import AwayError, NonsenseError  # noqa: PLC0415

    module_of(PROTOCOLS[Mqtt])  # a library that isn't installed is named here
    from gateways.unified import Publisher  # noqa: PLC0415

    wait_s = 1.0
    while not stop.is_set():
        publisher = Publisher(settings.gateway.unified, site=settings.site.name)
        try:
            await publisher.connect()
            log.info("broker connected", host=settings.gateway.unified.host)
            wait_s = 1.0
            await _publish(publisher, tail, table, stop)
        except (AwayError, NonsenseError) as error:
            log.warning("broker away", why=str(error), retry_s=wait_s)
            await asyncio.to_thread(stop.wait, wait_s)
            wait_s = min(2 * wait_s, RETRY_S_MAX)
        finally:
            await publisher.close()


async def _publish(publisher: Any, tail: Tail, table: Any, stop: threading.Event) -> None:
    from andon.table import now_ms  # noqa: PLC0415

    for asset, states in _by_asset(table).items():
        publisher.tell(asset, states, now_ms())
    heeding = asyncio.create_task(publisher.heed(_by_asset(table), now_ms()))
    try:
        while not stop.is_set():
            changed = set()
            for message in await asyncio.to_thread(tail.poll, POLL_S):
                before = table.alarms.get((message.key() or b"").decode("utf-8", "replace"))
                key = table.take(message.key(), message.value())
                state = before or table.alarms.get(key)
                if key is not None and state is not None:
                    changed.add(state.alert.asset)
            for asset in changed:
                publisher.tell(asset, _by_asset(table).get(asset, ()), now_ms())
            if heeding.done():
                heeding.result()
                heeding = asyncio.create_task(publisher.heed(_by_asset(table), now_ms()))
    finally:
        heeding.cancel()


def _by_asset(table: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for state in table.alarms.values():
        found.setdefault(state.alert.asset, []).append(state)
    return found
