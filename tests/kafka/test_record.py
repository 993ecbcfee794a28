"""`andon record` on a real broker: what is recorded says in a replay what the service said of the live readings."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from confluent_kafka import Producer

from contracts.settings import Kafka
from dataflows.excerpt import Excerpt, Stretch
from tests.kafka.service import (
    WAIT_S,
    Service,
    Topics,
    andon,
    environment,
    produce,
    read_all,
    wait_until,
    without_floods,
)

T0 = 1_700_000_000_000
HOUR_MS = 3_600_000
RULES = """
[[rules]]
unit = "degC"
limit = { hh = 95, h = 85, deadband = 1 }
rate = { rise_max_per_s = 2 }
stale = { after_s = 120 }
[[assets]]
window_s = 10
"""


def plant():
    """Six presses for an hour, every one with faults of its own; messages of all sorts, and some that are none."""
    for second in range(0, 3600, 5):
        for press in range(6):
            asset, ts = f"press-{press}", T0 + second * 1000 + press
            temp = (
                70 + press + (second * 7 % 13) / 10 + (20 if 600 * (press + 1) < second < 600 * (press + 1) + 90 else 0)
            )
            if press == 1 and 1800 < second < 2400:
                continue  # silent for ten minutes
            if press == 2:  # two sensors in one message, spread over lines
                document = {"asset": asset, "ts": ts, "values": {"temp": temp, "load": temp / 2}}
                yield asset.encode(), json.dumps(document, indent=1).encode(), ts
            elif press == 3:  # no time of its own
                yield asset.encode(), json.dumps({"asset": asset, "sensor": "temp", "value": temp}).encode(), ts
            else:
                document = {"asset": asset, "sensor": "temp", "ts": ts, "value": temp}
                yield asset.encode(), json.dumps(document).encode(), ts
            if press == 4 and second % 600 == 0:
                yield asset.encode(), b'{"asset":"press-4","half', ts
                ahead = {"asset": asset, "sensor": "temp", "ts": ts + HOUR_MS, "value": 999}
                yield asset.encode(), json.dumps(ahead).encode(), ts


@pytest.fixture(scope="module")
def live(kafka, module_topics, tmp_path_factory):
    """A service that has read the plant, and what it said."""
    work = Topics(module_topics)
    work.readings = module_topics(3, {"retention.ms": "-1"})  # its messages are some years old
    service = Service(tmp_path_factory.mktemp("live"), kafka, work, service='clock = "event"', rules=RULES)
    producer = Producer({"bootstrap.servers": kafka})
    for key, value, ts in plant():
        producer.produce(work.readings, value, key, timestamp=ts)
    assert producer.flush(60) == 0
    service.catch_up()
    service.said = sorted(message.value() for message in without_floods(read_all(kafka, work.alerts)))
    return service


def record(live, *arguments):
    done = andon("record", "--settings", str(live.settings), "--json", *map(str, arguments))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def replay(live, path):
    done = andon("replay", str(path), "--settings", str(live.settings), "--json")
    assert done.returncode == 0, done.stderr
    return sorted(line for line in done.stdout.encode().splitlines() if b'"kind":"flood"' not in line)


@pytest.mark.parametrize("name", ["plant.ndjson", "plant.ndjson.zst", "plant.parquet"])
def test_a_replay_of_what_was_recorded_says_what_the_service_said(live, tmp_path, name):
    """What happened in the plant can be looked at on the desk, byte for byte, whatever the messages were."""
    told, remarks = record(live, "--out", tmp_path / name)

    assert replay(live, tmp_path / name) == live.said
    kinds = {json.loads(line)["kind"] for line in live.said}
    assert kinds >= {"limit", "rate", "stale"}
    assert told["unreadable"] == {"not_json": 6, "ts_too_far_ahead": 6}
    assert told["given_ts"] == 720
    assert "6 of them because their time is far ahead" in remarks
    assert sum(end - first for first, end in told["offsets"].values()) == told["messages"] + told["left_out"]


def test_two_recordings_of_the_same_stretch_are_the_same_file(live, tmp_path):
    """A recording that is checked in doesn't change when it is made again; and parts make the whole."""
    whole, again = tmp_path / "whole.ndjson", tmp_path / "again.ndjson"
    told, _ = record(live, "--out", whole)
    record(live, "--out", again)
    middle = {partition: (first + end) // 2 for partition, (first, end) in told["offsets"].items()}
    cut = ",".join(f"{partition.rsplit('/', 1)[1]}/{offset}" for partition, offset in middle.items())
    first, _ = record(live, "--out", tmp_path / "first.ndjson", "--to", cut)
    rest, _ = record(live, "--out", tmp_path / "rest.ndjson", "--from", cut)

    lines = whole.read_bytes().splitlines()
    stamps = [json.loads(line)["ts"] for line in lines if not line.endswith(b"half")]
    parts = (tmp_path / "first.ndjson").read_bytes() + (tmp_path / "rest.ndjson").read_bytes()
    assert again.read_bytes() == whole.read_bytes()
    assert stamps == sorted(stamps)
    assert first["messages"] + rest["messages"] == told["messages"]
    assert sorted(parts.splitlines()) == sorted(lines)


def test_times_bound_a_recording_as_the_broker_knows_them(live, tmp_path):
    """Ten minutes around a fault."""
    path = tmp_path / "fault.ndjson"

    told, _ = record(live, "--out", path, "--from", "2023-11-14T22:23:20Z", "--to", "2023-11-14T22:33:20+00:00")

    assert (told["first_ts"], told["last_ts"] // 5000 * 5000) == (T0 + 600_000, T0 + 1_200_000 - 5000)
    assert len(path.read_bytes().splitlines()) == told["messages"]


def test_what_comes_is_recorded_until_ctrl_c_and_a_file_is_not_overwritten(kafka, topics, tmp_path):
    """A test run of a machine is recorded as it happens."""
    work = Topics(topics, partitions=2)
    service = Service(tmp_path, kafka, work)
    path = tmp_path / "live.ndjson"
    produce(kafka, work.readings, [{"asset": "a", "sensor": "s", "ts": T0, "value": 1}])
    arguments = ["record", "--settings", str(service.settings), "--out", str(path), "--follow", "--json"]
    command = [sys.executable, "-m", "andon", *arguments]

    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        part = path.with_name("live.ndjson.part")
        wait_until(part.exists, "it has begun")
        produce(kafka, work.readings, [{"asset": "b", "sensor": "s", "ts": T0, "value": at} for at in range(20_000)])
        wait_until(lambda: part.exists() and part.stat().st_size > 10_000, "what came is written")
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=WAIT_S)

    assert process.returncode == 0, errors
    messages = json.loads(told)["messages"]
    assert messages == len(path.read_bytes().splitlines()) > 100
    again = andon(*arguments)
    assert again.returncode == 2
    assert "is there already (--force replaces it)" in " ".join(again.stderr.replace("│", " ").split())


def test_partitions_that_are_held_back_lose_nothing(kafka, topics):
    """However uneven a topic is, and however little memory there may be."""
    topic = topics(2)
    many = [(f"{at % 7}".encode(), f"{at:06} {'x' * 200}".encode()) for at in range(20_000)]
    produce(kafka, topic, many)

    def values(queued_bytes_max):
        with Excerpt(
            Kafka(bootstrap_servers=kafka),
            [topic],
            Stretch(),
            wait_s=WAIT_S,
            stop=threading.Event(),
            queued_bytes_max=queued_bytes_max,
        ) as excerpt:
            return [message.value() for message in excerpt.messages()]

    assert values(0) == values(1 << 30)
    assert sorted(values(0)) == [value for _, value in many]
