"""The local broker: it serves, it can be broken and comes back, and it is fetched once however many ask."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.kafka.local import LocalKafka, LocalKafkaError
from tests.conftest import need_local_kafka

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20
ASK_FOR_JARS = "from deploy.kafka.local import *\ntry: print(fetch_jars())\nexcept LocalKafkaError as e: print(e)"


def test_what_is_produced_is_consumed(kafka: str, topics: Callable[..., str]) -> None:
    """A message written to a topic comes back with its key and value."""
    topic = topics(partitions=3)

    produce(kafka, topic, b"87.3", partition=2)

    assert consume(kafka, topic, count=1, partition=2) == [b"87.3"]


def test_every_topic_is_a_new_one_with_the_partitions_asked_for(kafka: str, topics: Callable[..., str]) -> None:
    """Two tests never write into each other's topics."""
    first, second = topics(partitions=2), topics()

    known = AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=WAIT_S).topics

    assert first != second
    assert (len(known[first].partitions), len(known[second].partitions)) == (2, 1)


def test_a_killed_broker_comes_back_with_its_data_where_it_was(own_kafka: LocalKafka) -> None:
    """After a power cut of the broker, its clients find it at the same address with what they had written."""
    before = own_kafka.bootstrap
    admin = AdminClient({"bootstrap.servers": before})
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(WAIT_S)
    produce(before, "kept", b"before")

    own_kafka.kill()
    dead = not own_kafka.running
    own_kafka.start()
    produce(before, "kept", b"after")

    assert dead
    assert own_kafka.bootstrap == before
    assert consume(before, "kept", count=2) == [b"before", b"after"]


def test_a_paused_broker_answers_only_when_it_is_resumed(own_kafka: LocalKafka) -> None:
    """A frozen broker keeps its port open and says nothing; later it goes on."""
    own_kafka.pause()
    try:
        silent = not answers_within(own_kafka, timeout_s=1)
        running = own_kafka.running
    finally:
        own_kafka.resume()

    assert silent
    assert running
    assert answers_within(own_kafka, timeout_s=WAIT_S)


def test_a_paused_broker_can_be_stopped(own_kafka: LocalKafka) -> None:
    """Stopping a frozen broker doesn't hang, and may be asked for twice."""
    own_kafka.pause()

    own_kafka.stop()
    own_kafka.stop()

    assert not own_kafka.running


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """Whoever has another broker on the port is told which port it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(LocalKafkaError, match=f"port {port} of 127.0.0.1 is in use"):
            LocalKafka(tmp_path, port=port).start()


def test_jars_are_fetched_once_when_two_ask_at_the_same_time(tmp_path: Path) -> None:
    """Two test runs that start together on a new machine don't spoil each other's download."""
    world = machine(
        tmp_path, mvn='sleep 0.5; for a; do case $a in -DoutputDirectory=*) mkdir -p "${a#*=}";; esac; done'
    )

    asking = [ask(world) for _ in range(2)]
    answers = [process.communicate()[0].strip() for process in asking]

    assert answers[0] == answers[1]
    assert Path(answers[0]).parent == tmp_path / "cache" / "andon"
    assert (tmp_path / "calls").read_text().splitlines() == ["mvn"]


def test_a_failed_download_says_why_and_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    """Without a network, Maven's own words reach the user, and the next try starts afresh."""
    world = machine(tmp_path, mvn="echo no route to host; exit 1")

    answer, _ = ask(world).communicate()

    assert "Maven couldn't fetch Kafka's jars:\nno route to host" in answer
    assert [path.name for path in (tmp_path / "cache" / "andon").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("tools", "says"),
    [
        ({}, "Java 17 or newer, and no `java` on PATH"),
        ({"java": "echo 'openjdk version \"11.0.2\"' >&2"}, "Java 17 or newer, and `java` is version 11"),
        ({"java": "echo 'openjdk version \"17.0.15\"' >&2"}, "no `mvn` on PATH"),
    ],
)
def test_a_missing_tool_is_named_with_the_way_to_get_it(tmp_path: Path, tools: dict[str, str], says: str) -> None:
    """A machine without Java or Maven says what to install."""
    world = machine(tmp_path, **tools, only=True)

    answer, _ = ask(world).communicate()

    assert says in answer
    assert "apt-get install" in answer


@pytest.mark.kafka
def test_the_program_says_where_it_listens_and_stops_when_asked(tmp_path: Path) -> None:
    """`make kafka` tells the address, and Ctrl-C ends the broker too, not only the program around it."""
    need_local_kafka()
    ports = ["--port", str(free_port()), "--controller-port", str(free_port())]
    program = subprocess.Popen(
        [sys.executable, "-m", "deploy.kafka.local", "--directory", str(tmp_path / "kafka"), *ports],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None

    said = program.stdout.readline()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=WAIT_S * 2)

    assert said.startswith(f"Apache Kafka listens on 127.0.0.1:{ports[1]}; ")
    assert program.returncode == 0
    assert not port_open(int(ports[1]))


def produce(bootstrap: str, topic: str, value: bytes, partition: int = 0) -> None:
    """Write one message and wait until the broker has it."""
    failed: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value, partition=partition, on_delivery=lambda error, _: failed.append(error))
    assert producer.flush(WAIT_S) == 0
    assert failed == [None]


def consume(bootstrap: str, topic: str, *, count: int, partition: int = 0) -> list[bytes | None]:
    """Read the partition's first messages."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        return [message.value() for message in consumer.consume(count, WAIT_S)]
    finally:
        consumer.close()


def answers_within(broker: LocalKafka, *, timeout_s: float) -> bool:
    """Whether a fresh client gets the list of topics in time."""
    try:
        AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=timeout_s)
    except KafkaException as error:
        if error.args[0].code() not in {KafkaError._TRANSPORT, KafkaError._TIMED_OUT}:
            raise
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on now."""
    return LocalKafka(Path()).port


def port_open(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def machine(directory: Path, *, only: bool = False, **tools: str) -> dict[str, str]:
    """The environment of a machine with a cache of its own and these shell scripts as tools (Java 17 unless `only`)."""
    path = directory / "bin"
    path.mkdir()
    if not only:
        tools.setdefault("java", "echo 'openjdk version \"17.0.15\"' >&2")
    for name, script in tools.items():
        log = "" if name == "java" else f"echo {name} >> {directory / 'calls'}; "
        (path / name).write_text(f"#!/bin/sh\n{log}{script}\n")
        (path / name).chmod(0o755)
    everything_else = "" if only else os.pathsep + os.defpath
    return {"PATH": f"{path}{everything_else}", "XDG_CACHE_HOME": str(directory / "cache")}


def ask(world: dict[str, str]) -> subprocess.Popen[str]:
    """A process in that environment that asks for Kafka's jars and prints where they are, or what is wrong."""
    return subprocess.Popen(
        [sys.executable, "-c", ASK_FOR_JARS],
        cwd=ROOT,
        env=world,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
