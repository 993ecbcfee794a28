"""`andon doctor`: all that a bug report needs in one file, without secrets."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections import deque
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from andon.installed import version_of
from andon.logs import RECENT_MAX
from contracts.errors import AndonError, SinkError, SourceError
from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from contracts.settings import Settings
    from dataflows.offsets import Partition

__all__ = ["REMOVED", "collected", "command", "without_secrets"]

REMOVED = "(removed)"
ASK_S = 10.0
SECRET_CHARS_MIN = 4
"""Shorter ones would be found in every other word."""

_HARMLESS = re.compile(
    r"security\.protocol|sasl\.mechanisms?|sasl\.username|client\.id|enable\..+|acks|linger\.ms|ssl\.endpoint\..+|log_level"
    r"|.+\.(?:ms|max|bytes|kb|messages|location|file|interval|size)|.+_file"
)
"""Properties of the Kafka client whose values tell no secret; all others are removed."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s\"]+(?=@)")
"""user:password in an address."""


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings it runs by."
)
@click.option("--url", "urls", metavar="URL", multiple=True, help="Of each process, instead of what the settings say.")
@click.option(
    "--log",
    "log",
    type=click.Path(exists=True, dir_okay=False),
    help="A log of its; of a process that is gone the only witness.",
)
@click.option("--out", default="andon-doctor.json", show_default=True, type=click.Path(), help="The file to write.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def command(*, file: str, urls: tuple[str, ...], log: str | None, out: str, force: bool) -> None:
    """Collect what a bug report needs into one file: version, settings, lag, state, metrics, recent warnings.

    Nothing is changed, and each part that can't be had says why. Passwords, keys and tokens are removed; names of
    assets and sensors are not: read the file before you send it.

    \b
    andon doctor
    andon doctor --settings andon.toml --log andon.log --out report.json
    journalctl -u andon -o cat > andon.log && andon doctor --log andon.log
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    path = Path(out)
    if path.exists() and not force:
        raise click.UsageError(f"{out} is there already: give another --out, or --force.")
    document = collected(file, urls, Path(log) if log else None)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise SinkError(f"{out}: can't be written: {error.strerror}.") from error
    missing = [name for name, part in document.items() if isinstance(part, dict) and "unknown" in part]
    click.echo(f"wrote {out}: read it before you send it")
    if missing:
        click.echo(f"not to be had: {', '.join(missing)}")


def collected(file: str, urls: tuple[str, ...], log: Path | None) -> dict[str, Any]:
    """All parts by name; one that can't be had is {"unknown": why}."""
    document: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "andon": version_of("andon"),
        "python": sys.version,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": _tried(_packages),
        "variables": sorted(name for name in os.environ if name.startswith("ANDON_")),
    }
    secrets: set[str] = set()
    try:
        settings = load(file, os.environ)
    except AndonError as error:
        document["settings"] = {"unknown": str(error)}
    else:
        document["settings"] = without_secrets(settings.model_dump(mode="json"), secrets)
        document["processes"] = {url: _tried(partial(_process, url, settings)) for url in _urls(urls, settings)}
        document["state"] = _tried(partial(_state, settings))
        document["kafka"] = _tried(partial(_kafka, settings))
    if log is not None:
        document["log"] = _tried(partial(_recent, log))
    secrets |= {value for name, value in os.environ.items() if name.startswith("ANDON_") and _is_secret(name)}
    return _scrubbed(document, secrets)  # type: ignore[no-any-return]


