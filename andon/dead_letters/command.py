"""`andon dead-letters`: what was refused and why, and, once mended, sending it in again."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import click
from rich.text import Text

from andon.dead_letters.letters import document_of, letter_of, shown
from andon.durations import Duration
from andon.interrupts import until_stopped
from andon.plain_text import one_line
from andon.printing import Output, clock_of
from contracts.loading import load
from contracts.readings import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from threading import Event

    from confluent_kafka import Message

    from andon.dead_letters.letters import Origin
    from andon.dead_letters.resend import Plan
    from andon.dead_letters.resent import Resent
    from contracts.settings import Settings
    from dataflows.tail import Tail

__all__ = ["command"]

NAMED_MAX = 10
"""Messages that are named one by one; all are counted."""

REASONS_SHOWN = 5

INTERRUPTED = 130


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to go by."
)
@click.option(
    "--since", "since_ms", default="24h", show_default=True, type=Duration(), help="How far back: 90s, 30m, 2h, 14d."
)
@click.option("--reason", type=click.Choice([str(reason) for reason in Reason]), help="Only what was refused for this.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="NDJSON also on a terminal.")
@click.option("--resend", is_flag=True, help="Send the refused messages in again.")
@click.option("--again", is_flag=True, help="With --resend: also those that were sent before.")
@click.option("--yes", is_flag=True, help="With --resend: don't ask.")
def command(
    *,
    file: str,
    since_ms: int,
    reason: str | None,
    follow: bool,
    as_json: bool,
    resend: bool,
    again: bool,
    yes: bool,
) -> None:
    """Show what was refused and why; or, once the cause is mended, send it in again.

    --resend sends each refused message to the topic that it came from: once, however many letters it has. The broker
    remembers what was sent (group GROUP-resend, for as long as it keeps a group's offsets: a week by default), so a
    second --resend sends only what is new. Letters that were cut can't be sent. A message without a time of its own
    gets that of its second arrival; a command counts from then.

    \b
    andon dead-letters --since 7d --reason bad_value
    andon dead-letters --follow
    andon dead-letters --json | jq -r .value
    andon dead-letters --resend --since 2h
    """  # noqa: D301 - click reads the backspace: these lines stay lines
    if follow and resend:
        raise click.UsageError("--follow looks on and on, --resend comes to an end: give one of them.")
    if (again or yes) and not resend:
        raise click.UsageError(f"{'--again' if again else '--yes'} belongs to --resend.")
    settings = load(file, os.environ)
    output = Output(as_json=as_json)
    begin_ms = max(0, time.time_ns() // 1_000_000 - since_ms)
    if resend:
        stopped = _Resend(settings, output, begin_ms=begin_ms, reason=reason).run(again=again, yes=yes)
    else:
        stopped = _show(settings, output, begin_ms=begin_ms, reason=reason, follow=follow) and not follow
    sys.exit(INTERRUPTED if stopped else 0)


def _show(settings: Settings, output: Output, *, begin_ms: int, reason: str | None, follow: bool) -> bool:
    """Print letters as they come; whether a person ended it."""
    reasons: Counter[str] = Counter()
    origins = unreadable = 0
    newest: dict[int, Origin] = {}
    with until_stopped() as stop, _open(settings, begin_ms, stop) as tail:
        for message in _on_and_on(tail, output, stop) if follow else tail.what_is_there():
            letter = letter_of(message)
            if letter is None:
                unreadable += 1
            elif reason is None or letter.reason == reason:
                reasons[letter.reason] += 1
                origins += newest.get(letter.partition) != letter.origin  # the letters of a message come together
                newest[letter.partition] = letter.origin
                output.result(document_of(letter), shown(letter))
            if output.gone:
                break
    if output.gone:
        return False
    output.remark(_account(reasons, origins, begin_ms=begin_ms))
    if unreadable:
        records = _count(unreadable, "record")
        output.remark(f"Left out: {records} of {settings.kafka.dead_letters} without andon's headers.")
    return stop.is_set()


def _account(reasons: Counter[str], origins: int, *, begin_ms: int) -> str:
    """What was shown, in a sentence."""
    count = reasons.total()
    if not count:
        return f"No dead letters since {clock_of(begin_ms)}."
    return f"{_count(count, 'dead letter')} of {_count(origins, 'message')}: {_most(reasons)}."


class _Resend:
    """One resend."""

    def __init__(self, settings: Settings, output: Output, *, begin_ms: int, reason: str | None) -> None:
        self._settings = settings
        self._output = output
        self._begin_ms = begin_ms
        self._reason = reason

    def run(self, *, again: bool, yes: bool) -> bool:
        """Look, ask, send, and say what was done; whether a person ended it early."""
        from andon.dead_letters.resend import Memory  # noqa: PLC0415 - with the Kafka client

        memory = Memory(self._settings)
        try:
            with until_stopped() as stop:
                counts = self._partition_counts(stop)
                if counts is None:
                    return True
                resent = memory.load(counts[self._settings.kafka.dead_letters])
                plan = self._plan({} if again else resent, stop)
                if stop.is_set():
                    return True
            self._tell_what_stays(plan)
            sent = 0
            if self._agreed(plan, yes=yes):
                with until_stopped() as stop:
                    sent = self._send(plan, resent, counts=counts, save=memory.save, stop=stop)
        finally:
            memory.close()
        self._result(plan, sent)
        return stop.is_set()

    def _partition_counts(self, stop: Event) -> Mapping[str, int] | None:
        from dataflows.kafka_client import wait_for_topics  # noqa: PLC0415

        kafka = self._settings.kafka
        topics = (*kafka.readings, *self._settings.command_topics, kafka.dead_letters)
        hint = "Create what is missing: andon topics create"
        return wait_for_topics(kafka, topics, wait_s=self._settings.service.broker_wait_s, stop=stop, hint=hint)

    def _plan(self, resent: Mapping[int, Resent], stop: Event) -> Plan:
        from andon.dead_letters.resend import plan_of  # noqa: PLC0415

        with _open(self._settings, self._begin_ms, stop) as tail:
            return plan_of(tail.what_is_there(), settings=self._settings, resent=resent, reason=self._reason)

    def _send(
        self,
        plan: Plan,
        resent: Mapping[int, Resent],
        *,
        counts: Mapping[str, int],
        save: Callable[[Mapping[int, Resent]], None],
        stop: Event,
    ) -> int:
        from andon.dead_letters.resend import Sender, send  # noqa: PLC0415

        sender = Sender(self._settings, partition_counts=counts)
        with _open(self._settings, self._begin_ms, stop) as tail:
            letters = tail.what_is_there()
            return send(letters, plan, sender=sender, resent=resent, reason=self._reason, commit=save, stop=stop)

    def _tell_what_stays(self, plan: Plan) -> None:
        remark = self._output.remark
        if plan.cut:
            named = ", ".join(one_line(str(origin)) for origin in sorted(plan.cut)[:NAMED_MAX])
            more = f" and {len(plan.cut) - NAMED_MAX:,} more" if len(plan.cut) > NAMED_MAX else ""
            remark(f"Too large to be kept whole, so never sent again: {named}{more}.")
        for topic, count in plan.foreign.most_common(NAMED_MAX):
            why = (
                "which andon only reads"
                if topic in self._settings.kafka.umh
                else "a topic that the settings don't name"
            )
            remark(f"Not sent: {_count(count, 'letter')} of {one_line(topic)}, {why}.")
        if plan.commands:
            remark(f"Not sent: {_count(plan.commands, 'command')}. By commands.accept who gives a command signs it.")
        if plan.unreadable:
            remark(f"Not sent: {_count(plan.unreadable, 'record')} without andon's headers.")
        if plan.already:
            remark(f"Passed over: {_count(plan.already, 'message')}, sent before (--again sends them once more).")
        if plan.more:
            remark("There are more letters than one resend takes: call it again for the rest.")

    def _agreed(self, plan: Plan, *, yes: bool) -> bool:
        """Whether there is something to send, and nobody is against it."""
        if not plan.send:
            return False
        if yes or not sys.stdin.isatty():
            return True
        assert plan.oldest_ms is not None
        targets = ", ".join(f"{count:,} to {topic}" for topic, count in plan.topics.most_common())
        question = (
            f"Send {_count(len(plan.send), 'message')} again, {targets}? "
            f"({_most(plan.reasons)}; the oldest was refused at {clock_of(plan.oldest_ms)})"
        )
        return click.confirm(question, err=True)

    def _result(self, plan: Plan, sent: int) -> None:
        document = {
            "sent": sent,
            "planned": len(plan.send),
            "topics": dict(plan.topics),
            "sent_before": plan.already,
            "cut": [str(origin) for origin in sorted(plan.cut)],
            "foreign": dict(plan.foreign),
        }
        if not plan.send:
            words = "Nothing to send."
        elif sent == len(plan.send):
            words = f"{_count(sent, 'message')} sent again, all confirmed: {_most(plan.topics)}."
        else:
            words = f"{sent:,} of {_count(len(plan.send), 'message')} sent again."
        self._output.result(document, Text(words))


def _open(settings: Settings, begin_ms: int, stop: Event) -> Tail:
    from dataflows.tail import Tail  # noqa: PLC0415 - `andon --help` needn't wait for the Kafka client

    wait_s = settings.service.broker_wait_s
    return Tail(settings.kafka, settings.kafka.dead_letters, begin=begin_ms, wait_s=wait_s, stop=stop)


def _on_and_on(tail: Tail, output: Output, stop: Event) -> Iterator[Message]:
    while not (stop.is_set() or output.gone):
        yield from tail.poll()
        output.look()


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _most(counts: Mapping[str, int]) -> str:
    """The largest of some counts: `bad_value 12, not_json 3`."""
    ordered = Counter(counts).most_common()
    told = ", ".join(f"{one_line(name)} {count:,}" for name, count in ordered[:REASONS_SHOWN])
    return f"{told} and {len(ordered) - REASONS_SHOWN} more" if len(ordered) > REASONS_SHOWN else told
