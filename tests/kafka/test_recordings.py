"""Recordings of real machines, replayed, and watched live on a real broker: both say the same, whatever goes wrong."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from andon.installed import version_of
from contracts.loading import load
from tests.conftest import ROOT
from tests.kafka.service import (
    Feeder,
    Service,
    Topics,
    andon,
    committed,
    count_all,
    read_all,
    wait_until,
    without_floods,
)

MACHINE = "machine_temperature_system_failure"
PUMPS = ("valve1/0", "other/1", "valve2/2")
LABELS = ("anomaly", "changepoint")

EVENT_CLOCK = 'clock = "event"'
RULES = """
[[rules]]
asset = "machine_*"
unit = "degF"
limit = { hh = 105, h = 100, l = 60, ll = 40, deadband = 1 }
rate = { rise_max_per_s = 0.05 }
[[rules]]
sensor = "Temperature"
unit = "degC"
limit = { hh = 94.5, h = 79, l = 68, deadband = 0.2, on_delay_s = 3, off_delay_s = 2 }
[[rules]]
sensor = "Pressure"
unit = "bar"
limit = { h = 0.5, l = -0.5, deadband = 0.1 }
[[rules]]
sensor = "Volume*"
rate = { rise_max_per_s = 0.9 }
[[rules]]
sensor = "Thermocouple"
stale = { after_s = 1.5 }
flatline = { after_s = 15, tolerance = 0.02 }
[[assets]]
asset = "machine_*"
window_s = 0
[[assets]]
window_s = 1
"""


@pytest.fixture(scope="module")
def recordings(corpora, tmp_path_factory):
    """One machine over eleven weeks and three experiments with a pump, each an asset of its own, without the labels."""
    folder = tmp_path_factory.mktemp("recordings")
    machine = folder / f"{MACHINE}.csv"
    machine.write_bytes((corpora / "nab" / "data" / "realKnownCause" / machine.name).read_bytes())
    return [machine, *(without_labels(corpora / "skab" / f"{name}.csv", folder) for name in PUMPS)]


def without_labels(source, folder):
    lines = [line.split(";") for line in source.read_text().splitlines()]
    kept = [column for column, name in enumerate(lines[0]) if name not in LABELS]
    path = folder / f"{source.parent.name}-{source.name}"
    path.write_text("".join(";".join(line[column] for column in kept) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def published(kafka, module_topics, recordings, tmp_path_factory):
    """All recordings on one topic of several partitions, and what a replay says of them."""
    work = Topics(module_topics, partitions=5)
    service = Service(tmp_path_factory.mktemp("published"), kafka, work, service=EVENT_CLOCK, rules=RULES)
    arguments = ("replay", *map(str, recordings), "--settings", str(service.settings))
    sent = andon(*arguments, "--to-kafka")
    assert sent.returncode == 0, sent.stderr
    replay = andon(*arguments, "--json")
    assert replay.returncode == 0, replay.stderr
    return SimpleNamespace(
        topic=work.readings,
        settings=service.settings,
        arguments=arguments,
        printed=replay.stdout.encode(),
        expected=b"".join(
            line for line in replay.stdout.encode().splitlines(keepends=True) if b'"kind":"flood"' not in line
        ),
    )


@pytest.fixture(scope="module")
def watched(kafka, module_topics, published, tmp_path_factory):
    """What a service with the usual lanes has said of the published recordings; its state is still there."""
    service, alerts = watch(tmp_path_factory.mktemp("watched"), kafka, module_topics, published, lanes=12)
    return SimpleNamespace(service=service, alerts=alerts, topic=alerts[0].topic())


def watch(folder, kafka, make, published, *, lanes, poll_messages_max=10_000):
    """A service that has read all, and its alerts, without floods: only they hang on the order of the assets."""
    work = Topics(make)
    settings = f"{EVENT_CLOCK}\npoll_messages_max = {poll_messages_max}"
    service = Service(folder, kafka, work, service=settings, rules=RULES, lanes=lanes, readings=published.topic)
    service.catch_up()
    return service, without_floods(read_all(kafka, work.alerts))


def headers_of(message):
    return {name: value.decode() for name, value in message.headers()}


def in_order(bodies):
    """Bodies as a replay prints them: sorted as the order among assets is said to be compared."""

    def order(body):
        alert = json.loads(body)
        names = (alert["asset"], alert["sensor"] or "", alert["kind"], alert["rule"], alert["transition"])
        return (alert["ts"], *names)

    return b"".join(body + b"\n" for body in sorted(bodies, key=order))


def still_active(bodies):
    """(kind, priority) of the alarms that were raised and not cleared, with how many there are."""
    active = Counter()
    for alert in map(json.loads, bodies):
        active[alert["kind"], alert["priority"]] += {"raised": 1, "cleared": -1}[alert["transition"]]
    return +active


def alarms_active(service):
    """What the service says of the same."""
    families = {family.name: family for family in text_string_to_metric_families(service.get("/metrics")[1])}
    samples = families["andon_alarms_active"].samples
    return +Counter({(sample.labels["kind"], sample.labels["priority"]): int(sample.value) for sample in samples})


def test_a_replay_of_recordings_prints_the_same_bytes_again(published, recordings):
    """Whoever tries settings on recordings of years compares results, not luck."""
    again = andon(*published.arguments, "--json")

    assert again.stdout.encode() == published.printed
    alerts = [json.loads(line) for line in published.expected.splitlines()]
    assert {alert["asset"] for alert in alerts} == {path.stem for path in recordings}
    assert {alert["kind"] for alert in alerts} == {"limit", "rate", "flatline", "stale", "anomaly", "drift"}
    assert {alert["rule"] for alert in alerts if alert["kind"] == "limit"} == {"hh", "h", "l", "ll"}


def test_a_service_says_of_live_readings_what_a_replay_says_of_the_recording(published, watched):
    """What was tried at the desk is what happens in the plant, byte for byte."""
    bodies = [message.value() for message in watched.alerts]

    assert in_order(bodies) == published.expected


@pytest.mark.parametrize(("lanes", "poll_messages_max"), [(1, 100), (1, 10_000), (12, 100)])
def test_lanes_and_batches_change_no_byte(kafka, topics, tmp_path, published, lanes, poll_messages_max):
    """A plant may be tuned without its alarms changing."""
    _, alerts = watch(tmp_path, kafka, topics, published, lanes=lanes, poll_messages_max=poll_messages_max)

    assert in_order(message.value() for message in alerts) == published.expected


def test_a_restart_with_active_alarms_says_nothing_new(kafka, published, watched):
    """Operators aren't told again what they know; the figures know it still."""
    active = still_active(published.expected.splitlines())

    with watched.service as service:
        service.start()
        wait_until(lambda: alarms_active(service) == active, "the figures know the active alarms")
        assert service.stop() == 0

    assert service.events("ready")[-1]["resumed"] is True
    assert {kind for kind, _ in active} == {"limit", "flatline", "drift", "rate", "stale", "anomaly"}
    assert len(without_floods(read_all(kafka, watched.topic))) == len(watched.alerts)


