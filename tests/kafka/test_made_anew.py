"""Topics that are deleted and made anew under their old names: nothing is passed over without a word."""

from __future__ import annotations

import json
import signal
import time

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.conftest import ADMIN_WAIT_S, wait_until_known
from tests.kafka.service import WAIT_S, Service, Topics, produce, read_all, reading, wait_until

pytestmark = pytest.mark.timeout(600)  # several starts of a service, and a busy machine takes a minute for each

T0 = 1_700_000_000_000


def remade(bootstrap, topic):
    """Delete a topic, and make it again as soon as the broker lets us."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.delete_topics([topic])[topic].result(ADMIN_WAIT_S)
    deadline = time.monotonic() + ADMIN_WAIT_S
    while True:
        try:
            admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(ADMIN_WAIT_S)
        except KafkaException:
            assert time.monotonic() < deadline, f"{topic} can't be made again"
            time.sleep(0.1)
        else:
            break
    wait_until_known(admin, topic, partitions=1)


def hot(asset, count):
    """Readings of one asset, all too hot: one alarm."""
    return [reading(asset, 99.0, T0 + 1_000 * step) for step in range(count)]


def alarms(bootstrap, topic):
    """The assets whose alarms were told, in their order."""
    return [json.loads(message.value())["asset"] for message in read_all(bootstrap, topic)]


def test_readings_in_a_topic_that_was_made_anew_are_not_passed_over(kafka, topics, tmp_path):
    """The saved offset is there again, in another topic: andon says so and stops, and may be told to go on."""
    work = Topics(topics, partitions=1)
    service = Service(tmp_path, kafka, work, service="epoch_s = 0.5")
    produce(kafka, work.readings, hot("press-1", 4))
    service.catch_up()
    remade(kafka, work.readings)
    produce(kafka, work.readings, hot("press-2", 6))

    refused = service.finish("--until-caught-up")
    several = service.finish("--until-caught-up", "--processes", "2")

    for done in (refused, several):
        assert done.returncode == 1
        (complaint,) = [line for line in done.stderr.splitlines() if "are gone" in line]
        assert f"{work.readings}/0: asked for offset 4, offsets 0 to 6 are available" in complaint
        assert "(the topic was deleted and made anew)" in complaint
        assert 'set service.on_lost_offsets = "earliest"' in complaint
    assert alarms(kafka, work.alerts) == ["press-1"]

    stopping = service.settings.read_text()
    service.settings.write_text(stopping.replace("[service]", '[service]\non_lost_offsets = "earliest"'))
    service.catch_up()

    assert alarms(kafka, work.alerts) == ["press-1", "press-2"]
    service.settings.write_text(stopping)
    service.catch_up()  # it is the known one now


@pytest.mark.parametrize("role", ["readings", "alarms"])
def test_a_topic_that_is_made_anew_while_andon_works_is_noticed(kafka, topics, tmp_path, role):
    """Not by its offsets, which fit. After the start it says what is gone, and writes again what stands."""
    work = Topics(topics, partitions=1)
    with Service(tmp_path, kafka, work, service="epoch_s = 0.5") as service:
        service.start()
        service.wait_until_read(produce(kafka, work.readings, hot("press-1", 4)))
        wait_until(lambda: len(read_all(kafka, work.alarms)) >= 1, "the alarm stands")
        service.process.send_signal(signal.SIGSTOP)
        topic = getattr(work, role)
        remade(kafka, topic)
        if role == "readings":
            produce(kafka, topic, hot("press-2", 6))
        service.process.send_signal(signal.SIGCONT)

        assert service.process.wait(2 * WAIT_S) == 1
    complaint = service.stderr.read_text().splitlines()[-1]
    assert complaint.startswith(f"andon: kafka {topic}: it was deleted and made anew meanwhile. Start andon again")
