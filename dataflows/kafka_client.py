"""How andon talks to Kafka: the client's configuration, and what the broker has, asked with a bound.

What a person writes under `[kafka.client]` is passed on as it is, except where our promises hang on it. What a file
holds is read here, and is in no settings.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.errors import ConfigError, Problem, SourceError
from dataflows.offsets import Available
from dataflows.rights import RIGHTS_HINT, hidden_topics, user_of
from dataflows.secrets import is_secret, read_secret

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

REFUSALS = frozenset({"_AUTHENTICATION", "_SSL"})
"""Names of errors that waiting doesn't mend: the password is wrong, or one side doesn't trust the other."""

REFUSED_S = 2.0
"""Of several brokers one may refuse us and another not: the others get this long."""

QUIET = 2
"""librdkafka's log level: what matters comes through callbacks, and its own lines would break ours."""


def client_settings(kafka: Kafka, **ours: str | float | bool) -> dict[str, Any]:
    """The configuration of a client: defaults, then `[kafka.client]`, then `ours`, which nobody may change.

    Args:
        ours: property names with `_` for `.`.

    Raises: ConfigError if a file that holds a secret can't be read.
    """
    given = dict(_given(name, value) for name, value in kafka.client.items())
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


def _given(name: str, value: str | float | bool) -> tuple[str, str | float]:  # noqa: FBT001 - a value like others
    if name.endswith("_file"):
        return name.removesuffix("_file"), read_secret(str(value), key=f'kafka.client."{name}"')
    return name, _value(value)


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
        detail = _without_secrets(cause.str() if isinstance(cause, KafkaError) else str(cause), settings)
        fault = f"{detail.rstrip('.')}."
        raise ConfigError("kafka", (Problem("kafka.client", fault, "See librdkafka's list of properties."),)) from None


def _without_secrets(text: str, settings: dict[str, Any]) -> str:
    """What a library says of a setting that it doesn't take, without what nobody may read."""
    for name, value in settings.items():
        if is_secret(name) and str(value):
            text = text.replace(str(value), "…")
    return text


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

    Raises: SourceError if no broker answers, or topics are missing: all of them are named. When a broker refuses us,
        by `REFUSALS`, it isn't waited for until the end.
    """
    faults: list[KafkaError] = []
    configuration = client_settings(kafka)
    configuration["error_cb"] = faults.append
    client: AdminClient = open_client(AdminClient, configuration)
    deadline, refused = monotonic() + wait_s, False
    while not stop.is_set():
        try:
            found = client.list_topics(timeout=min(ASK_SLICE_S, max(0.1, deadline - monotonic()))).topics
        except KafkaException as error:
            client.poll(0)
            refusals = [fault for fault in faults if fault.name() in REFUSALS]
            if refusals and not refused:
                refused, deadline = True, min(deadline, monotonic() + REFUSED_S)
            if monotonic() < deadline:
                continue
            if refusals:
                raise SourceError(
                    f"kafka {kafka.bootstrap_servers}: the broker and andon don't accept each other "
                    f"({refusals[-1].str()}). Mend [kafka.client]."
                ) from error
            reason = faults[-1].str() if faults else error.args[0].str()
            raise SourceError(
                f"kafka {kafka.bootstrap_servers}: no broker answered within {wait_s:g} s ({reason}). "
                "Start it, or mend kafka.bootstrap_servers and [kafka.client]."
            ) from error
        wanted = sorted(set(topics))
        missing = [topic for topic in wanted if topic not in found or found[topic].error is not None]
        if missing:
            if hidden := hidden_topics(client, missing):
                raise SourceError(
                    f"kafka {kafka.bootstrap_servers}: {user_of(kafka)} may not see {_topics(hidden)}. {RIGHTS_HINT}"
                )
            raise SourceError(f"kafka {kafka.bootstrap_servers}: no {_topics(missing)}. {hint}")
        return {topic: len(found[topic].partitions) for topic in wanted}
    return None


def _topics(names: list[str]) -> str:
    return f"{'topic' if len(names) == 1 else 'topics'} {', '.join(names)}"


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
