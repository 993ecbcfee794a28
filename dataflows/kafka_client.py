"""How andon talks to Kafka: the client's configuration, and what the broker has, asked with a bound.

What a person writes under `[kafka.client]` is passed on as it is, except where our promises hang on it.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.errors import ConfigError, Problem, SourceError
from dataflows.offsets import Available

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Mapping
    from typing import Any

    from contracts.settings import Kafka
    from dataflows.offsets import Partition

__all__ = ["PASSING", "admin_client", "available", "client_settings", "group_id", "open_client", "wait_for_topics"]

ASK_S = 10.0
"""The broker has answered already: it gets this long for each further question."""

ASK_SLICE_S = 1.0
"""Waiting for the broker is cut into pieces, so that a request to stop is heard."""

PASSING = frozenset(
    {
        "_TRANSPORT",
        "_ALL_BROKERS_DOWN",
        "_TIMED_OUT",
        "_RESOLVE",
        "_WAIT_COORD",
        "BROKER_NOT_AVAILABLE",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "FENCED_LEADER_EPOCH",
        "KAFKA_STORAGE_ERROR",
        "LEADER_NOT_AVAILABLE",
        "NETWORK_EXCEPTION",
        "NOT_COORDINATOR",
        "NOT_LEADER_FOR_PARTITION",
        "OFFSET_NOT_AVAILABLE",
        "REPLICA_NOT_AVAILABLE",
        "REQUEST_TIMED_OUT",
        "UNKNOWN_LEADER_EPOCH",
    }
)
"""Names of errors after which librdkafka goes on by itself."""

ASK_AGAIN_S = 0.2
"""A broker that has just come back doesn't lead its partitions yet."""

QUIET = 2
"""librdkafka's log level: what matters comes through callbacks, and its own lines would break ours."""


def client_settings(kafka: Kafka, **ours: str | float | bool) -> dict[str, Any]:
    """The configuration of a client: defaults, then `[kafka.client]`, then `ours`, which nobody may change.

    Args:
        ours: property names with `_` for `.`.
    """
    given = {name: _value(value) for name, value in kafka.client.items()}
    fixed = {name.replace("_", "."): _value(value) for name, value in ours.items()}
    return {
        "log_level": QUIET,
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 2_000,
        "client.id": "andon",
        **given,
        "bootstrap.servers": kafka.bootstrap_servers,
        **fixed,
    }


def _value(value: str | float | bool) -> str | float:  # noqa: FBT001 - a value like others
    return str(value).lower() if isinstance(value, bool) else value


def group_id(kafka: Kafka, site: str) -> str:
    """The consumer group whose committed offsets show how far andon has come."""
    return kafka.group_id or f"andon-{site}"


def open_client(make: Any, settings: dict[str, Any]) -> Any:
    """Make a client of librdkafka.

    Raises: ConfigError if it doesn't take a setting; the message is librdkafka's.
    """
    try:
        return make(settings)
    except (KafkaException, TypeError, ValueError) as error:
        cause = error.args[0] if error.args else error
        detail = cause.str() if isinstance(cause, KafkaError) else str(cause)
        raise ConfigError(
            "kafka", (Problem("kafka.client", detail, "See librdkafka's list of properties."),)
        ) from error


def admin_client(kafka: Kafka) -> AdminClient:
    """A client that asks and changes what the broker has."""
    client: AdminClient = open_client(AdminClient, client_settings(kafka))
    return client


def wait_for_topics(
    kafka: Kafka, topics: Iterable[str], *, wait_s: float, stop: threading.Event, hint: str
) -> Mapping[str, int] | None:
    """How many partitions each of the topics has, as soon as the broker answers; None if asked to stop meanwhile.

    Args:
        wait_s: how long the broker may take.
        hint: what to do about missing topics.

    Raises: SourceError if no broker answers, or topics are missing: all of them are named.
    """
    reasons: list[str] = []
    configuration = client_settings(kafka)
    configuration["error_cb"] = lambda error: reasons.append(error.str())
    client: AdminClient = open_client(AdminClient, configuration)
    deadline = monotonic() + wait_s
    while not stop.is_set():
        try:
            found = client.list_topics(timeout=min(ASK_SLICE_S, max(0.1, deadline - monotonic()))).topics
        except KafkaException as error:
            client.poll(0)
            if monotonic() < deadline:
                continue
            reason = reasons[-1] if reasons else error.args[0].str()
            raise SourceError(
                f"kafka {kafka.bootstrap_servers}: no broker answered within {wait_s:g} s ({reason}). "
                "Start it, or mend kafka.bootstrap_servers and [kafka.client]."
            ) from error
        wanted = sorted(set(topics))
        missing = [topic for topic in wanted if topic not in found or found[topic].error is not None]
        if missing:
            noun = "topics" if len(missing) > 1 else "topic"
            raise SourceError(f"kafka {kafka.bootstrap_servers}: no {noun} {', '.join(missing)}. {hint}")
        return {topic: len(found[topic].partitions) for topic in wanted}
    return None


def available(consumer: Consumer, partitions: Iterable[Partition]) -> dict[Partition, Available]:
    """What the broker has of each partition. Waits for a broker that has just come back, and no longer.

    Raises: SourceError if it doesn't say.
    """
    found: dict[Partition, Available] = {}
    for partition in partitions:
        asked = TopicPartition(partition.topic, partition.number)
        deadline = monotonic() + ASK_S
        while partition not in found:
            try:
                limits = consumer.get_watermark_offsets(asked, timeout=ASK_S, cached=False)
            except KafkaException as error:
                if error.args[0].name() not in PASSING or monotonic() > deadline:
                    detail = error.args[0].str()
                    raise SourceError(f"kafka {partition}: its offsets can't be had ({detail}).") from error
                sleep(ASK_AGAIN_S)
            else:
                if limits is None:
                    raise SourceError(f"kafka {partition}: its offsets didn't come within {ASK_S:g} s.")
                found[partition] = Available(*limits)
    return found
