"""A consumer that nobody sees: no group is joined and nothing is committed, so any number may read the same topic."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaException, TopicPartition

from contracts.errors import SourceError
from dataflows.kafka_client import ASK_S, PASSING, client_settings, open_client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import Message

    from contracts.settings import Kafka
    from dataflows.offsets import Available, Partition

__all__ = ["HARMLESS", "MESSAGES_MAX", "let_go", "offsets_at", "open_onlooker", "what_came"]

MESSAGES_MAX = 1_000
"""Of one look."""

CLOSE_WAIT_S = 1.0
"""A person who ends a command doesn't wait for a broker that is away."""

GROUP = "andon"
"""librdkafka wants a name. Nothing is ever committed under it."""

HARMLESS = PASSING | {"GROUP_AUTHORIZATION_FAILED"}  # no group is used, so its rights don't matter


def open_onlooker(
    kafka: Kafka, open_consumer: Callable[[dict[str, Any]], Any], *, auto_offset_reset: Literal["earliest", "error"]
) -> Any:
    """A consumer without partitions yet. It tells of the end of each partition, by a message with that error.

    Args:
        auto_offset_reset: where retention has passed it, or the topic was made anew.

    Raises: ConfigError if librdkafka doesn't take a setting.
    """
    configuration = client_settings(
        kafka,
        group_id=kafka.group_id or GROUP,
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        auto_offset_reset=auto_offset_reset,
        enable_partition_eof=True,
    )
    configuration["error_cb"] = _pass
    configuration.setdefault("fetch.wait.max.ms", 100)
    return open_client(open_consumer, configuration)


def what_came(consumer: Any, wait_s: float) -> list[Message]:
    """At most MESSAGES_MAX; waits for the first one. Among them are ends of partitions and errors."""
    found: list[Message] = consumer.consume(1, wait_s)  # asked for more, it would wait for all of them
    return found + consumer.consume(MESSAGES_MAX - 1, 0) if found else found


def let_go(consumer: Any) -> None:
    """Close the connections, within CLOSE_WAIT_S; what takes longer is left to the end of the process."""
    closing = Thread(target=consumer.close, daemon=True)
    closing.start()
    closing.join(CLOSE_WAIT_S)


def offsets_at(consumer: Any, there: Mapping[Partition, Available], ms: int) -> dict[Partition, int]:
    """The first offset of each partition whose message isn't older than `ms` (since the epoch); its end where all are.

    Raises: SourceError if the broker doesn't say.
    """
    asked = [TopicPartition(part.topic, part.number, ms) for part in there]
    try:
        answers = consumer.offsets_for_times(asked, timeout=ASK_S)
    except KafkaException as error:
        topics = ", ".join(dict.fromkeys(part.topic for part in there))
        raise SourceError(f"kafka {topics}: no offset of that time ({error.args[0].str()}).") from error
    found = {(answer.topic, answer.partition): answer.offset for answer in answers}  # negative: nothing is as new
    return {
        part: min(max(found[part], limits.first), limits.end) if found[part] >= 0 else limits.end
        for part, limits in there.items()
    }


def _pass(_error: object) -> None:
    """librdkafka reconnects by itself; without this it would write to standard error."""