def without_secrets(settings: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The settings with every value removed that may be secret; what was removed is added to `secrets`."""
    client = settings.get("kafka", {}).get("client", {})
    for name, value in client.items():
        if not _HARMLESS.fullmatch(name):
            secrets.add(str(value))
            client[name] = REMOVED
    return settings


def _is_secret(variable: str) -> bool:
    """By its name."""
    return bool(re.search(r"PASSWORD|SECRET|TOKEN|KEY|JAAS|CREDENTIAL", variable)) and not variable.endswith("_FILE")


def _scrubbed(value: Any, secrets: set[str]) -> Any:
    """The same without these texts, wherever they turn up."""
    if isinstance(value, dict):
        return {_scrubbed(key, secrets): _scrubbed(part, secrets) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(part, secrets) for part in value]
    if isinstance(value, str):
        for secret in sorted((one for one in secrets if len(one) >= SECRET_CHARS_MIN), key=len, reverse=True):
            value = value.replace(secret, REMOVED)
        return _CREDENTIALS.sub(REMOVED, value)
    return value


def _tried(part: Callable[[], Any]) -> Any:
    """What can't be had is told, and doesn't keep the rest away."""
    try:
        return part()
    except (AndonError, click.ClickException, OSError, ValueError) as error:
        return {"unknown": str(error)}


def _packages() -> dict[str, str]:
    """Versions of what andon stands on, as installed here."""
    names = sorted({re.split(r"[^\w.-]", need)[0] for need in requires("andon") or () if "extra ==" not in need})
    return dict(_versions(names))


def _versions(names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "missing"


def _urls(urls: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    from andon.status import address_of  # noqa: PLC0415 - with rich, which a report needn't wait for

    if urls:
        return urls
    try:
        return (address_of(settings),)
    except click.UsageError:
        return ()


def _process(url: str, settings: Settings) -> dict[str, Any]:
    """Status and metrics of one process; the settings' password is for the address that they name."""
    from andon.status import fetch, page  # noqa: PLC0415

    status = fetch(url, settings.service)
    _, metrics, _ = page(url, "/metrics", settings.service)
    lines = metrics.decode(errors="replace").splitlines()
    return {"status": status, "metrics": [line for line in lines if not line.startswith("#")]}


def _state(settings: Settings) -> dict[str, Any]:
    from andon.saved import saved_of  # noqa: PLC0415

    return saved_of(Path(settings.service.state_dir))


def _kafka(settings: Settings) -> dict[str, Any]:
    """Which topics there are, how many partitions they have, and how far the group is."""
    from threading import Event  # noqa: PLC0415

    from confluent_kafka import Consumer  # noqa: PLC0415

    from dataflows.kafka_client import (  # noqa: PLC0415
        available,
        client_settings,
        group_id,
        open_client,
        wait_for_topics,
    )
    from dataflows.offsets import Partition  # noqa: PLC0415

    kafka = settings.kafka
    topics = (*kafka.readings, kafka.alerts, kafka.alarms, *settings.command_topics, kafka.dead_letters)
    began = time.monotonic()
    counts = wait_for_topics(kafka, topics, wait_s=ASK_S, stop=Event(), hint="andon topics create makes them.") or {}
    group = group_id(kafka, settings.site.name)
    consumer = open_client(Consumer, client_settings(kafka, group_id=group, enable_auto_commit=False))
    try:
        there = available(
            consumer, [Partition(topic, number) for topic in kafka.readings for number in range(counts[topic])]
        )
        committed = _tried(partial(_committed, consumer, there))
    finally:
        consumer.close()
    return {
        "answered_in_s": round(time.monotonic() - began, 3),
        "topics": dict(counts),
        "group": group,
        "group_fault": committed.get("unknown", ""),
        "partitions": {
            str(partition): {
                "first": limits.first,
                "end": limits.end,
                "committed": committed.get(str(partition)),
            }
            for partition, limits in there.items()
        },
    }


def _committed(consumer: Any, partitions: Iterable[Partition]) -> dict[str, int]:
    """The offsets that others see, by `topic/partition`.

    Raises: SourceError if they can't be had: the group may be somebody else's.
    """
    from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415

    asked = [TopicPartition(partition.topic, partition.number) for partition in partitions]
    try:
        found = consumer.committed(asked, timeout=ASK_S)
    except KafkaException as error:
        raise SourceError(error.args[0].str()) from error
    return {f"{one.topic}/{one.partition}": one.offset for one in found}


def _recent(log: Path) -> dict[str, Any]:
    """The newest warnings and errors of a log, and its last lines whatever they are."""
    grave: deque[Any] = deque(maxlen=RECENT_MAX)
    last: deque[str] = deque(maxlen=RECENT_MAX)
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            last.append(line.rstrip("\n"))
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(event, dict) and event.get("level") in {"warning", "error", "critical"}:
                grave.append(event)
    return {"recent": list(grave), "last_lines": list(last)}
