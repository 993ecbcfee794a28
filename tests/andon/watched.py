"""Tables as `andon watch` has them, and records as it is given them."""

from andon.table import Table
from contracts.alarm_states import Hold, HoldState, alarm_key, heartbeat_key, hold_key
from tests.alarm_states import T0
from tests.fake_kafka import FakeMessage

__all__ = ["hold", "hold_state", "key_of", "record", "table_of"]


def key_of(thing):
    """The key of a record of the alarm-state topic."""
    if hasattr(thing, "alert"):
        alert = thing.alert
        return alarm_key(asset=alert.asset, sensor=alert.sensor, kind=alert.kind, rule=alert.rule)
    if hasattr(thing, "scope"):
        return hold_key(thing.asset, thing.scope)
    return heartbeat_key(thing.site, thing.process)


def table_of(*things):
    """A table of alarms, holds and heartbeats."""
    table = Table()
    for thing in things:
        assert table.take(key_of(thing).encode(), thing.body())
    return table


def record(thing, *, gone=False, ts_ms=T0):
    """A record of the alarm-state topic; `gone`: its tombstone."""
    body = None if gone else thing.body()
    return FakeMessage(("andon.alarms", 0, 0), body, ts_ms, raw_key=key_of(thing).encode())


def hold(by="maria", *, until_ts=None, comment=None, since_ts=T0):
    """Somebody holds something back."""
    return Hold(by=by, since_ts=since_ts, until_ts=until_ts, comment=comment)


def hold_state(asset="press-1", *, sensor=None, kind=None, rule=None, **held):
    """What people hold back."""
    return HoldState(schema=1, asset=asset, sensor=sensor, kind=kind, rule=rule, **held)
