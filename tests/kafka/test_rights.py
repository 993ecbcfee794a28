"""andon on a broker with an authorizer: what it needs, that it needs no more, and what it says of what is missing."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AclOperation, AdminClient, ResourceType

from contracts.errors import SourceError
from dataflows.kafka_client import admin_client, client_settings, wait_for_topics
from dataflows.rights import refuse_without_rights
from tests.conftest import new_topics
from tests.gateways.peers.modbus import pump
from tests.gateways.process import GatewayProcess, free_port
from tests.kafka.secured import rights, toml_of
from tests.kafka.service import RULES, Service, Topics, produce, read_all, reading, wait_until
from tests.kafka.test_secured import T0, settings_of

WAIT_S = 20
TOPIC, READ, WRITE = ResourceType.TOPIC, AclOperation.READ, AclOperation.WRITE


@pytest.fixture
def there(secured_kafka, request):
    """Topics on the secured broker, on which nobody has rights."""
    with new_topics(secured_kafka.broker.bootstrap, request.node.name) as make:
        yield Topics(make, partitions=2)


@pytest.fixture
def settings(secured_kafka, there):
    """Of a user with a password."""
    return settings_of(there, bootstrap_servers=secured_kafka.broker.scram_bootstrap, client=secured_kafka.scram())


def _refused(settings):
    kafka = settings.kafka
    with pytest.raises(SourceError) as told:
        refuse_without_rights(
            kafka,
            admin_client(kafka),
            reads=(*kafka.readings, kafka.commands, kafka.alarms),
            writes=(kafka.alerts, kafka.alarms, kafka.dead_letters),
        )
    return str(told.value)


def test_each_right_that_is_missing_is_named(secured_kafka, settings, there):
    """One line says who lacks what, before anything begins."""
    enough = rights(settings)
    where = f"kafka {secured_kafka.broker.scram_bootstrap}"
    of_topics = [right for right in enough if right[0] is TOPIC]
    assert len(of_topics) == 6
    for right in of_topics:
        secured_kafka.grant([other for other in enough if other != right])

        told = _refused(settings)

        _, name, operation = right
        assert told == (
            f"{where}: user andon lacks {operation.name} of topic {name}. Grant what `andon topics rights` prints."
        )

    secured_kafka.grant([right for right in enough if right[1] not in (there.alarms, there.alerts)])

    assert f"lacks READ of topic {there.alarms}, WRITE of topic {there.alerts}, WRITE of topic {there.alarms}." in (
        _refused(settings)
    )


def test_a_topic_that_may_not_be_seen_is_not_called_missing(secured_kafka, settings, there):
    """A broker hides what one has no right on; nobody is sent to create it."""
    secured_kafka.grant([right for right in rights(settings) if right[1] != there.readings])

    with pytest.raises(SourceError) as told:
        wait_for_topics(
            settings.kafka, [there.readings, there.alerts], wait_s=WAIT_S, stop=threading.Event(), hint="Create it."
        )

    assert str(told.value).endswith(
        f": user andon may not see topic {there.readings}. Grant what `andon topics rights` prints."
    )


def test_with_the_rights_that_are_printed_nothing_else_can_be_done(secured_kafka, settings, there):
    """Whoever steals andon's password writes no readings, reads no alerts, sends no commands and makes no topics."""
    secured_kafka.grant(rights(settings))
    client = client_settings(settings.kafka)
    delivered = []
    producer = Producer(client)
    for topic in (there.readings, there.commands, there.alerts):
        producer.produce(
            topic, b"{}", on_delivery=lambda error, message: delivered.append((message.topic(), error and error.name()))
        )
    assert producer.flush(WAIT_S) == 0
    assert dict(delivered) == {
        there.readings: "TOPIC_AUTHORIZATION_FAILED",
        there.commands: "TOPIC_AUTHORIZATION_FAILED",
        there.alerts: None,
    }

    consumer = Consumer({**client, "group.id": "another"})
    consumer.subscribe([there.alerts])
    wait_until(
        lambda: any(
            message.error() and message.error().name() in ("GROUP_AUTHORIZATION_FAILED", "TOPIC_AUTHORIZATION_FAILED")
            for message in consumer.consume(10, 0.2)
        ),
        "it is refused",
    )
    consumer.close()

    admin = AdminClient(client)
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        admin.delete_topics([there.readings])[there.readings].result(WAIT_S)


