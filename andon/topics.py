"""`andon topics`: the topics that andon reads and writes, with the settings that they need, and the rights on them."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from contracts.errors import SinkError
from contracts.loading import load

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from contracts.settings import Kafka, Settings

__all__ = ["Plan", "command", "create_topics", "plans", "rights_of"]

ASK_S = 20
LOOK_S = 0.05

DAY_MS = 24 * 60 * 60 * 1000
OTHER_PARTITIONS = 3
"""Of the topics that andon writes: they carry what people read, not what machines say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One topic as andon needs it."""

    name: str
    partitions: int
    config: dict[str, str]


def plans(kafka: Kafka, *, partitions: int) -> list[Plan]:
    """All topics that andon reads and writes, but for those that it only reads: another makes them, in its own way.

    Args:
        partitions: of the topics with readings.
    """
    others = min(OTHER_PARTITIONS, partitions)
    # Silence is measured on arrival. The broker's clock tells that; the clock of a device may not. So is the age of a
    # command's signature, and there a sender could lie. And a broker refuses records whose sender's clock is an hour
    # ahead of its own: no alert may fail by that.
    stamped = {"message.timestamp.type": "LogAppendTime"}
    readings = {**stamped, "retention.ms": str(7 * DAY_MS)}
    # A consumer that was away for a week must still learn that an alarm is over.
    alarms = {
        **stamped,
        "cleanup.policy": "compact",
        "delete.retention.ms": str(7 * DAY_MS),
        "min.cleanable.dirty.ratio": "0.1",
    }
    return [
        *(Plan(name, partitions, readings) for name in kafka.readings if name not in kafka.umh),
        Plan(kafka.alerts, others, {**stamped, "cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}),
        Plan(kafka.alarms, others, alarms),
        Plan(kafka.commands, others, {**stamped, "cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}),
        Plan(kafka.dead_letters, others, {**stamped, "cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)}),
        *([Plan(kafka.inventory, 1, {**stamped, "cleanup.policy": "compact"})] if kafka.inventory is not None else ()),
    ]


def create_topics(kafka: Kafka, *, partitions: int, replication_factor: int) -> list[tuple[Plan, bool]]:
    """Create what is missing; what is there stays as it is.

    Returns: each topic, and whether it was created now.
    Raises: SourceError if no broker answers; SinkError if a topic can't be created.
    """
    from threading import Event  # noqa: PLC0415 - with the Kafka client: `andon --help` needs neither

    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import NewTopic  # noqa: PLC0415

    from dataflows.kafka_client import admin_client, wait_for_topics  # noqa: PLC0415

    wait_for_topics(kafka, (), wait_s=ASK_S, stop=Event(), hint="")
    admin = admin_client(kafka)
    done: list[tuple[Plan, bool]] = []
    for plan in plans(kafka, partitions=partitions):
        topic = NewTopic(plan.name, plan.partitions, replication_factor, config=plan.config)
        try:
            admin.create_topics([topic], operation_timeout=ASK_S, request_timeout=ASK_S)[plan.name].result(2 * ASK_S)
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise SinkError(f"kafka {plan.name}: the topic can't be created ({error.args[0].str()}).") from error
            done.append((plan, False))
        else:
            done.append((plan, True))
    _wait_until_known(admin, {plan.name for plan, created in done if created})
    return done


def _wait_until_known(admin: AdminClient, topics: set[str]) -> None:
    """The controller confirms a new topic some moments before other clients see it; `andon run` may be one of them."""
    deadline = time.monotonic() + ASK_S
    while time.monotonic() < deadline:
        there = admin.list_topics(timeout=ASK_S).topics
        if all(name in there and there[name].error is None for name in topics):
            return
        time.sleep(LOOK_S)


@click.group()
def command() -> None:
    """Topics that andon reads and writes."""


@command.command()
@click.argument("file", default="andon.toml", type=click.Path())
@click.option("--partitions", default=12, show_default=True, type=click.IntRange(1, 10_000), help="Of the readings.")
@click.option("--replication-factor", default=1, show_default=True, type=click.IntRange(1, 100), help="Copies of each.")
def create(file: str, partitions: int, replication_factor: int) -> None:
    """Create the topics that are missing. What exists is left as it is, and so is what another makes (kafka.formats).

    \b
    andon topics create
    andon topics create plant.toml --partitions 24 --replication-factor 3
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    kafka = load(file, os.environ).kafka
    for plan, created in create_topics(kafka, partitions=partitions, replication_factor=replication_factor):
        if created:
            count = f"{plan.partitions} partition{'s' if plan.partitions > 1 else ''}"
            click.echo(
                f"created {plan.name}: {count}, {', '.join(f'{key}={value}' for key, value in plan.config.items())}"
            )
        else:
            click.echo(f"exists  {plan.name}")
    for name in sorted(kafka.umh):
        click.echo(f"left    {name}: its hub makes it")


def rights_of(settings: Settings, role: str) -> list[tuple[tuple[str, ...], list[tuple[str, str]]]]:
    """What a role needs on a broker with an authorizer, and nothing else: operations, on [(`topic` or `group`, name)].

    Args:
        role: `service`, for `andon run`; `operator`, for those who watch and answer alarms; `gateway`, for `andon
            gateway run`, which reads nothing.

    Raises: SinkError if a gateway has no topic to write to.
    """
    from dataflows.kafka_client import group_id  # noqa: PLC0415 - brings the Kafka client with it

    kafka = settings.kafka
    if role == "operator":
        watched = (kafka.alerts, kafka.alarms, kafka.dead_letters)
        return [(("Read",), [("topic", name) for name in watched]), (("Write",), [("topic", kafka.commands)])]
    if role == "gateway":
        written = (settings.gateway.topic or kafka.own, kafka.inventory)
        return [(("Write",), [("topic", name) for name in written if name is not None])]
    read = [("topic", name) for name in (*kafka.readings, *settings.command_topics, *settings.device_topics)]
    return [
        (("Read",), [*read, ("group", group_id(kafka, settings.site.name))]),
        (("Read", "Write"), [("topic", kafka.alarms)]),
        (("Write",), [("topic", kafka.alerts), ("topic", kafka.dead_letters)]),
    ]


@command.command()
@click.argument("file", default="andon.toml", type=click.Path())
@click.option(
    "--principal", default="User:andon", show_default=True, help="Who gets the rights, as the broker says it."
)
@click.option(
    "--role",
    default="service",
    show_default=True,
    type=click.Choice(["service", "operator", "gateway"]),
    help="andon run; those who watch and answer alarms; or andon gateway run.",
)
@click.option("--command-config", metavar="FILE", help="Of kafka-acls.sh: how an administrator comes in.")
def rights(file: str, principal: str, role: str, command_config: str | None) -> None:
    """Print the commands that grant what is needed on a broker with an authorizer, and no more.

    \b
    andon topics rights
    andon topics rights --principal User:maria --role operator
    andon topics rights gateway.toml --principal User:floor --role gateway
    andon topics rights --command-config admin.properties | sh
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    settings = load(file, os.environ)
    admin = ["kafka-acls.sh", "--bootstrap-server", settings.kafka.bootstrap_servers]
    admin += ["--command-config", command_config] if command_config else []
    for operations, places in rights_of(settings, role):
        allowed = [word for operation in operations for word in ("--operation", operation)]
        on = [word for sort, name in places for word in (f"--{sort}", name)]
        click.echo(shlex.join([*admin, "--add", "--allow-principal", principal, *allowed, *on]))
