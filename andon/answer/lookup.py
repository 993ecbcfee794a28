"""An alarm by its id, or by the start of it: one that stands, or one that is over.

The alarm-state topic knows what stands. What is over is only on the alert topic, which is read through for it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from andon.table import NotStanding, now_ms
from contracts.alerts import Alert, read_alert

if TYPE_CHECKING:
    from threading import Event

    from andon.table import Table
    from contracts.settings import Settings

__all__ = ["find_alert"]

LOOK_BACK_DAYS = 30
"""How long the alert topic is kept, unless somebody has changed that."""


def find_alert(settings: Settings, table: Table, alert_id: str, stop: Event) -> Alert:
    """The alarm of that id, or of one that begins so, whether it still stands or is over.

    Raises: click.ClickException if it is no start of an id, or there is none, or several; click.Abort if
        somebody has seen enough meanwhile; SourceError.
    """
    try:
        return table.find(alert_id).alert
    except NotStanding:
        found = _ended(settings, alert_id.lower(), stop)
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise click.ClickException(f"{len(found)} alarms have ids that begin with {alert_id}. Give more of it.")
    raise click.ClickException(f"no alarm of the last {LOOK_BACK_DAYS} days has the id {alert_id}.")


def _ended(settings: Settings, start: str, stop: Event) -> dict[str, Alert]:
    """The newest transition of each alarm on the alert topic whose id begins so."""
    from dataflows.tail import Tail  # noqa: PLC0415 - `andon ack --help` needn't wait for the Kafka client

    sought = f'"alert_id":"{start}'.encode()  # a body is searched before it is parsed: there may be millions
    begin = now_ms() - LOOK_BACK_DAYS * 86_400_000
    found: dict[str, Alert] = {}
    with Tail(
        settings.kafka, settings.kafka.alerts, begin=begin, wait_s=settings.service.broker_wait_s, stop=stop
    ) as tail:
        for message in tail.what_is_there():
            value = message.value() or b""
            if sought not in value:
                continue
            with suppress(ValidationError):
                alert = read_alert(value)
                found[alert.alert_id] = alert
    if stop.is_set():
        raise click.Abort
    return found
