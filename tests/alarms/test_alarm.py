"""An alarm comes back from its row as it was, through any format of plain data."""

from __future__ import annotations

import orjson

from alarms.alarm import Alarm, HeldBack
from alarms.chatter import Chatter
from alarms.holds import Act
from contracts.alerts import State, alert_id
from contracts.calendar import Span
from contracts.findings import Expected, Finding, Kind, Share, Window

from .given import NOON

OVER = Finding(
    asset="press-1",
    sensor=None,
    kind=Kind.ANOMALY,
    rule="asset",
    active=False,
    onset_ts=NOON,
    ts=NOON + 7,
    value=1.5,
    expected=Expected(None, 2.5),
    score=4.0,
    rank=0.75,
    contributions=(Share("temp", 0.75), Share("flow", 0.25)),
    evidence={"z": 3.5, "policy": "budget", "windows": 3, "nothing": None},
    window=Window(NOON, NOON + 7, 60),
    source="readings/3/42",
)
FULL = Alarm(
    asset="press-1",
    sensor="",
    kind=Kind.ANOMALY,
    rule="asset",
    state=State.ACTIVE_ACKED,
    onset_ts=NOON,
    raised_ts=NOON + 1,
    severity=500,
    body='{"message":"größer"}'.encode(),
    said="größer",
    acknowledged=Act("maria", None, NOON + 2),
    chatter=Chatter(NOON + 1, (), 60_000),
    held_back=HeldBack(OVER, NOON + 60_007),
    maintained=Span(NOON, NOON + 9, "overhaul"),
    judged_ts=NOON + 3,
    lag_ms=4,
)


def test_a_row_brings_back_the_same_alarm_also_through_json():
    """What is saved is plain data: no class of ours, so any version can read it."""
    alarm = Alarm.of_row(orjson.loads(orjson.dumps(FULL.row())))

    assert alarm.held_back == FULL.held_back
    assert alarm.row() == FULL.row()
    assert alarm.alert_id == alert_id(asset="press-1", sensor=None, kind="anomaly", rule="asset", onset_ts=NOON)


def test_an_alarm_at_rest_keeps_only_whether_it_chatters():
    """What is over costs next to nothing."""
    alarm = Alarm.of_row(FULL.row())
    alarm.state, alarm.held_back = State.NORMAL, None

    alarm.rest()

    fresh = Alarm(asset="press-1", sensor="", kind=Kind.ANOMALY, rule="asset", chatter=FULL.chatter, lag_ms=4)
    assert alarm == fresh
    assert Alarm.of_row(alarm.row()) == fresh
