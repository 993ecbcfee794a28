"""Plants for the console's tests: what stands is given by hand, and what people want is written down."""

from __future__ import annotations

import time

from andon.table import Table
from console.history import History
from console.plant import Clock, HeardAlert, Plant, Reply, StateRecord
from console.store import Store
from console.trends import Trends
from contracts.alarm_states import alarm_key, heartbeat_key
from contracts.console import Console
from contracts.settings import Settings
from tests.alarm_states import T0, heartbeat

__all__ = ["Desk", "beat", "heard", "plant_of", "state_record", "stores", "told"]


class Desk:
    """Takes orders, and answers as it is told."""

    def __init__(self, *, refuses=""):
        self.orders = []
        self.refuses = refuses

    def order(self, order):
        """Write it down."""
        self.orders.append(order)
        return Reply(done=not self.refuses, why=self.refuses)


def plant_of(table=None, *, desk=None, now_ms=None, settings=None, **console):
    """A plant that stands still at T0, or goes with the world's clock."""
    table = table or Table()
    settings = settings or Settings()
    return Plant(
        settings=settings.model_copy(update={"console": Console(**console)}),
        table=lambda: table,
        clock=lambda: Clock(time.time_ns() // 1_000_000 if now_ms is None else now_ms),
        order=(desk or Desk()).order,
        report=lambda alerts, from_ms, to_ms, _table: {"alerts": len(list(alerts)), "from": from_ms, "to": to_ms},
        status=lambda: [{"address": "", "fault": "nobody is asked here"}],
        past=None,
        reproduce=lambda first, until: [f"andon replay {first.asset} {until}"],
        feeds=list,
        devices=list,
        version="0",
    )


def state_record(state, *, gone=False):
    """A record of the alarm-state topic, or its tombstone."""
    alert = state.alert
    key = alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule)
    return StateRecord(key.encode(), None if gone else state.body())


def beat(ts=T0):
    """A heartbeat's record."""
    one = heartbeat(ts=ts)
    return StateRecord(heartbeat_key(one.site, one.process).encode(), one.body())


def heard(state, *, event_id="e1", source="readings/0/7"):
    """The alert of a state, as it is heard."""
    return HeardAlert(event_id, state.alert.body(), source, "abc", "andon.alerts/0/3", state.alert.ts)


def told(event):
    """The name and the data of an event that travels."""
    lines = event.decode().strip().split("\n")
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def stores(folder, *, mb_max=64, history_days=30.0):
    """A store, and what stands on it."""
    store = Store(folder / "console.db", mb_max=mb_max, history_days=history_days)
    return store, History(store), Trends(store)
