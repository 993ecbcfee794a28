"""A whole run whose state directory is kept in tests/golden: what an andon of a released version left behind.

`python -m tests.kafka.golden_state tests/golden/state-2.tar.xz` makes the next one, with the andon that is checked out:
once for each release that changes what is saved. Those that are there are never made anew.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from contracts.alerts import alert_id
from deploy.kafka.local import LocalKafka

__all__ = ["SECONDS", "T0", "begin", "command", "finish", "settings_text"]

T0 = 1_700_000_000_000
SECONDS = 400
"""Of the first half: the learned detectors judge after 150 windows of one second."""
SECOND = 60
"""Seconds of the second half."""
PRESSES = 4
PARTITIONS = {"readings": 2, "alerts": 1, "alarms": 1, "commands": 1, "dead-letters": 1}
TOML = """\
[site]
name = "golden"
[kafka]
bootstrap_servers = "{bootstrap}"
readings = ["golden-readings"]
alerts = "golden-alerts"
alarms = "golden-alarms"
commands = "golden-commands"
dead_letters = "golden-dead-letters"
[service]
state_dir = "{state_dir}"
metrics_port = 0
lanes = 2
key_groups = 4
clock = "event"
[[rules]]
unit = "degC"
limit = {{ hh = 95 }}
stale = false
anomaly = {{ false_alarms_per_week = 100 }}
[[assets]]
window_s = 1
"""


def settings_text(bootstrap: str, state_dir: Path) -> str:
    """The settings of the run."""
    return TOML.format(bootstrap=bootstrap, state_dir=state_dir)


def begin(bootstrap: str) -> None:
    """Make the topics anew, with the first half of the run: press-1 ends hot."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    names = [f"golden-{name}" for name in PARTITIONS]
    there = admin.list_topics(timeout=20).topics
    for deletion in admin.delete_topics([name for name in names if name in there] or ["golden-none"]).values():
        deletion.exception(20)
    for name, partitions in PARTITIONS.items():
        topic = NewTopic(f"golden-{name}", partitions, 1, config={"retention.ms": "-1"})
        admin.create_topics([topic])[topic.topic].result(20)
    _send_readings(bootstrap, 0, SECONDS)


def command(bootstrap: str) -> None:
    """What people asked for then: one alarm acknowledged, one sensor shelved, one out of service."""
    hot = alert_id(asset="press-1", sensor="temp", kind="limit", rule="hh", onset_ts=T0 + 1000 * (SECONDS - 20))
    asked = [
        {"command": "acknowledge", "asset": "press-1", "alert_id": hot},
        {"command": "shelve", "asset": "press-2", "sensor": "temp", "until": T0 + 20 * 3_600_000},
        {"command": "out_of_service", "asset": "press-3"},
    ]
    producer = Producer({"bootstrap.servers": bootstrap})
    for each in asked:
        body = json.dumps({**each, "by": "maria"}).encode()
        producer.produce("golden-commands", body, each["asset"].encode(), partition=0, timestamp=T0 + 1000 * SECONDS)
    assert producer.flush(60) == 0


def finish(bootstrap: str) -> int:
    """The second half: press-1 cools down, all others get hot. Returns the number of readings."""
    return _send_readings(bootstrap, SECONDS, SECONDS + SECOND)


def _send_readings(bootstrap: str, first: int, end: int) -> int:
    producer = Producer({"bootstrap.servers": bootstrap})
    for second in range(first, end):
        for press in range(1, PRESSES + 1):
            noise = random.Random(f"{press} {second}").gauss(0, 1)
            hot = SECONDS - 20 <= second < SECONDS if press == 1 else second >= SECONDS
            value = round((99 if hot else 70) + noise, 3)
            ts = T0 + 1000 * second
            body = json.dumps({"asset": f"press-{press}", "sensor": "temp", "ts": ts, "value": value}).encode()
            producer.produce("golden-readings", body, f"press-{press}".encode(), partition=press % 2, timestamp=ts)
    assert producer.flush(60) == 0
    return PRESSES * (end - first)


def _main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as name, LocalKafka(Path(name) / "kafka") as kafka:
        state, settings = Path(name) / "state", Path(name) / "andon.toml"
        settings.write_text(settings_text(kafka.bootstrap, state))
        run = [sys.executable, "-m", "andon", "run", "--settings", str(settings), "--until-caught-up"]
        begin(kafka.bootstrap)
        subprocess.run(run, check=True)
        command(kafka.bootstrap)
        subprocess.run(run, check=True)
        with tarfile.open(out, "w:xz") as archive:
            archive.add(state / "saved", "saved")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