def test_without_the_right_on_its_group_andon_works_and_says_that_its_lag_is_not_seen(
    secured_kafka, settings, there, tmp_path
):
    """Positions are saved in the state directory; committed offsets are only a view for others."""
    secured_kafka.grant([right for right in rights(settings) if right[0] is TOPIC])
    plain = secured_kafka.broker.bootstrap
    produce(plain, there.readings, [reading("press-1", 99, T0)])
    rules = f"{toml_of(secured_kafka.scram())}{RULES}stale = false"

    with Service(
        tmp_path, secured_kafka.broker.scram_bootstrap, there, service="epoch_s = 0.5", rules=rules
    ) as service:
        service.start()
        wait_until(lambda: len(read_all(plain, there.alerts)) == 1, "the alert")
        wait_until(lambda: service.events("commits refused") != [], "the warning")
        stopped = service.stop()

    (warning,) = service.events("commits refused")
    assert warning["remedy"] == "grant READ of group andon-test"
    assert stopped == 0


def test_a_right_that_is_taken_away_ends_the_process_in_one_clear_line(secured_kafka, settings, there, tmp_path):
    """Nothing is dropped: after the right is back, andon goes on where it was."""
    enough = rights(settings)
    secured_kafka.grant(enough)
    plain = secured_kafka.broker.bootstrap
    rules = f"{toml_of(secured_kafka.scram())}{RULES}stale = false"

    with Service(
        tmp_path, secured_kafka.broker.scram_bootstrap, there, service="epoch_s = 0.5", rules=rules
    ) as service:
        service.start()
        secured_kafka.grant([right for right in enough if right != (TOPIC, there.alerts, WRITE)])
        produce(plain, there.readings, [reading("press-1", 99, T0)])
        assert service.process.wait(90) == 1
        last = service.stderr.read_text().splitlines()[-1]
        secured_kafka.grant(enough)
        service.catch_up()

    # The second where librdkafka has heard of it before the record comes.
    told = (f"andon: kafka {there.alerts}: a record {end} (" for end in ("can't be delivered", "was refused"))
    assert last.startswith(tuple(told))
    assert "Topic authorization failed" in last
    assert len(read_all(plain, there.alerts)) == 1


def test_a_gateway_works_with_the_rights_that_are_printed_for_it(secured_kafka, settings, there, tmp_path):
    """It writes readings and the inventory, and can read nothing of what others wrote there."""
    kafka = settings.kafka.model_copy(update={"inventory": there.dead_letters})
    secured_kafka.grant(rights(settings.model_copy(update={"kafka": kafka}), "gateway"))
    with pump(free_port()) as peer:
        (tmp_path / "gateway.toml").write_text(
            f"""
[kafka]
bootstrap_servers = "{kafka.bootstrap_servers}"
readings = ["{there.readings}"]
inventory = "{kafka.inventory}"
{toml_of(dict(kafka.client))}
[[gateway.modbus]]
name = "pump"
host = "127.0.0.1"
port = {peer.port}
points = [{{ address = 1, sensor = "x" }}]
"""
        )
        command = [sys.executable, "-m", "andon", "gateway", "run"]
        with GatewayProcess(tmp_path, command) as gateway:
            gateway.start()
            wait_until(lambda: gateway.metric("andon_gateway_messages_published_total") > 1, "both topics are written")
            assert gateway.end() == 0
    consumer = Consumer(client_settings(kafka, group_id="floor"))
    try:
        consumer.assign([TopicPartition(there.readings, 0, 0)])
        with pytest.raises(KafkaException, match=r"(TOPIC|GROUP)_AUTHORIZATION_FAILED"):  # whichever comes first
            _first_error(consumer)
    finally:
        consumer.close()


def _first_error(consumer):
    """Read until something is refused.

    Raises: KafkaException.
    """
    deadline = time.monotonic() + 3 * WAIT_S
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is not None:
            raise KafkaException(message.error())
        assert message is None, "a message could be read"
