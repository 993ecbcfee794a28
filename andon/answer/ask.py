"""What people ask of alarms from the command line: `andon ack`, `shelve`, `suppress`, `out-of-service`, `feedback`.

Each command is sent to the commands topic, and its answer is waited for: what was done, or why it can't be.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

import click

from andon.answer.answers import FEEDBACK_WAIT_S, command_of
from andon.answer.lookup import find_alert
from andon.answer.places import Place, parse_place
from andon.durations import Duration
from andon.interrupts import until_stopped
from andon.plain_text import one_line
from andon.printing import clock_of
from andon.table import now_ms, read_table
from contracts.commands import Scope, Verb, Verdict
from contracts.findings import Kind
from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from andon.answer.answers import Ask, Outcome
    from andon.table import Table
    from contracts.settings import Settings

__all__ = [
    "ack",
    "feedback",
    "in_service",
    "out_of_service",
    "shelve",
    "suppress",
    "told",
    "unshelve",
    "unsuppress",
]

Command = TypeVar("Command", bound="Callable[..., Any]")

_DONE = {
    Verb.ACKNOWLEDGE: "acknowledged",
    Verb.SHELVE: "shelved",
    Verb.UNSHELVE: "unshelved",
    Verb.SUPPRESS: "suppressed",
    Verb.UNSUPPRESS: "unsuppressed",
    Verb.OUT_OF_SERVICE: "out of service",
    Verb.IN_SERVICE: "in service",
    Verb.FEEDBACK: "feedback sent",
}


def _sent(function: Command) -> Command:
    """The options of every command that is sent."""
    options = (
        click.option(
            "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to go by."
        ),
        click.option(
            "--by",
            envvar=["ANDON_BY", "USER"],
            show_envvar=True,
            required=True,
            help="Who asks: it stands in the alert.",
        ),
        click.option("--comment", help="Why: it stands in the alert."),
        click.option(
            "--wait",
            "wait_s",
            default=30.0,
            show_default=True,
            type=click.FloatRange(0, 3600),
            help="Seconds to wait for the answer; 0: don't.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _place(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Place | None:
    return None if text is None else parse_place(text)


def _scoped(function: Command) -> Command:
    """Arguments of a command about one alarm, or about all those of a place that kind and rule leave."""
    options = (
        click.argument("place", metavar="[ASSET[/SENSOR]]", required=False, callback=_place),
        click.option("--id", "alert_id", help="One alarm, by its alert id or the start of it (6 digits or more)."),
        click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help="Only alarms of this kind."),
        click.option("--rule", help="Only alarms of this rule of the kind: hh, h, rise, flat …"),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command("ack")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_sent
def ack(*, ids: tuple[str, ...], file: str, by: str, comment: str | None, wait_s: float) -> None:
    """Acknowledge alarms: somebody has seen them and takes care.

    ID is an alert id, or the start of it (6 hex digits or more), as `andon alarms` shows it.

    \b
    andon ack 6f0c81 --by maria --comment "checking the valve"
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    settings = load(file, os.environ)
    with until_stopped() as stop:
        table = _table(settings, stop)
        alerts = [table.find(each).alert for each in dict.fromkeys(ids)]
        asks = [
            command_of(Verb.ACKNOWLEDGE, asset=alert.asset, alert=alert, by=by, comment=comment) for alert in alerts
        ]
        _carry_out(settings, asks, wait_s=wait_s, stop=stop)


@click.command("shelve")
@_scoped
@click.option(
    "--for", "for_ms", required=True, type=Duration(), help="How long: 90s, 30m, 2h, 1d. A shelf always ends."
)
@_sent
def shelve(*, for_ms: int, **given: Any) -> None:
    """Hold alarms back until a time: they go on, and nobody is called.

    One alarm (--id), or all alarms of an asset or a sensor, also those to come; --kind and --rule narrow it. A slash
    that belongs to a name is written %2F; `press-1/` is what is about the asset as a whole.

    \b
    andon shelve press-1/temp --for 2h --comment "sensor is being changed"
    andon shelve press-1 --kind limit --rule hh --for 30m
    andon shelve --id 6f0c81 --for 1d
    """  # noqa: D301 - as above
    _hold(Verb.SHELVE, for_ms=for_ms, **given)


@click.command("unshelve")
@_scoped
@_sent
def unshelve(**given: Any) -> None:
    """End a shelf early: name exactly what was shelved.

    \b
    andon unshelve press-1/temp
    """  # noqa: D301 - as above
    _hold(Verb.UNSHELVE, **given)


@click.command("suppress")
@_scoped
@_sent
def suppress(**given: Any) -> None:
    """Hold alarms back by design, without an end: until `andon unsuppress`.

    For what comes back planned, `[[maintenance]]` in the settings is better. What may be named: `andon shelve --help`.

    \b
    andon suppress press-1 --kind rate --comment "start-up"
    """  # noqa: D301 - as above
    _hold(Verb.SUPPRESS, **given)


@click.command("unsuppress")
@_scoped
@_sent
def unsuppress(**given: Any) -> None:
    """End a suppression: name exactly what was suppressed.

    \b
    andon unsuppress press-1 --kind rate
    """  # noqa: D301 - as above
    _hold(Verb.UNSUPPRESS, **given)


@click.command("out-of-service")
@click.argument("place", metavar="ASSET[/SENSOR]", callback=_place)
@_sent
def out_of_service(*, place: Place, **given: Any) -> None:
    """Take an asset or a sensor out of service: nobody is called, and nothing is learned from it.

    A slash that belongs to a name is written %2F.

    \b
    andon out-of-service press-1 --comment "overhaul"
    """  # noqa: D301 - as above
    _hold(Verb.OUT_OF_SERVICE, place=place, **given)


