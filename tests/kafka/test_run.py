"""`andon run` on a real broker: what goes in, what comes out, and what a stop or a crash changes about it."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka.service import Feeder, Service, Topics, andon, produce, read_all, reading, wait_until, without_floods

T0 = 1_700_000_000_000
HOT, COLD = 97.0, 20.0


def waves(assets, steps, start=0):
    """Each asset is ten readings hot and ten readings cold, one every ten seconds: more often, and it would chatter."""
    for step in range(start, start + steps):
        for asset in range(assets):
            yield reading(f"press-{asset}", HOT if (step // 10) % 2 else COLD, T0 + 10_000 * step)


def identities(messages):
    """How often each transition was written."""
    return Counter(dict(message.headers())["ce_id"] for message in messages)


def bodies(messages):
    """Each transition of an asset's alarm once, sorted."""
    messages = without_floods(messages)
    by_id = {dict(message.headers())["ce_id"]: message.value() for message in messages}
    assert len(
        {(ident, message.value()) for message in messages for ident in [dict(message.headers())["ce_id"]]}
    ) == len(by_id), "the same transition must have the same body"
    return sorted(by_id.values())


def undisturbed(tmp_path, kafka, topics, work):
    """What a run that nothing disturbs makes of the same readings."""
    alerts = topics(1)
    Service(tmp_path / "undisturbed", kafka, work, alerts=alerts).catch_up()
    return bodies(read_all(kafka, alerts))


def test_a_reading_above_its_limit_becomes_an_alert(kafka, topics, tmp_path):
    """From a plant's message to the operator's, with everything that the contract promises beside it."""
    work = Topics(topics)
    produce(kafka, work.readings, waves(1, 25))

    Service(tmp_path, kafka, work).catch_up()

    raised, cleared = sorted(read_all(kafka, work.alerts), key=lambda message: json.loads(message.value())["ts"])
    alert = json.loads(raised.value())
    headers = dict(raised.headers())
    assert raised.key() == b"press-0"
    assert alert["message"] == "press-0 temp 97 degC above H 85 degC"
    assert (alert["transition"], alert["ts"], alert["site"]) == ("raised", T0 + 100_000, "test")
    assert json.loads(cleared.value())["ts"] == T0 + 200_000
    assert headers["ce_type"] == b"andon.alert.raised"
    assert headers["andon_source"].decode().rsplit("/", 1)[0].rsplit("/", 1)[0] == work.readings


def test_refused_messages_are_set_aside_with_their_bytes(kafka, topics, tmp_path):
    """What can't be read is kept for whoever can mend it, even where it is as large as Kafka allows."""
    work = Topics(topics)
    rubbish = [(b"\xff\x00", b"\x80{"), (b"press-1", b"[]"), (b"press-2", b"y" * 1_040_000)]
    produce(kafka, work.readings, [*rubbish, reading("press-3", HOT, T0)])

    Service(tmp_path, kafka, work).catch_up()

    letters = {message.key(): message for message in read_all(kafka, work.dead_letters)}
    assert letters[b"\xff\x00"].value() == b"\x80{"
    headers = dict(letters[b"press-1"].headers())
    assert (headers["andon_reason"], headers["andon_topic"]) == (b"not_object", work.readings.encode())
    assert len(letters[b"press-2"].value()) == 900_000 - len(b"press-2")
    assert dict(letters[b"press-2"].headers())["andon_truncated"] == str(1_040_000 + len(b"press-2")).encode()
    assert len(read_all(kafka, work.alerts)) == 1


def test_a_stop_and_a_start_change_nothing(kafka, topics, tmp_path):
    """SIGTERM saves all: what follows is as if it had never stopped, and active alarms aren't raised again."""
    work = Topics(topics)
    sent = produce(kafka, work.readings, waves(20, 15))
    with Service(tmp_path, kafka, work) as service:
        service.start()
        service.wait_until_read(sent)

        assert service.stop() == 0
        before = read_all(kafka, work.alerts)
        service.catch_up()
        assert len(read_all(kafka, work.alerts)) == len(before)
        assert len(without_floods(before)) == 20
        produce(kafka, work.readings, waves(20, 30, start=15))
        service.catch_up()

    after = read_all(kafka, work.alerts)
    assert set(identities(after).values()) == {1}
    assert bodies(after) == undisturbed(tmp_path, kafka, topics, work)


