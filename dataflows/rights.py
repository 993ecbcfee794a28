"""What andon may do on a broker that has an authorizer, and what it lacks: told before anything begins.

A broker hides topics that one may not see, so that they look as if they weren't there. Asked for by their names it
tells them apart; asked what one may do with a topic, it says. Brokers without an authorizer allow everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation

from contracts.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from contracts.settings import Kafka

__all__ = ["RIGHTS_HINT", "hidden_topics", "missing_rights", "refuse_without_rights", "user_of"]

ASK_S = 10.0
RIGHTS_HINT = "Grant what `andon topics rights` prints."

_DENIED = ("TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED")


def user_of(kafka: Kafka) -> str:
    """Who we are to the broker, for messages."""
    name = kafka.client.get("sasl.username")
    if name is not None:
        return f"user {name}"
    certified = {"ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"} & kafka.client.keys()
    return "the user of the certificate" if certified else "andon's user"


def hidden_topics(client: Any, topics: Iterable[str]) -> list[str]:
    """Those topics that one may not see; whether they exist, the broker doesn't tell."""
    return [name for name, answer in _described(client, topics).items() if isinstance(answer, KafkaError)]


def missing_rights(client: Any, *, reads: Iterable[str], writes: Iterable[str]) -> list[str]:
    """What one may not do with topics, in words: `READ of topic readings`.

    A broker that doesn't say, because it is old or doesn't answer, is believed to allow it: it says no later.
    """
    wanted = [("READ", topic) for topic in reads] + [("WRITE", topic) for topic in writes]
    described = _described(client, dict.fromkeys(topic for _, topic in wanted))
    missing = []
    for operation, topic in wanted:
        answer = described.get(topic)
        if isinstance(answer, KafkaError) or (
            answer is not None and not {AclOperation[operation], AclOperation.ALL} & set(answer)
        ):
            missing.append(f"{operation} of topic {topic}")
    return missing


def refuse_without_rights(kafka: Kafka, client: Any, *, reads: Iterable[str], writes: Iterable[str]) -> None:
    """Don't begin what can't be done.

    Raises: SourceError that names all rights that are missing.
    """
    if missing := missing_rights(client, reads=reads, writes=writes):
        raise SourceError(
            f"kafka {kafka.bootstrap_servers}: {user_of(kafka)} lacks {', '.join(missing)}. {RIGHTS_HINT}"
        )


def _described(client: Any, topics: Iterable[str]) -> dict[str, list[AclOperation] | KafkaError | None]:
    """What one may do with each topic; an error: one may not even see it; None: the broker doesn't say."""
    names = list(topics)
    asked = client.describe_topics(TopicCollection(names), include_authorized_operations=True, request_timeout=ASK_S)
    found: dict[str, list[AclOperation] | KafkaError | None] = {}
    for name, answer in asked.items():
        try:
            found[name] = answer.result(2 * ASK_S).authorized_operations
        except KafkaException as error:
            found[name] = error.args[0] if error.args[0].name() in _DENIED else None
        except TimeoutError:
            found[name] = None
    return found
