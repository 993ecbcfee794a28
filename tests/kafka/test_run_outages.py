"""`andon run` when Kafka, or a part of it, goes away."""

from __future__ import annotations

import re
import time

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tests.kafka.service import (
    Feeder,
    Service,
    Topics,
    andon,
    count_all,
    named,
    produce,
    read_all,
    reading,
    wait_until,
    without_floods,
)

T0 = 1_700_000_000_000


def waves(step):
    """Ten assets, each hot in every other reading, slowly enough not to chatter."""
    return [reading(f"press-{asset}", 97.0 if step % 2 else 20.0, T0 + 100_000 * step) for asset in range(10)]


def identities(bootstrap, topic):
    """The transitions of the assets' alarms that were written."""
    return {dict(message.headers())["ce_id"] for message in without_floods(read_all(bootstrap, topic))}


def take_alerts(bootstrap, topic, *, replicas_min):
    """With more replicas asked for than there are, the broker takes no record, and the producer tries again."""
    entry = ConfigEntry("min.insync.replicas", str(replicas_min), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(20)


def in_flight(service):
    """Records that the service's producer holds."""
    page = service.get("/metrics")[1]
    return float(re.search(r"^andon_sink_in_flight (\S+)$", page, re.MULTILINE)[1])


def frozen_under_way(broker, service):
    """Freeze the broker; whether the service's producer holds records whose answer isn't on its way.

    The gauge is told once more by every epoch that ends, so it is asked some epochs later.
    """
    broker.pause()
    time.sleep(3)
    if in_flight(service) > 0:
        return True
    broker.resume()
    return False


def test_a_broker_that_dies_and_comes_back_costs_no_alert(own_kafka, tmp_path):
    """The service waits and goes on by itself."""
    kafka, work = own_kafka.bootstrap, named("dies")
    service = Service(tmp_path / "run", kafka, work, service="epoch_s = 1")
    assert andon("topics", "create", str(service.settings), "--partitions", "4").returncode == 0
    feeder = Feeder(kafka, work.readings, waves, every_s=0.05)
    with service:
        service.start()
        wait_until(lambda: count_all(kafka, work.alerts) > 100, "alerts flow")

        own_kafka.kill()
        time.sleep(3)
        own_kafka.start()
        before = count_all(kafka, work.alerts)
        wait_until(lambda: count_all(kafka, work.alerts) > before + 100, "alerts flow again")
        feeder.stop()
        wait_until(lambda: len(identities(kafka, work.alerts)) >= feeder.sent - 10, "all alerts are there")

        assert service.stop() == 0
    assert len(identities(kafka, work.alerts)) == feeder.sent - 10  # the first reading was cold


def test_a_broker_that_stays_away_ends_the_service_in_time_and_costs_no_alert(own_kafka, tmp_path):
    """A supervisor sees one line and an exit code; a service that is asked to stop needs no kill -9."""
    kafka, work, quiet = own_kafka.bootstrap, named("stays-away"), named("asked-to-stop")
    service = Service(tmp_path / "run", kafka, work, service="epoch_s = 0.5\ndelivery_wait_s = 15")
    asked = Service(tmp_path / "asked", kafka, quiet, service="epoch_s = 0.5")
    for each in (service, asked):
        assert andon("topics", "create", str(each.settings), "--partitions", "4").returncode == 0
    feeder = Feeder(kafka, work.readings, waves, every_s=0.05)
    produce(kafka, quiet.readings, [*waves(0), *waves(1)])
    with service, asked:
        for each in (service, asked):
            each.start()
        wait_until(lambda: count_all(kafka, work.alerts) > 20, "alerts flow")
        wait_until(lambda: count_all(kafka, quiet.alerts) == 10, "those of the other service, too")
        wait_until(lambda: asked.get("/readyz")[0] == 200, "it has seen its broker answer")

        take_alerts(kafka, work.alerts, replicas_min=2)  # so that some are surely under way when the broker dies
        wait_until(lambda: frozen_under_way(own_kafka, service), "alerts are under way")
        own_kafka.kill()
        wait_until(lambda: bool(asked.events("source failed")), "the outage is noticed")
        assert asked.stop() == 0
        assert service.process.wait(60) == 1
    own_kafka.start()
    take_alerts(kafka, work.alerts, replicas_min=1)
    feeder.stop()

    complaint = service.stderr.read_text().splitlines()[-1]
    told = [f"andon: kafka {topic}: a record can't be delivered (" for topic in (work.alerts, work.alarms)]
    assert complaint.startswith(tuple(told))
    assert "Nothing is lost" in complaint
    for each in (service, asked):
        each.catch_up()
    assert len(identities(kafka, work.alerts)) == feeder.sent - 10
    assert count_all(kafka, quiet.alerts) == 10


def test_alerts_that_can_not_be_delivered_end_the_service_and_are_decided_again(kafka, topics, tmp_path):
    """Rather no service than one that loses alerts: once the fault is mended, they are all there."""
    work = Topics(topics)
    lost = f"{work.alerts}-lost"
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(lost, 2, 1)])[lost].result(20)
    with Service(tmp_path, kafka, work, service="epoch_s = 0.5\ndelivery_wait_s = 3", alerts=lost) as service:
        service.start()
        sent = produce(kafka, work.readings, [*waves(0), *waves(1)])
        service.wait_until_read(sent)
        wait_until(lambda: len(read_all(kafka, lost)) == 10, "alerts flow")
        admin.delete_topics([lost])[lost].result(20)
        produce(kafka, work.readings, waves(2))

        assert service.process.wait(60) == 1
    complaint = service.stderr.read_text().splitlines()[-1]
    assert complaint.startswith(f"andon: kafka {lost}: a record can't be delivered (")
    Service(tmp_path, kafka, work).catch_up()
    assert len(identities(kafka, work.alerts)) == 10