def test_kill_9_loses_no_alert_and_repeats_only_what_can_be_told(kafka, topics, tmp_path):
    """After each crash the flow decides again: a consumer that drops ids that it has seen sees each alert once."""
    work = Topics(topics)
    feeder = Feeder(kafka, work.readings, lambda step: waves(10, 1, start=step), every_s=0.01)
    with Service(tmp_path, kafka, work, service="epoch_s = 0.5") as service:
        for _ in range(3):
            before = committed(kafka, "andon-test", work.readings)
            service.start()
            wait_until(lambda at=before: committed(kafka, "andon-test", work.readings) > at, "two snapshots")
            service.kill()
        feeder.stop()
        service.catch_up()

    alerts = without_floods(read_all(kafka, work.alerts))
    assert [start["resumed"] for start in service.events("ready")] == [False, True, True]
    assert len(identities(alerts)) == 10 * ((feeder.sent // 10 - 1) // 10)
    assert bodies(alerts) == undisturbed(tmp_path, kafka, topics, work)


def test_progress_can_be_seen_from_outside(kafka, topics, tmp_path):
    """Kafka's own tools show the lag; Prometheus and Kubernetes find what they ask for."""
    work = Topics(topics)
    sent = produce(kafka, work.readings, waves(8, 12))
    with Service(tmp_path, kafka, work, service="epoch_s = 0.5") as service:
        service.start()
        service.wait_until_read(sent)
        wait_until(lambda: service.get("/readyz")[0] == 200, "ready")
        metrics = service.get("/metrics")[1]
        status = json.loads(service.get("/status")[1])
        wait_until(lambda: committed(kafka, "andon-test", work.readings) == sent, "offsets committed")

        assert service.stop() == 0

    assert f'andon_readings_total{{result="accepted"}} {sent}.0' in metrics
    assert 'andon_alerts_total{kind="limit",priority="high",transition="raised"} 8.0' in metrics
    assert (status["ready"], status["series"], status["lag_rows"]) == (True, 8, 0)
    assert len(status["lanes"]) == 4


def committed(kafka, group, topic):
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group})
    try:
        found = consumer.committed([TopicPartition(topic, number) for number in range(4)], 20)
        return sum(max(0, partition.offset) for partition in found)
    except KafkaException:  # a broker on which nobody has committed yet has no coordinator
        return 0
    finally:
        consumer.close()


def test_a_second_service_on_the_same_state_is_told_so(kafka, topics, tmp_path):
    """Two services would overwrite each other's memory."""
    work = Topics(topics)
    with Service(tmp_path, kafka, work) as service:
        service.start()

        second = service.finish()

        assert second.returncode == 1
        complaint = second.stderr.splitlines()[-1]
        assert complaint.startswith(f"andon: {service.state_dir}: another andon uses this state directory")
        assert service.stop() == 0


def test_expired_readings_stop_the_service_until_a_person_decides(kafka, topics, tmp_path):
    """What was lost is never skipped in silence."""
    work = Topics(topics, partitions=1)
    produce(kafka, work.readings, waves(1, 10))
    service = Service(tmp_path, kafka, work)
    service.catch_up()
    produce(kafka, work.readings, waves(1, 20, start=10))
    admin = AdminClient({"bootstrap.servers": kafka})
    for deleted in admin.delete_records([TopicPartition(work.readings, 0, 15)]).values():
        deleted.result(20)

    stopped = service.finish("--until-caught-up")
    service.settings.write_text(
        service.settings.read_text().replace("lanes = 4", 'lanes = 4\non_lost_offsets = "earliest"')
    )
    service.catch_up()

    complaint = stopped.stderr.splitlines()[-1]
    assert stopped.returncode == 1
    for part in (f"{work.readings}/0", "asked for offset 10", "offsets 15 to 30", "on_lost_offsets"):
        assert part in complaint
    assert len(read_all(kafka, work.alerts)) == 2