def test_every_alert_carries_the_documented_headers(published, watched, kafka):
    """Consumers route, deduplicate and trace by headers alone."""
    page = (ROOT / "docs" / "reference" / "alerts.md").read_text()
    documented = [line.split("`")[1] for line in page.split("## Headers")[1].splitlines() if line.startswith("| `")]
    settings = load(published.settings, {})
    readings = {(message.partition(), message.offset()): message for message in read_all(kafka, published.topic)}

    for message in watched.alerts:
        alert, headers = json.loads(message.value()), headers_of(message)
        sensor = alert["sensor"]
        assert list(headers) == documented
        assert message.key() == alert["asset"].encode()
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_source"] == "/andon/test"
        assert headers["ce_type"] == f"andon.alert.{alert['transition']}"
        assert headers["ce_subject"] == (f"{alert['asset']}/{sensor}" if sensor else alert["asset"])
        age = datetime.now(UTC) - datetime.fromisoformat(headers["ce_time"])
        assert timedelta(0) <= age < timedelta(hours=1)
        assert headers["andon_config"] == settings.rule(alert["asset"], sensor or "").config_hash
        assert headers["andon_version"] == version_of("andon")
        topic, partition, offset = headers["andon_source"].split("/")
        cause = json.loads(readings[int(partition), int(offset)].value())
        assert (topic, cause["asset"]) == (published.topic, alert["asset"])
        if alert["kind"] in {"limit", "rate"}:
            said = cause["values"][sensor] if "values" in cause else cause["value"]
            told_ts = alert["ts"] - alert["evidence"].get("held_back_ms", 0)
            assert (cause["ts"], said) == (told_ts, alert["value"])


