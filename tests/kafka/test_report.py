"""`andon report` on a real broker: the alerts of the last day once each, and what has stood for longer."""

from __future__ import annotations

import json
import time

import pytest
from confluent_kafka import Producer

from contracts.alarm_states import AlarmState, Heartbeat, Hold, HoldState, alarm_key, heartbeat_key, hold_key
from contracts.alerts import read_alert
from tests.andon.alert_bodies import alert
from tests.kafka.service import Topics, andon, read_all

HOUR = 3_600_000
DAY = 24 * HOUR

TOML = """
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["{topics.readings}"]
alerts = "{topics.alerts}"
alarms = "{topics.alarms}"
commands = "{topics.commands}"
dead_letters = "{topics.dead_letters}"
"""


@pytest.fixture
def plant(kafka, topics, tmp_path):
    """Topics, and settings that name them."""
    made = Topics(topics)
    settings = tmp_path / "andon.toml"
    settings.write_text(TOML.format(bootstrap=kafka, topics=made))
    return made, settings


def test_the_report_of_the_last_day_agrees_with_the_topics(kafka, plant):
    """Each transition counts once, also after a crash; what is older counts only where it still stands."""
    topics, settings = plant
    now = time.time_ns() // 1_000_000
    old = alert(now - 3 * DAY, asset="oven")
    raised = [alert(now - 5 * HOUR + place * 60_000, asset=f"press-{place}") for place in range(4)]
    over = alert(now - 4 * HOUR, "cleared", onset_ts=raised[0].ts, asset="press-0")
    hold = Hold(by="maria", since_ts=now - HOUR, until_ts=now + HOUR)
    shelf = HoldState(asset="press-1", sensor="temp", shelved=hold)
    ended = HoldState(asset="press-2", shelved=hold.model_copy(update={"until_ts": now - 1}))
    producer = Producer({"bootstrap.servers": kafka})
    for number, one in enumerate([old, *raised, over, raised[1]]):  # the last one again, as after a kill -9
        identity = f"id-{number if number < 6 else 2}"
        producer.produce(
            topics.alerts, one.body(), one.asset, timestamp=one.ts, headers={"ce_id": identity, "ce_specversion": "1.0"}
        )
    producer.produce(topics.alerts, b"no alert", timestamp=now)
    for one in (old, *raised[1:]):
        key = alarm_key(asset=one.asset, sensor=one.sensor, kind=one.kind, rule=one.rule)
        producer.produce(topics.alarms, AlarmState(alert=one, said="hot", raised_ts=one.ts).body(), key)
    for state in (shelf, ended):
        producer.produce(topics.alarms, state.body(), hold_key(state.asset, state.scope))
    beat = Heartbeat(site="plant-1", process="host", ts=now - HOUR)
    producer.produce(topics.alarms, beat.body(), heartbeat_key("plant-1", "host"))
    assert producer.flush(30) == 0

    done = andon("report", "--settings", str(settings))

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    on_topic = {message.value() for message in read_all(kafka, topics.alerts)} - {b"no alert"}
    recent = [one for one in map(read_alert, on_topic) if one.ts >= now - DAY]
    assert document["annunciated"] == sum(one.transition == "raised" for one in recent) == 4
    assert document["returned"] == sum(one.transition == "cleared" for one in recent) == 1
    assert document["alerts"] == {"read": 7, "repeated": 1, "unreadable": 1}  # the oldest one wasn't read
    assert [(one["alarm"], one["since_ts"]) for one in document["stale"]] == [("oven/temp/limit/hh", old.ts)]
    assert document["acknowledging"]["waiting"] == 4
    assert [(one["sort"], one["what"], one["by"]) for one in document["held"]] == [
        ("shelved", "press-1/temp/*/*/hold", "maria")
    ]
    assert "no heartbeat for" in done.stderr
    assert "1 of 7 records are no alerts" in done.stderr


def test_a_missing_topic_is_named_with_the_remedy(kafka, plant):
    """Before the first `andon topics create` there is nothing to report."""
    _, settings = plant
    settings.write_text(settings.read_text().replace('alerts = "', 'alerts = "not-'))

    done = andon("report", "--settings", str(settings))

    assert done.returncode == 1
    assert "andon topics create" in done.stderr