def test_missing_topics_are_named_with_the_way_to_make_them(kafka, topics, tmp_path):
    """The first start of a newcomer ends with the next thing to type."""
    work = Topics(topics)
    service = Service(tmp_path, kafka, work, alerts="not-there", commands="neither")

    done = service.finish()

    complaint = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert f"no topics neither, not-there. Create what is missing: andon topics create {service.settings}" in complaint


def test_without_a_broker_it_says_so_and_ends(tmp_path):
    """A wrong address is one clear line and not a hang."""

    class Names:
        readings = alerts = alarms = commands = dead_letters = "any"

    service = Service(tmp_path, "127.0.0.1:1", Names, service="broker_wait_s = 2", alarms="other")
    text = service.settings.read_text()
    for number, name in enumerate(("alerts", "commands", "dead_letters")):
        text = text.replace(f'{name} = "any"', f'{name} = "any-{number}"')
    service.settings.write_text(text)

    done = andon("run", "--settings", str(service.settings))

    assert done.returncode == 1
    complaint = done.stderr.splitlines()[-1]
    assert complaint.startswith("andon: kafka 127.0.0.1:1: no broker answered within 2 s (")
    assert "kafka.bootstrap_servers" in complaint


@pytest.mark.parametrize("step", ["andon.lanes", "andon.commands", "andon.samples", "andon.alarms"])
def test_state_of_another_version_is_refused_in_one_line(kafka, spoken, tmp_path, step):
    """A downgrade never misreads what a newer andon has saved, and nobody has to read a traceback."""
    work, state_dir = spoken
    service = Service(tmp_path, kafka, work)
    shutil.copytree(state_dir, service.state_dir)
    for file in (service.state_dir / "saved" / "store").glob("*.sqlite3"):
        with closing(sqlite3.connect(file)) as store:
            saved = store.execute("SELECT rowid, ser_change FROM snaps WHERE step_id = ?", (step,)).fetchall()
            for row, content in saved:
                newer = pickle.dumps({**pickle.loads(content), "version": 99})  # noqa: S301 - we wrote it
                store.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", (newer, row))
            store.commit()

    done = service.finish("--until-caught-up")

    complaint = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert complaint.startswith("andon: ")
    assert "version 99" in complaint
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def spoken(kafka, module_topics, tmp_path_factory):
    """A state directory in which every step has saved something, and its topics."""
    work = Topics(module_topics)
    produce(kafka, work.readings, waves(4, 15))
    service = Service(tmp_path_factory.mktemp("spoken"), kafka, work)
    service.catch_up()
    return work, service.state_dir


@pytest.mark.parametrize("change", ["key_groups = 64", "lanes = 8"])
def test_state_of_another_shape_is_refused(kafka, topics, tmp_path, change):
    """Assets would look for their memory in the wrong place."""
    work = Topics(topics)
    service = Service(tmp_path, kafka, work)
    service.catch_up()
    service.settings.write_text(
        service.settings.read_text().replace("lanes = 4", f"{'lanes = 4' if 'groups' in change else ''}\n{change}")
    )

    done = service.finish("--until-caught-up")

    assert done.returncode == 1
    assert f"service.{change.split()[0]} is" in done.stderr.splitlines()[-1]


def test_topics_are_created_once_as_andon_needs_them(kafka, topics, tmp_path):
    """Alarms are compacted, arrival is the broker's time, and what exists is left alone."""
    work = Topics(topics)
    prefix = work.readings

    class Names:
        readings, alerts, alarms = f"{prefix}-r", f"{prefix}-a", f"{prefix}-s"
        commands, dead_letters = f"{prefix}-c", f"{prefix}-d"

    service = Service(tmp_path, kafka, Names)
    admin = AdminClient({"bootstrap.servers": kafka})

    first = andon("topics", "create", str(service.settings), "--partitions", "5")
    second = andon("topics", "create", str(service.settings))

    try:
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert [line.split()[0] for line in first.stdout.splitlines()] == ["created"] * 5
        assert [line.split()[0] for line in second.stdout.splitlines()] == ["exists"] * 5
        assert len(admin.list_topics(timeout=20).topics[Names.readings].partitions) == 5
        Service(tmp_path / "run", kafka, Names).catch_up()
    finally:
        for deleted in admin.delete_topics(
            [Names.readings, Names.alerts, Names.alarms, Names.commands, Names.dead_letters]
        ).values():
            deleted.result(20)
