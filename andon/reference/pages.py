"""The pages of docs/reference, written from the code.

What can be looked up in the code is written nowhere else, so that the pages can't be wrong.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, get_origin

import click
import orjson

import detectors
from andon.cli import cli
from andon.reference.log_pages import log_events_page
from andon.reference.markdown import sentence, table
from andon.reference.record_pages import alarm_state_page, alerts_page, commands_page, topics_page
from andon.reference.schemas import alarm_state_schema, alert_schema, command_schema
from contracts import limits
from contracts.key_types import bounds, expected, is_model, types_of
from contracts.loading import ENVIRONMENT_PREFIX
from contracts.readings import Reason
from contracts.settings import Settings
from dataflows.happenings import Happenings
from gateways.happenings import Happenings as GatewayHappenings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

__all__ = ["FOLDER", "main", "pages"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
_MADE = "<!-- Made by `python -m andon.reference`. Change the code, not this page. -->"
_WIDTH = 100


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    return {
        "alarm-state-schema.json": _json(alarm_state_schema()),
        "alarm-state.md": _page("What stands", alarm_state_page()),
        "alert-schema.json": _json(alert_schema()),
        "alerts.md": _page("Alerts", alerts_page()),
        "cli.md": _page("Command line", _command_line()),
        "command-schema.json": _json(command_schema()),
        "commands.md": _page("Commands", commands_page()),
        "detectors.md": _page("Detectors", _detectors()),
        "log-events.md": _page("Log events", log_events_page()),
        "metrics.md": _page("Metrics", _metrics()),
        "reject-reasons.md": _page("Why messages are refused", _reject_reasons()),
        "settings.md": _page("Settings", _settings()),
        "topics.md": _page("Topics", topics_page()),
    }


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` compare them; returns the exit code."""
    written = pages()
    stale = [name for name, text in written.items() if not _is_current(FOLDER / name, text)]
    if arguments == ["--check"]:
        for name in stale:
            click.echo(f"docs/reference/{name} isn't current: run `python -m andon.reference`.", err=True)
        return 1 if stale else 0
    if arguments:
        click.echo("usage: python -m andon.reference [--check]", err=True)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(written[name], encoding="utf-8")
        click.echo(f"wrote docs/reference/{name}")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _json(schema: dict[str, Any]) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def _page(title: str, lines: Iterator[str]) -> str:
    return "\n".join([f"# {title}", "", _MADE, "", *lines]).rstrip() + "\n"


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


_SETTINGS = """\
One file, `andon.toml`; `andon check` tells every mistake in it. A key that isn't listed here is a mistake.

Every key of `[site]`, `[kafka]`, `[service]`, `[alarms]` and `[gateway]` may be set by the variable
`ANDON_SECTION__KEY`, which goes before the file; lists of tables can't. Its value is read as TOML where it is TOML,
else as text; a list of texts may be written with commas. `ANDON_KAFKA__CLIENT__SASL_PASSWORD` is the Kafka client's
`sasl.password`, and so on with all of its properties: secrets need not be in files.

In lists of tables the first match wins, key by key. `false` in place of a rule's table switches it off.
"""


def _settings() -> Iterator[str]:
    yield from _SETTINGS.splitlines()
    yield ""
    for section, field in Settings.model_fields.items():
        (kind,) = types_of(field.annotation)
        model = kind if is_model(kind) else kind.__args__[0]
        yield f"## `{f'[{section}]' if is_model(kind) else f'[[{section}]]'}`"
        yield ""
        yield sentence(model)
        yield ""
        yield from _keys(model, section if is_model(kind) else None)
        yield from _inner(model, section if is_model(kind) else "")


def _inner(model: type[BaseModel], path: str) -> Iterator[str]:
    """Tables within a table: `key = { … }`, and lists of tables, each under its whole name."""
    for key, field in model.model_fields.items():
        for part in types_of(field.annotation):
            listed = part.__args__[0] if get_origin(part) is tuple else None
            if is_model(part):
                yield from (f"### `{key} = {{ … }}`", "", sentence(part), "")
                yield from _keys(part, None)
            elif listed is not None and is_model(listed):
                name = f"{path}.{key}" if path else key
                yield from (f"### `[[{name}]]`", "", sentence(listed), "")
                yield from _keys(listed, None)
                yield from _inner(listed, name)


