"""Sends commands and hears what became of them: what `andon ack` and the like, and `andon watch`, stand on."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import KafkaException, Producer
from pydantic import ValidationError

from andon.answer.answers import Answers
from andon.dead_letters.letters import letter_of
from contracts.alerts import read_alert
from contracts.errors import ConfigError, Problem, SinkError
from dataflows.guard import Signer
from dataflows.kafka_client import client_settings, open_client, wait_for_topics
from dataflows.tail import Tail

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message

    from andon.answer.answers import Ask, Outcome
    from contracts.settings import Settings

__all__ = ["Desk", "source_of"]

FLUSH_SLICE_S = 0.2
"""Waiting is cut into pieces, so that Ctrl-C is heard."""


class Desk:
    """Where commands are handed in, and their answers come out.

    Guarantees: `send` returns when the brokers have the command for good (acks=all), once. Answers are heard from the
    moment on at which the desk was opened.

    Args:
        listen: False: nobody waits for answers, so nothing is read.
        stop: set it, and waiting ends.

    Raises: SourceError if no broker answers, or a topic is missing. ConfigError where no commands are taken, or the
        keys to sign with can't be read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        stop: threading.Event,
        listen: bool = True,
        open_producer: Callable[[dict[str, Any]], Any] = Producer,
        open_tail: Callable[..., Any] = Tail,
        ask_topics: Callable[..., Any] = wait_for_topics,
    ) -> None:
        self._kafka = kafka = settings.kafka
        self._wait_s = wait_s = settings.service.broker_wait_s
        self._stop = stop
        if settings.commands.accept == "none":
            problem = Problem("commands.accept", 'is "none": andon takes no commands here.', "Ask where it does.")
            raise ConfigError("commands", (problem,))
        self._signer = Signer(settings)
        self._answers = Answers()
        hearing = (
            (kafka.alerts, self._hear_alert),
            (kafka.alarms, self._hear_hold),
            (kafka.dead_letters, self._hear_refusal),
        )
        heard = hearing if listen else ()
        hint = "Create what is missing: andon topics create"
        topics = [kafka.commands, *(topic for topic, _ in heard)]
        ask_topics(kafka, topics, wait_s=wait_s, stop=stop, hint=hint)  # all that is missing is named at once
        self._tails = [(open_tail(kafka, topic, begin="end", wait_s=wait_s, stop=stop), hear) for topic, hear in heard]
        configuration = client_settings(
            kafka, enable_idempotence=True, acks="all", message_timeout_ms=round(wait_s * 1000)
        )
        configuration["error_cb"] = _pass
        self._producer = open_client(open_producer, configuration)

    @property
    def waiting(self) -> list[Ask]:
        """The commands that were sent and aren't answered, in their order."""
        return self._answers.waiting

    def send(self, ask: Ask) -> None:
        """Send a command, under its asset's name, and wait until the brokers have it.

        Raises: SinkError if they don't take it in time: then nobody knows of it. ConfigError if no key speaks for who
            asks.
        """
        topic = self._kafka.commands
        delivered: list[tuple[KafkaError | None, Message]] = []
        try:
            self._producer.produce(
                topic,
                ask.body,
                ask.asset.encode(),
                headers=self._signer.headers(ask.body, by=ask.by),
                on_delivery=lambda *outcome: delivered.append(outcome),
            )
        except (BufferError, KafkaException) as error:
            raise SinkError(f"kafka {topic}: the command was refused ({error}).") from error
        deadline = monotonic() + self._wait_s + FLUSH_SLICE_S
        while not delivered and monotonic() < deadline and not self._stop.is_set():
            self._producer.flush(FLUSH_SLICE_S)
        fault, message = delivered[0] if delivered else (None, None)
        if fault is not None or message is None:
            why = fault.str() if fault is not None else "it wasn't confirmed in time"
            raise SinkError(f"kafka {topic}: the command wasn't delivered ({why}).")
        self._answers.expect(ask, source=source_of(message), ts_ms=message.timestamp()[1])

    def poll(self, wait_s: float = 0.1) -> list[Outcome]:
        """The commands that were answered since; waits a little for each topic.

        Raises: SourceError where reading can't go on.
        """
        for tail, hear in self._tails:
            for message in tail.poll(wait_s / len(self._tails)):
                hear(message)
        return self._answers.decided(monotonic())

    def forget(self, ask: Ask) -> None:
        """Nobody waits for the answer to a command any more."""
        self._answers.forget(ask)

    def close(self) -> None:
        """Let go of the broker."""
        for tail, _ in self._tails:
            tail.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _hear_alert(self, message: Message) -> None:
        source = dict(message.headers() or ()).get("andon_source")
        if not isinstance(source, bytes) or not source.startswith(f"{self._kafka.commands}/".encode()):
            return  # readings cause most of them
        try:
            alert = read_alert(message.value() or b"")
        except ValidationError:
            return
        self._answers.take_alert(source.decode("utf-8", "replace"), alert, now_s=monotonic())

    def _hear_hold(self, message: Message) -> None:
        key = (message.key() or b"").decode("utf-8", "replace")
        self._answers.take_hold(key, message.value(), now_s=monotonic())

    def _hear_refusal(self, message: Message) -> None:
        letter = letter_of(message)
        if letter is not None:
            self._answers.take_refusal(str(letter.origin), letter.detail)


def source_of(message: Message) -> str:
    """`topic/partition/offset`, as answers name it."""
    return f"{message.topic()}/{message.partition()}/{message.offset()}"


def _pass(_error: object) -> None:
    """librdkafka goes on by itself; what it gives up comes with the delivery."""
