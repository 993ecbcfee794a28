"""`andon check`: all that is wrong with the settings, what they mean for an asset, and whether the broker agrees."""

from __future__ import annotations

import os
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from andon.printing import clock_of
from andon.secrets_check import exposed_secrets
from contracts.advice import ANY_SENSOR, WARMUP_WINDOWS, YEAR_MS, advice, window_advice
from contracts.calendar import Calendar
from contracts.errors import ConfigError, Problem, SourceError
from contracts.loading import load
from contracts.section import Section
from contracts.settings import Anomaly, ResolvedRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.settings import Running, Settings

__all__ = ["command"]


@click.command()
@click.argument("file", default="andon.toml", type=click.Path())
@click.option("--explain", metavar="ASSET", help="Show which rules and windows hold for this asset.")
@click.option("--no-broker", is_flag=True, help="Don't ask the broker about the topics.")
def command(file: str, explain: str | None, no_broker: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Say all that is wrong with the settings in FILE (andon.toml).

    Every mistake is told with its key and what would be right; the exit code is 2 then. Variables such as
    ANDON_KAFKA__BOOTSTRAP_SERVERS count as they will when the service runs. A password in FILE itself, or in a file
    that everybody on this machine may read, is a warning. The broker is asked whether the topics exist and keep what
    they should: a missing topic is exit code 1, a broker that doesn't answer is a warning.

    \b
    andon check
    andon check plant.toml --explain press-0012
    andon check plant.toml --no-broker
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    settings = load(file, os.environ)
    if problems := _river_problems(settings, file):
        raise ConfigError(file, problems)
    _say(f"{file}: fine", style="bold green")
    for name, value in _summary(settings):
        _say(f"  {name:<9} {value}")
    now_ms = time.time_ns() // 1_000_000
    for problem in (*exposed_secrets(settings, Path(file)), *advice(settings, now_ms=now_ms)):
        _warn(str(problem))
    if explain is not None:
        _say("")
        for line in _explained(settings, explain, now_ms):
            _say(line)
        if unwise := window_advice(settings, explain):
            _warn(f"{explain}: {unwise}")
    if not no_broker:
        _ask_broker(settings, file)


def _ask_broker(settings: Settings, file: str) -> None:
    """Print what the broker says. Raises: SourceError if topics are missing."""
    from andon.broker_check import ask_broker  # noqa: PLC0415 - the Kafka client, which --no-broker needn't load

    kafka = settings.kafka
    report = ask_broker(settings)
    if report.silent:
        _warn(f"the broker {kafka.bootstrap_servers} can't be asked about the topics ({report.silent}).")
        return
    for problem in report.warnings:
        _warn(str(problem))
    if report.missing:
        noun = "topic" if len(report.missing) == 1 else "topics"
        raise SourceError(
            f"kafka {kafka.bootstrap_servers}: no {noun} {', '.join(report.missing)}. "
            f"Create what is missing: andon topics create {file}"
        )
    if not report.warnings:
        _say("  broker    has all topics, and they keep what they should")


def _river_problems(settings: Settings, file: str) -> tuple[Problem, ...]:
    """What River says to the models that the rules name."""
    problems: list[Problem] = []
    for number, rule in enumerate(settings.rules, 1):
        if isinstance(rule.anomaly, Anomaly) and rule.anomaly.model is not None:
            from detectors.river_model import make_model  # noqa: PLC0415 - River takes a second to load

            try:
                make_model(rule.anomaly, key=f"rules[{number}].anomaly", source=file)
            except ConfigError as error:
                problems += error.problems
    return tuple(problems)


def _summary(settings: Settings) -> Iterator[tuple[str, str]]:
    kafka = settings.kafka
    yield "site", settings.site.name
    yield "Kafka", f"{kafka.bootstrap_servers}: {', '.join(kafka.readings)} → {kafka.alerts}"
    yield "rules", f"{len(settings.rules)} for sensors, {len(settings.assets)} for assets, then the defaults"
    if connections := settings.gateway.connections:
        yield "gateway", ", ".join(connection.name for connection in connections)
    if count := len(settings.maintenance):
        yield "planned", f"maintenance, {count} {'entry' if count == 1 else 'entries'}"
    changed = [
        f"{section}.{key} = {'…' if key == 'client' else value}"
        for section in ("kafka", "service", "alarms")
        for key, value in getattr(settings, section).model_dump(exclude_defaults=True).items()
        if key not in ("bootstrap_servers", "readings", "alerts")
    ]
    yield "changed", ", ".join(changed) if changed else "nothing else: all other settings have their defaults"


def _explained(settings: Settings, asset: str, now_ms: int) -> Iterator[str]:
    """What holds for an asset; then a paragraph for each kind of sensor that the rules tell apart."""
    resolved = settings.asset(asset)
    if resolved.window_ms:
        hours = resolved.window_ms * WARMUP_WINDOWS / 3_600_000
        first = f"learned detectors judge after {WARMUP_WINDOWS} windows, {hours:.3g} h"
        yield f"{asset}: windows of {resolved.window_ms / 1000:g} s, {first}"
    else:
        yield f"{asset}: every reading is a window, learned detectors judge after {WARMUP_WINDOWS} readings"
    yield f"  readings up to {resolved.late_ms_max / 1000:g} s out of order are taken"
    if resolved.running is not None:
        yield f"  {_running(resolved.running)}"
    yield from (f"  {line}" for line in _maintenance(settings, asset, now_ms))
    named = [rule.sensor for rule in settings.rules if fnmatchcase(asset, rule.asset) and rule.sensor != "*"]
    for sensor in [*dict.fromkeys(named), ANY_SENSOR]:
        rule = settings.rule(asset, sensor)
        yield f"  {sensor}" + (f" [{rule.unit}]" if rule.unit else "")
        for key in ResolvedRule.model_fields:
            if key != "unit":
                origin = _origin(settings, asset, sensor, key)
                yield f"    {key:<12}  {origin:<9} {_described(getattr(rule, key))}"


def _running(running: Running) -> str:
    """When it runs, and what comes of it."""
    low = f"{running.min:g} <= " if running.min is not None else ""
    high = f" <= {running.max:g}" if running.max is not None else ""
    return f"runs while {low}{running.sensor}{high}; else, and {running.settle_s:g} s after a start, nothing is learned"


def _maintenance(settings: Settings, asset: str, now_ms: int) -> Iterator[str]:
    """Whether it is now, and when it is next."""
    coming = Calendar(settings).spans(asset, now_ms, now_ms + YEAR_MS)
    if not coming:
        yield "no maintenance in the coming year"
    for span in coming[:2]:
        why = f": {span.comment}" if span.comment else ""
        if span.start > now_ms:
            yield f"maintenance next from {clock_of(span.start)} to {clock_of(span.end)} UTC{why}"
            return
        end = f"until {clock_of(span.end)} UTC" if span.end < now_ms + YEAR_MS else "for more than a year"
        yield f"maintenance now, {end}{why}"


def _described(part: Section | bool | None) -> str:  # noqa: FBT001 - one of the rule's keys is one
    if not part:
        return "off"
    if part is True:
        return "on"
    given = {key: value for key, value in part.model_dump(exclude_defaults=True).items() if value not in ({}, ())}
    return ", ".join(f"{key} = {_toml(value)}" for key, value in given.items()) or "on, with its defaults"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _origin(settings: Settings, asset: str, sensor: str, key: str) -> str:
    """Which rule decided a key."""
    for number, rule in enumerate(settings.rules, 1):
        matches = fnmatchcase(asset, rule.asset) and fnmatchcase(sensor, rule.sensor)
        if matches and getattr(rule, key) is not None:
            return f"rules[{number}]"
    return "default"


def _say(line: str, style: str = "") -> None:
    """One line of the result: coloured on a terminal, plain when piped."""
    if not sys.stdout.isatty():
        click.echo(line)
        return
    from rich.console import Console  # noqa: PLC0415 - for terminals only
    from rich.text import Text  # noqa: PLC0415

    Console(highlight=False).print(Text(line, style=style), soft_wrap=True)


def _warn(line: str) -> None:
    _say(f"warning: {line}", style="yellow")