def _keys(model: type[BaseModel], section: str | None) -> Iterator[str]:
    head = ("key", "takes", "default", "meaning")
    if section is None:
        yield from table(head, (_key(name, field) for name, field in model.model_fields.items()))
        return
    rows = (
        (*_key(name, field), "—" if _is_list(field) else f"`{ENVIRONMENT_PREFIX}{section.upper()}__{name.upper()}`")
        for name, field in model.model_fields.items()
    )
    yield from table((*head, "variable"), rows)


def _is_list(field: FieldInfo) -> bool:
    """Of tables."""
    return expected(field.annotation) == "[[…]] tables"


def _key(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    takes = ", ".join(part for part in (expected(field.annotation), bounds(field)) if part)
    return f"`{name}`", takes, _default(field), field.description or ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.default
    if value in (None, {}, ()):
        return "—"
    if isinstance(value, tuple):
        return f"`[{', '.join(_toml(part) for part in value)}]`"
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


# ── Rejects ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_MIB = limits.MESSAGE_BYTES_MAX // 1024**2
_REASONS = {
    Reason.NOT_JSON: (
        "The value is empty, or isn't JSON in UTF-8. `NaN`, `Infinity` and numbers beyond ±1.8e308 aren't JSON.",
        "Send JSON. Leave a value out that the device doesn't have.",
    ),
    Reason.NOT_OBJECT: ("The value is JSON, but a list, a text, a number …", "Send one object for each message."),
    Reason.MISSING_ASSET: ("There is no `asset`, or it is null.", "Name the asset."),
    Reason.MISSING_SENSOR: ("There is a `value` and no `sensor`, or neither of them nor `values`.", "Name the sensor."),
    Reason.MISSING_VALUE: ("There is a `sensor` and no `value`, or `values` is empty.", "Send a value."),
    Reason.BAD_VALUE: (
        (
            "A value is neither a number nor a boolean, or `values` is no object. In a message of many only that "
            "value is refused."
        ),
        "Send numbers without quotes; leave out what is null.",
    ),
    Reason.BAD_TS: (
        (
            "`ts` is neither whole milliseconds since 1970 nor RFC 3339 with an offset, or lies outside of the years "
            "1970 to 9999; or there is none, and no Kafka timestamp either."
        ),
        'Send 1700000000000 or "2023-11-14T22:13:20.000Z".',
    ),
    Reason.TS_TOO_FAR_AHEAD: (
        (
            f"`ts` is more than {limits.AHEAD_MS_MAX // 60_000} minutes ahead of the message's Kafka timestamp. Not "
            "judged in files."
        ),
        "Set the device's clock.",
    ),
    Reason.BAD_QUALITY_CODE: (
        "`quality` is neither good, uncertain or bad, in any case, nor a whole number of 32 bits.",
        "Send one of the words or an OPC UA status code, or leave it out.",
    ),
    Reason.BAD_NAME: (
        (
            f"The name of the asset or of a sensor is empty, no text, longer than {limits.NAME_BYTES_MAX} bytes, or "
            "has control characters. In a message of many only that sensor is refused."
        ),
        "Mend the name.",
    ),
    Reason.TOO_LARGE: (f"The message is larger than {_MIB} MiB.", "Split it."),
    Reason.TOO_MANY_VALUES: (f"`values` has more than {limits.MESSAGE_VALUES_MAX} sensors.", "Split it."),
    Reason.CAPACITY: (
        (
            "The series is new, and its asset or its key group has as many as the settings allow. Series that are "
            "known go on. An alert of kind capacity says so once."
        ),
        "Raise `service.sensors_per_asset_max` or `service.series_per_group_max`, or stop whoever makes up names.",
    ),
    Reason.BAD_SIGNATURE: (
        "A command isn't signed, is signed by nobody who is trusted, too old, or a copy: nothing was changed.",
        (
            "`andon_detail` says which. [Sign commands](../how-to/secure-andon.md#4-let-only-signed-commands-in). Many "
            "of them: somebody writes to the topic who shouldn't."
        ),
    ),
    Reason.BAD_COMMAND: (
        "A [command](commands.md) can't be understood, or can't be carried out: nothing was changed.",
        "`andon_detail` says what would be right.",
    ),
}


_DEAD_LETTERS = """\
What can't be read is never dropped: it goes to the topic for dead letters (`kafka.dead_letters`) with its original key
and value, and these headers:
"""
_ORDER = """\
A message is judged in this order, and what is found first is told: size, JSON, object; asset; sensor and value, or
values; name of the asset; `ts`; quality; then for each value the name of its sensor, and the value.

A message with `value` is a single reading: `values` beside it is ignored, as all unknown keys are. A key that comes
twice counts as it came last. `ts` and `quality` may be null, as if they were absent.
"""


def _reject_reasons() -> Iterator[str]:
    yield from _DEAD_LETTERS.splitlines()
    yield ""
    headers = (
        ("`andon_reason`", "one of the reasons below"),
        ("`andon_detail`", "what exactly was wrong, for a person"),
        ("`andon_topic`, `andon_partition`, `andon_offset`", "where the message was read"),
        ("`andon_truncated`", "present where key or value were cut to stay below the broker's limit"),
    )
    yield from table(("header", "meaning"), iter(headers))
    yield "Each reason is a value of the label of `andon_rejects_total`. A message of many sensors becomes one dead"
    yield "letter for each reason; the metric counts every value."
    yield ""
    yield from table(
        ("reason", "what it means", "what to do"), ((f"`{reason}`", *_REASONS[reason]) for reason in Reason)
    )
    yield from _ORDER.splitlines()


# ── Metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_OPEN_LABELS = {"bytewax", "device", "hash", "le", "partition", "python", "topic", "version"}
"""Their values come from the installation; all others are closed lists."""


_SERVED = """\
Served as Prometheus text on `/metrics` at `service.metrics_host` and `service.metrics_port`. No label names an asset or
a sensor. Every value of a closed label starts at 0.

What begins with `andon_gateway_` is of a gateway, at `gateway.metrics_host` and `gateway.metrics_port`; its label
`device` is the name of a connection.

Every reading that came in is in `andon_readings_total` or in `andon_rejects_total`.
"""


def _metrics() -> Iterator[str]:
    yield from _SERVED.splitlines()
    yield ""
    happenings = Happenings()
    happenings.started(version="", python="", bytewax="", config_hash="")
    happenings.lag_measured(topic="", partition=0, rows=0)
    rows: list[tuple[str, ...]] = []
    for metric in (*happenings.registry.collect(), *GatewayHappenings(["…"]).registry.collect()):
        labels: dict[str, list[str]] = {}
        for sample in metric.samples:
            for label, value in sample.labels.items():
                values = labels.setdefault(label, [])
                if value not in values:
                    values.append(value)
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        told = [
            f"`{label}`" + ("" if label in _OPEN_LABELS else f": {', '.join(values)}")
            for label, values in labels.items()
        ]
        rows.append((f"`{name}`", metric.type, metric.documentation, "; ".join(told)))
    yield from table(("metric", "type", "meaning", "labels"), iter(sorted(rows)))


# ── Command line ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _command_line() -> Iterator[str]:
    yield "Exit codes: 0 fine, 1 failed (the broker, the disk), 2 usage or settings. Results go to standard output,"
    yield "logs and progress to standard error."
    yield ""
    yield from _help(cli, "andon", None)


def _help(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH)
    context.help_option_names = ["-h", "--help"]
    yield f"## `{context.command_path}`"
    yield ""
    yield "```text"
    yield from (line.rstrip() for line in command.get_help(context).splitlines())
    yield "```"
    yield ""
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None, inner
            yield from _help(found, inner, context)


# ── Detectors ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _detectors() -> Iterator[str]:
    yield "The modules of `detectors/`, one idea in each. How they work together is told in"
    yield "[detection](../explanation/detection.md)."
    yield ""
    names = sorted(module.name for module in iter_modules(detectors.__path__))
    yield from table(
        ("module", "what it does"), ((f"`{name}`", sentence(import_module(f"detectors.{name}"))) for name in names)
    )