def test_ids_are_what_the_documentation_says(watched):
    """Another program can name an alarm before it is raised."""

    def digest(*parts):
        return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()

    for message in watched.alerts:
        alert = json.loads(message.value())
        episode = digest(alert["asset"], alert["sensor"] or "", alert["kind"], alert["rule"], alert["onset_ts"])
        assert alert["alert_id"] == episode
        assert headers_of(message)["ce_id"] == digest(episode, alert["transition"], alert["ts"])


def test_every_body_is_valid_by_the_published_schema(watched):
    """Whoever generates code from the schema can read every alert."""
    schema = json.loads((ROOT / "docs" / "reference" / "alert-schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    faults = [
        fault.message for message in watched.alerts for fault in validator.iter_errors(json.loads(message.value()))
    ]

    assert faults == []
    assert not validator.is_valid({**json.loads(watched.alerts[0].value()), "priority": "urgent"})


def test_kill_9_at_three_places_loses_no_alert_and_says_none_twice(kafka, topics, tmp_path, published):
    """A consumer that drops ids that it has seen sees what a replay prints, whenever the service died."""
    work = Topics(topics, partitions=5)
    service = Service(tmp_path, kafka, work, service=f"{EVENT_CLOCK}\nepoch_s = 1", rules=RULES)
    steps = list(paced([json.loads(message.value()) for message in read_all(kafka, published.topic)], steps=1_500))
    sent = 0

    def feed(_step):
        nonlocal sent
        if sent < len(steps) * len(service.events("ready")) // 4:  # a quarter before each kill, the rest after the last
            sent += 1
            yield from steps[sent - 1]

    with service:
        feeder = Feeder(kafka, work.readings, feed, every_s=0.01)
        for snapshots_first in (False, True, True):
            alerts_before, saved_before = count_all(kafka, work.alerts), committed(kafka, work.readings)
            service.start()
            if snapshots_first:
                wait_until(lambda saved=saved_before: committed(kafka, work.readings) != saved, "two snapshots")
            wait_until(lambda before=alerts_before: count_all(kafka, work.alerts) > before + 5, "alerts")
            service.kill()
        feeder.stop()
    rest = Feeder(kafka, work.readings, lambda step: steps[sent + step] if sent + step < len(steps) else (), every_s=0)
    wait_until(lambda: feeder.sent + rest.sent == sum(map(len, steps)), "all readings are sent")
    rest.stop()
    service.catch_up()

    alerts = without_floods(read_all(kafka, work.alerts))
    by_id = defaultdict(set)
    for message in alerts:
        by_id[headers_of(message)["ce_id"]].add(message.value())
    assert len(alerts) > len(by_id), "the kills fell between snapshots: something was decided twice"
    assert service.events("ready")[2]["resumed"] is True
    assert {len(bodies) for bodies in by_id.values()} == {1}
    assert in_order(body for bodies in by_id.values() for body in bodies) == published.expected


def paced(readings, *, steps):
    """The readings in so many steps: all assets speak in each, and each in its own order."""
    by_asset = defaultdict(list)
    for reading in readings:
        by_asset[reading["asset"]].append(reading)
    for step in range(steps):
        yield [
            reading
            for own in by_asset.values()
            for reading in own[len(own) * step // steps : len(own) * (step + 1) // steps]
        ]
