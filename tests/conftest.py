"""What tests may ask for: recordings, a Kafka broker, topics on it, and a broker of their own to break.

What a machine lacks is a visible skip that says how to get it. With CI=true it is a failure: there nothing may be left
out unseen.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from confluent_kafka.admin import AdminClient, NewTopic, TopicMetadata
from hypothesis import settings

from deploy.kafka.local import LocalKafka, missing_tools
from tests.kafka.secured import SecuredKafka, secured

ROOT = Path(__file__).resolve().parent.parent
CI = os.environ.get("CI") == "true"
ADMIN_WAIT_S = 20

# No deadline: the first example may compile a kernel. In CI the examples are always the same ones.
settings.register_profile("andon", deadline=None, print_blob=True, derandomize=CI)
settings.load_profile("andon")

MakeTopic = Callable[..., str]
"""topics(partitions=1, config=None) -> name of a new topic."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for a broker is marked `kafka`: nobody can forget it."""
    for item in items:
        if {"kafka", "own_kafka", "secured_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder with the public recordings (nab/, skab/, tep/)."""
    given = os.environ.get("ANDON_CORPORA")
    folder = Path(given) if given else ROOT.parent / "shared" / "corpora"
    if not folder.is_dir():
        unavailable(f"no recordings in {folder}: set ANDON_CORPORA to a folder with nab/, skab/ and tep/")
    return folder


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker for all tests, as `host:port`: the one that KAFKA_BOOTSTRAP names, or a local one."""
    given = os.environ.get("KAFKA_BOOTSTRAP")
    if given:
        yield given
        return
    need_local_kafka()
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def breakable_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """The broker behind `own_kafka`: it takes seconds to start, so one test after the other has it."""
    need_local_kafka()
    with LocalKafka(tmp_path_factory.mktemp("own-kafka")) as broker:
        yield broker


@pytest.fixture
def own_kafka(breakable_kafka: LocalKafka) -> Iterator[LocalKafka]:
    """A running broker that no other test uses meanwhile, to stop, kill, pause and start again.

    Topics of earlier tests are still on it.
    """
    breakable_kafka.start()
    yield breakable_kafka
    breakable_kafka.resume()


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A broker with TLS, users and an authorizer. By its plain door tests may do everything."""
    need_local_kafka()
    yield from secured(tmp_path_factory.mktemp("secured-kafka"))


@pytest.fixture
def topics(kafka: str, request: pytest.FixtureRequest) -> Iterator[MakeTopic]:
    """Makes topics with names that nobody else has, and deletes them after the test."""
    with new_topics(kafka, request.node.name) as make:
        yield make


@pytest.fixture(scope="module")
def module_topics(kafka: str, request: pytest.FixtureRequest) -> Iterator[MakeTopic]:
    """Makes topics that all tests of a file share."""
    with new_topics(kafka, request.node.name) as make:
        yield make


@contextmanager
def new_topics(bootstrap: str, owner: str) -> Iterator[MakeTopic]:
    """Makes topics for a test or a file of tests, and deletes them in the end."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    made: list[str] = []
    prefix = re.sub(r"[^A-Za-z0-9]+", "-", owner)[:60]

    def make(partitions: int = 1, config: dict[str, str] | None = None) -> str:
        name = f"{prefix}-{uuid.uuid4().hex[:12]}"
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config or {})
        admin.create_topics([topic])[name].result(ADMIN_WAIT_S)
        made.append(name)
        wait_until_known(admin, name, partitions=partitions)
        return name

    try:
        yield make
    finally:
        if made:
            for deletion in admin.delete_topics(made).values():
                deletion.result(ADMIN_WAIT_S)


def wait_until_known(admin: AdminClient, topic: str, *, partitions: int) -> None:
    """The controller confirms a new topic some moments before the broker knows it; a client in between gets nothing."""
    deadline = time.monotonic() + ADMIN_WAIT_S
    while (
        len(admin.list_topics(timeout=ADMIN_WAIT_S).topics.get(topic, TopicMetadata()).partitions or ()) != partitions
    ):
        assert time.monotonic() < deadline, f"the broker doesn't know the topic {topic} after {ADMIN_WAIT_S} s"
        time.sleep(0.02)


def need_local_kafka() -> None:
    """Skip, or fail in CI, where a local broker can't run."""
    missing = missing_tools()
    if missing:
        unavailable(f"{missing}. Or set KAFKA_BOOTSTRAP to a broker that tests may write to")


def unavailable(reason: str) -> NoReturn:
    """Skip with the reason; in CI fail with it."""
    if CI:
        pytest.fail(f"CI=true and {reason}", pytrace=False)
    pytest.skip(reason)
