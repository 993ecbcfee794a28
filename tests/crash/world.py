"""All that faults act upon: a broker, the way to it, the service, and who sends and who reads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from andon.topics import plans
from contracts.settings import Kafka
from deploy.kafka.local import LocalKafka
from tests.conftest import ADMIN_WAIT_S, wait_until_known
from tests.crash.collector import ALERT_PARTITIONS, Collector
from tests.crash.feeder import Feeder
from tests.crash.plant import PARTITIONS, STEP_MS, T0
from tests.crash.proxy import Proxy
from tests.crash.supervised import Supervised

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["World", "make_topics", "topic_names"]

RESUME_WAIT_S = 240
LOOK_S = 0.02
ROLES = {"readings": PARTITIONS, "side": 1, "whole": 1, "alerts": ALERT_PARTITIONS}
ROLES |= {"alarms": 1, "commands": 1, "dead_letters": 1}
"""Topics and their partitions."""
_PLANS = dict(
    zip(("readings", "alerts", "alarms", "commands", "dead_letters"), plans(Kafka(), partitions=1), strict=True)
)
_CONFIGS = {role: _PLANS.get(role, _PLANS["readings"]).config for role in ROLES}


def topic_names(prefix: str) -> dict[str, str]:
    """The topics of one round, by what they are for."""
    return {role: f"{prefix}.{role.replace('_', '-')}" for role in ROLES}


def make_topics(admin: AdminClient, topics: dict[str, str], *, roles: dict[str, int] | None = None) -> None:
    """Make topics as andon wants them, and wait until the broker knows them."""
    roles = roles or ROLES
    new = [NewTopic(topics[role], count, 1, config=_CONFIGS[role]) for role, count in roles.items()]
    for made in admin.create_topics(new).values():
        made.result(ADMIN_WAIT_S)
    for role, count in roles.items():
        wait_until_known(admin, topics[role], partitions=count)


@dataclass(slots=True, kw_only=True)
class World:
    """The stage."""

    broker: LocalKafka
    proxy: Proxy
    feeder: Feeder
    collector: Collector
    service: Supervised
    admin: AdminClient
    topics: dict[str, str]
    folder: Path
    processes_max: int
    faketime: Path
    """The library that shifts a process' clock."""
    shift: Path = field(init=False)
    """Where that library reads by how much."""

    def __post_init__(self) -> None:
        self.shift = self.folder / "shift"

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Look again and again until it is so; meanwhile the supervisor does its work."""
        deadline = time.monotonic() + RESUME_WAIT_S
        while not true():
            self.service.tend()
            assert self.feeder.works, "the bench itself is broken: nobody sends readings"
            if time.monotonic() > deadline:
                said = "\n".join(self.service.lines[-10:])
                raise AssertionError(f"not within {RESUME_WAIT_S} s: {what}. The service said last:\n{said}")
            time.sleep(LOOK_S)

    def wait_until_alerts_flow(self) -> float:
        """Wait until readings that are sent from now on have caused alerts in every partition; seconds."""
        began = time.monotonic()
        ts = T0 + STEP_MS * self.feeder.step
        self.wait(lambda: self.collector.newest_ts() >= ts, "alerts of new readings")
        return time.monotonic() - began

    def quieten_side(self) -> None:
        """Let the small topic's assets send nothing that alarms, until all that did has surely been read and saved.

        And what ends their alarms: the first reading that can't alarm is waited for, too.
        """
        with self.feeder.between_steps():
            self.feeder.side.harmless = True
            step = self.feeder.step
        self.wait(lambda: self.feeder.step > step, "a reading that can't alarm")
        self.feeder.settle()
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "andon-crash", "log_level": 0})
        try:
            partitions = [TopicPartition(self.topics["side"], number) for number in range(self.feeder.side.partitions)]
            ends = [consumer.get_watermark_offsets(partition, 20)[1] for partition in partitions]

            def saved() -> bool:
                try:
                    at = consumer.committed(partitions, 20)
                except KafkaException:  # on a new broker nobody has committed yet
                    return False
                return all(each.offset >= end for each, end in zip(at, ends, strict=True))

            self.wait(saved, "the small topic's readings are saved")
        finally:
            consumer.close()

    def disturb_side(self) -> None:
        """Let the small topic's assets go on as usual."""
        with self.feeder.between_steps():
            self.feeder.side.harmless = False

    def delete(self, role: str) -> None:
        """Delete a topic."""
        name = self.topics[role]
        self.admin.delete_topics([name])[name].result(ADMIN_WAIT_S)

    def make(self, role: str, *, partitions: int | None = None) -> None:
        """Make a topic again; the broker may still be busy with deleting the old one."""
        deadline = time.monotonic() + ADMIN_WAIT_S
        while True:
            try:
                make_topics(self.admin, self.topics, roles={role: partitions or ROLES[role]})
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def widen_side(self) -> None:
        """Give the small topic one partition more, and let it be used."""
        name, count = self.topics["side"], self.feeder.side.partitions + 1
        self.admin.create_partitions([NewPartitions(name, count)])[name].result(ADMIN_WAIT_S)
        wait_until_known(self.admin, name, partitions=count)
        with self.feeder.between_steps():
            self.feeder.look_up(name, partitions=count)
            self.feeder.side.partitions = count
