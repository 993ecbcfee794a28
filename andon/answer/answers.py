"""Commands and what became of them: builds a command that andon takes, and knows its answer among the records.

Pure. The answer to a command is where everybody sees it: the transitions that it caused, on the alert topic; what it
holds back from now on, on the alarm-state topic; or its dead letter with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import orjson
from pydantic import ValidationError

from contracts.alarm_states import Hold, HoldState, hold_key
from contracts.codec import Refusal
from contracts.commands import Origin, Scope, Verb, Verdict, decode_command

if TYPE_CHECKING:
    from contracts.alerts import Alert

__all__ = ["FEEDBACK_WAIT_S", "Answers", "Ask", "Outcome", "command_of"]

SETTLE_S = 0.3
"""One command may cause many records, on two topics: after the first sign of it, the others are there at once."""

FEEDBACK_WAIT_S = 3.0
"""Nothing is heard of feedback that is taken; a refusal comes at once, or not."""

_HOLDS = {
    Verb.SHELVE: "shelved",
    Verb.UNSHELVE: "shelved",
    Verb.SUPPRESS: "suppressed",
    Verb.UNSUPPRESS: "suppressed",
    Verb.OUT_OF_SERVICE: "out_of_service",
    Verb.IN_SERVICE: "out_of_service",
}
"""Which part of a `HoldState` a command changes."""
_BEGIN = frozenset({Verb.SHELVE, Verb.SUPPRESS, Verb.OUT_OF_SERVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One command that andon takes."""

    verb: Verb
    asset: str
    scope: Scope
    """Which alarms are meant: of a command about one alarm, exactly that one."""
    by: str
    """Who asks."""
    body: bytes
    """As it travels."""

    @property
    def answers(self) -> bool:
        """Whether something is heard of it when it succeeds."""
        return self.verb is not Verb.FEEDBACK


class Outcome(NamedTuple):
    """What became of a command."""

    ask: Ask
    refused: str
    """Why it can't be done; empty: it is done."""
    alerts: tuple[Alert, ...] = ()
    """The transitions that it caused."""
    hold: Hold | None = None
    """What stands from now on, of a command that begins to hold something back."""


def command_of(
    verb: Verb,
    *,
    by: str,
    asset: str,
    scope: Scope = Scope(),  # noqa: B008 - it can't change
    alert: Alert | None = None,
    alert_id: str | None = None,
    until_ms: int | None = None,
    verdict: Verdict | None = None,
    comment: str | None = None,
) -> Ask:
    """Build a command.

    Args:
        alert: the one alarm that it is about, as it stands.
        alert_id: of an alarm that doesn't stand any more.

    Raises: click.UsageError if andon wouldn't take it, in the same words.
    """
    named = alert.alert_id if alert is not None else alert_id
    given = {
        "command": verb,
        "asset": asset,
        "alert_id": named,
        "sensor": scope.sensor,
        "kind": scope.kind,
        "rule": scope.rule,
        "until": until_ms,
        "verdict": verdict,
        "by": by,
        "comment": comment,
    }
    body = _encoded({key: value for key, value in given.items() if value is not None})
    decoded = decode_command(Origin(topic="", partition=0, offset=0, ts_ms=0, key=None, value=body))
    if isinstance(decoded, Refusal):
        raise click.UsageError(f"{decoded.detail}.")
    if alert is not None:
        scope = Scope(alert.sensor or "", alert.kind, alert.rule)
    return Ask(verb=verb, asset=asset, scope=scope, by=by, body=body)


def _encoded(document: dict[str, Any]) -> bytes:
    """Raises: click.UsageError for what no JSON can carry."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise click.UsageError("a name or the comment isn't valid text.") from None


@dataclass(slots=True)
class _Open:
    """A command that waits for its answer."""

    ask: Ask
    ts_ms: int
    alerts: list[Alert] = field(default_factory=list)
    hold: Hold | None = None
    refused: str = ""
    sign_s: float | None = None
    """When the first record of its answer came."""


class Answers:
    """The commands that were sent, and which of them are answered. Times are of any clock that only goes forward."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    @property
    def waiting(self) -> list[Ask]:
        """The commands without an answer, in the order in which they were sent."""
        return [each.ask for each in self._open.values()]

    def expect(self, ask: Ask, *, source: str, ts_ms: int) -> None:
        """A command was sent.

        Args:
            source: `topic/partition/offset` of its record.
            ts_ms: Kafka's timestamp of its record.
        """
        self._open[source] = _Open(ask, ts_ms)

    def forget(self, ask: Ask) -> None:
        """Nobody waits for the answer any more."""
        self._open = {source: each for source, each in self._open.items() if each.ask is not ask}

    def take_alert(self, source: str, alert: Alert, *, now_s: float) -> None:
        """A record of the alert topic, with what caused it."""
        if source in self._open:
            self._open[source].alerts.append(alert)
            self._signed(self._open[source], now_s)

    def take_hold(self, key: str, value: bytes | None, *, now_s: float) -> None:
        """A record of the alarm-state topic."""
        for each in self._open.values():
            part = _HOLDS.get(each.ask.verb)
            if part is None or key != hold_key(each.ask.asset, each.ask.scope):
                continue
            try:
                hold = None if value is None else getattr(HoldState.model_validate_json(value), part)
            except ValidationError:  # by a newer andon, perhaps: then the alerts tell
                return
            if each.ask.verb not in _BEGIN:
                if hold is None:
                    self._signed(each, now_s)
            elif hold is not None and hold.since_ts == each.ts_ms:
                each.hold = hold
                self._signed(each, now_s)

    def take_refusal(self, source: str, why: str) -> None:
        """A dead letter, with what was refused."""
        if source in self._open:
            self._open[source].refused = why or "no reason was given"

    def decided(self, now_s: float) -> list[Outcome]:
        """The commands whose answers are complete: they aren't waited for any more."""
        done = {source: each for source, each in self._open.items() if each.refused or self._settled(each, now_s)}
        for source in done:
            del self._open[source]
        return [Outcome(each.ask, each.refused, tuple(each.alerts), each.hold) for each in done.values()]

    def _signed(self, each: _Open, now_s: float) -> None:
        each.sign_s = now_s if each.sign_s is None else each.sign_s

    def _settled(self, each: _Open, now_s: float) -> bool:
        if each.sign_s is None:
            return False
        return each.ask.verb is Verb.ACKNOWLEDGE or now_s - each.sign_s >= SETTLE_S
