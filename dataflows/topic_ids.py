"""Whether a topic is still the one that it was: a topic that is deleted and made anew keeps its name, not its id.

Its offsets begin again. Once there are as many messages in it as in the one before, a saved position fits, and readings
before it would be passed over without a word. So ids are saved beside positions and compared at the start; and while
andon runs they are asked for again, because librdkafka goes on in the new topic as if it were the old one.

A broker that tells no ids (before Kafka 2.8) is believed: then only positions that don't fit are noticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicCollection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from concurrent.futures import Future
    from typing import Any

__all__ = ["TopicIds"]

ASK_S = 10.0
AGAIN_MS = 10_000
"""So often it is asked whether the topics are still the same."""


class TopicIds:
    """The ids of some topics as they were at the start of the process, and whether they still are."""

    def __init__(self, client: Any = None, topics: Iterable[str] = ()) -> None:
        """Ask for them, for at most 20 s.

        Args:
            client: an AdminClient; None: nothing is known, and nothing will be.
            topics: that exist.
        """
        self._client = client
        self._answers = {} if client is None else _asked(client, topics)
        self._known = {name: told for name, answer in self._answers.items() if (told := _id_of(answer, 2 * ASK_S))}
        self._answers.clear()
        self._asked_ms: int | None = None
        self.changed: str | None = None
        """A topic that isn't the one any more that it was at the start."""

    def saved(self, before: Mapping[str, str], topics: Iterable[str]) -> dict[str, str]:
        """What to save beside positions in these topics; of topics that nothing is known of now, what was `before`."""
        return {**before, **{topic: self._known[topic] for topic in topics if topic in self._known}}

    def anew(self, saved: Mapping[str, str]) -> Collection[str]:
        """Topics that are others than when these ids were saved."""
        return {topic for topic, told in saved.items() if self._known.get(topic, told) != told}

    def look(self, now_ms: int) -> None:
        """Ask again if it is time for that, or hear the answer if it is there. Doesn't wait.

        Args:
            now_ms: by any clock.
        """
        for topic, answer in list(self._answers.items()):
            if answer.done():
                del self._answers[topic]
                told = _id_of(answer, 0)
                if told and told != self._known[topic]:
                    self.changed = topic
        due = self._asked_ms is None or not 0 <= now_ms - self._asked_ms < AGAIN_MS
        if self._known and due and not self._answers:
            self._asked_ms = now_ms
            self._answers = _asked(self._client, self._known)


def _asked(client: Any, topics: Iterable[str]) -> dict[str, Future[Any]]:
    names = TopicCollection(list(dict.fromkeys(topics)))
    answers: dict[str, Future[Any]] = client.describe_topics(names, request_timeout=ASK_S)
    return answers


def _id_of(answer: Future[Any], wait_s: float) -> str:
    """An id as text; empty: the broker doesn't tell, is away, or has no such topic at the moment."""
    try:
        told = answer.result(wait_s).topic_id
    except (KafkaException, TimeoutError):
        return ""
    bits = told.get_most_significant_bits(), told.get_least_significant_bits()
    return "".join(f"{part & (1 << 64) - 1:016x}" for part in bits) if any(bits) else ""