@click.command("in-service")
@click.argument("place", metavar="ASSET[/SENSOR]", callback=_place)
@_sent
def in_service(*, place: Place, **given: Any) -> None:
    """Bring an asset or a sensor back into service: name exactly what was taken out.

    \b
    andon in-service press-1
    """  # noqa: D301 - as above
    _hold(Verb.IN_SERVICE, place=place, **given)


@click.command("feedback")
@click.argument("alert_id", metavar="ID")
@click.argument("verdict", type=click.Choice([verdict.replace("_", "-") for verdict in Verdict]))
@_sent
def feedback(*, alert_id: str, verdict: str, file: str, by: str, comment: str | None, wait_s: float) -> None:
    """Say what an anomaly alarm was worth; also of one that is over.

    false-alarm: the series becomes less sensitive, and slowly forgets it. reset: takes that back. true-alarm: what
    happens during the alarm isn't learned as normal. Nothing is heard of feedback that is taken: only a refusal is.

    \b
    andon feedback 6f0c81 false-alarm --comment "cleaning"
    """  # noqa: D301 - as above
    settings = load(file, os.environ)
    with until_stopped() as stop:
        alert = find_alert(settings, _table(settings, stop), alert_id, stop)
        ask = command_of(
            Verb.FEEDBACK,
            asset=alert.asset,
            alert=alert,
            verdict=Verdict(verdict.replace("-", "_")),
            by=by,
            comment=comment,
        )
        _carry_out(settings, [ask], wait_s=min(wait_s, FEEDBACK_WAIT_S), stop=stop)


def _hold(
    verb: Verb,
    *,
    file: str,
    by: str,
    comment: str | None,
    wait_s: float,
    place: Place | None,
    alert_id: str | None = None,
    kind: str | None = None,
    rule: str | None = None,
    for_ms: int | None = None,
) -> None:
    """Begin or end something that holds alarms back."""
    if (place is None) == (alert_id is None):
        raise click.UsageError("give ASSET or ASSET/SENSOR, or one alarm with --id.")
    settings = load(file, os.environ)
    until_ms = None if for_ms is None else now_ms() + for_ms
    with until_stopped() as stop:
        alert = None if alert_id is None else _table(settings, stop).find(alert_id).alert
        asset, sensor = place if place is not None else (alert.asset, None) if alert is not None else ("", None)
        scope = Scope(sensor, kind, rule)
        ask = command_of(verb, asset=asset, scope=scope, alert=alert, until_ms=until_ms, by=by, comment=comment)
        _carry_out(settings, [ask], wait_s=wait_s, stop=stop)


def _table(settings: Settings, stop: Event) -> Table:
    """What stands now.

    Raises: click.Abort if somebody has seen enough meanwhile; SourceError.
    """
    table = read_table(settings, stop)
    if stop.is_set():
        raise click.Abort
    return table


def _carry_out(settings: Settings, asks: Sequence[Ask], *, wait_s: float, stop: Event) -> None:
    """Send commands, say what became of them, and end the process with 1 unless all of them are done."""
    from andon.answer.desk import Desk  # noqa: PLC0415 - `andon ack --help` needn't wait for the Kafka client

    good = True
    with Desk(settings, stop=stop, listen=wait_s > 0) as desk:
        for ask in asks:
            if not stop.is_set():
                desk.send(ask)
        deadline = time.monotonic() + wait_s
        while desk.waiting and time.monotonic() < deadline and not stop.is_set():
            for outcome in desk.poll():
                good = not outcome.refused and good
                click.echo(told(outcome), err=bool(outcome.refused))
        unanswered = desk.waiting
    for ask in unanswered:
        click.echo(f"{_DONE[ask.verb] if not ask.answers else 'sent'}: {_written(ask)}")
    if any(ask.answers for ask in unanswered) and wait_s > 0:
        good = False
        click.echo(_no_answer(settings, wait_s, stop), err=True)
    if stop.is_set():
        raise click.Abort
    if not good:
        sys.exit(1)


def told(outcome: Outcome) -> str:
    """What became of a command, in lines for people."""
    ask, refused, alerts, hold = outcome
    if refused:
        return f"refused: {one_line(refused)}"
    lines = [one_line(alert.message) for alert in alerts]
    if ask.verb is Verb.ACKNOWLEDGE:
        return "\n".join(f"{_DONE[ask.verb]}: {line}" for line in lines)
    until = "" if hold is None or hold.until_ts is None else f" until {clock_of(hold.until_ts)} UTC"
    return "\n".join([f"{_DONE[ask.verb]}: {_written(ask)}{until}", *(f"  {line}" for line in lines)])


def _written(ask: Ask) -> str:
    """What a command is about, as people write it."""
    scope = ask.scope
    return one_line(" ".join([str(Place(ask.asset, scope.sensor)), *filter(None, (scope.kind, scope.rule))]))


def _no_answer(settings: Settings, wait_s: float, stop: Event) -> str:
    """Why nothing was heard, as far as can be told."""
    if stop.is_set():
        return "stopped waiting. What was sent stands: andon carries it out."
    fault = read_table(settings, stop).watching(now_ms()).fault
    why = fault or "`andon run` is alive, and may be reading what has piled up"
    return f"no answer within {wait_s:g} s: {why}. What was sent stands: it is carried out when andon comes to it."
