"""From andon.toml and the environment to `Settings`; or every mistake in them at once, each with what would be right.

`ANDON_SECTION__KEY` in the environment overrides a key of the file: `ANDON_KAFKA__BOOTSTRAP_SERVERS=broker:9092`,
`ANDON_SERVICE__EPOCH_S=5`. The value is read as TOML where it is TOML, else as text. A key that takes text takes the
value as it is written, a list of texts may be written with commas, and `ANDON_KAFKA__CLIENT__SASL_PASSWORD` is the
Kafka client's own `sasl.password`, so that secrets need not be in this file; with `_FILE` behind it, it names the file
that holds the secret. Variables without `__` are not ours.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import AwareDatetime, ValidationError

from contracts.errors import ConfigError, Problem
from contracts.key_types import expected, is_model, types_of
from contracts.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

__all__ = ["ENVIRONMENT_PREFIX", "load", "parse"]

ENVIRONMENT_PREFIX = "ANDON_"
_CLIENT_PREFIX = "client__"
_FILE = "_file"
_CLIENTS_OWN_FILES = ("sasl_oauthbearer_assertion_private_key_file", "sasl_oauthbearer_assertion_jwt_template_file")
"""Properties of the Kafka client that end in `.file` themselves."""
_LISTS = ("rules", "assets", "maintenance")


def load(path: str | Path, environ: Mapping[str, str]) -> Settings:
    """Read settings from a file.

    Raises: ConfigError with every mistake, also when the file can't be read.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _one(path, "the file doesn't exist.", "Give the path of an andon.toml.") from None
    except OSError as error:
        raise _one(path, f"the file can't be read: {error.strerror}.", "Give the path of an andon.toml.") from error
    except UnicodeDecodeError as error:
        raise _one(path, f"byte {error.start} isn't UTF-8.", "Save the file as UTF-8.") from error
    return parse(text, str(path), environ)


def parse(text: str, source: str, environ: Mapping[str, str]) -> Settings:
    """Settings from the text of an andon.toml.

    Args:
        text: TOML; empty gives the defaults.
        source: names the text in errors.
        environ: whose `ANDON_SECTION__KEY` variables override; {} for none.

    Raises: ConfigError with every mistake.
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what, _, where = str(error).partition(" (at ")
        raise ConfigError(
            source, (Problem(where.rstrip(")") or "text", f"isn't TOML: {what}.", "See https://toml.io."),)
        ) from error
    overridden, problems = _override(data, environ)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems += _problems(error, data, overridden)
        raise ConfigError(source, tuple(problems)) from error
    if problems:
        raise ConfigError(source, tuple(problems))
    return settings


def _one(path: str | Path, fault: str, remedy: str) -> ConfigError:
    return ConfigError(str(path), (Problem("file", fault, remedy),))


# ── The environment ──────────────────────────────────────────────────────────────────────────────────────────────────


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Write the environment's values into `data`. Returns key → variable, and the variables that are mistakes."""
    overridden: dict[str, str] = {}
    problems: list[Problem] = []
    for variable in sorted(environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        if name == variable or "__" not in name:
            continue
        section, _, key = name.lower().partition("__")
        model: Any = Settings.model_fields[section].annotation if section in Settings.model_fields else None
        if section in _LISTS:
            problems.append(
                Problem(variable, f"{section} can't be set from the environment.", "Write them in the file.")
            )
        elif not is_model(model):
            known = [part for part in Settings.model_fields if part not in _LISTS]
            problems.append(Problem(variable, f"there is no section {section}.", _nearest(section, known)))
        elif section == "kafka" and key.startswith(_CLIENT_PREFIX) and key != _CLIENT_PREFIX:
            client = _table(_table(data, "kafka"), "client")
            name = _client_property(key.removeprefix(_CLIENT_PREFIX))
            client.pop(name.removesuffix(_FILE) if name.endswith(_FILE) else f"{name}{_FILE}", None)
            client[name] = environ[variable]
            overridden["kafka.client"] = variable
        elif key not in model.model_fields:
            problems.append(Problem(variable, f"{section} has no key {key}.", _nearest(key, list(model.model_fields))))
        else:
            _table(data, section)[key] = _value(environ[variable], model.model_fields[key].annotation)
            overridden[f"{section}.{key}"] = variable
    return overridden, problems


def _client_property(name: str) -> str:
    """`sasl_password` is `sasl.password`; `sasl_password_file` names the file that holds it."""
    if name.endswith(_FILE) and name not in _CLIENTS_OWN_FILES:
        return f"{name.removesuffix(_FILE).replace('_', '.')}{_FILE}"
    return name.replace("_", ".")


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The table under a key. What the file wrote in place of a table stays, and is found by the validation."""
    table = data.setdefault(key, {})
    return table if isinstance(table, dict) else {}


def _value(text: str, annotation: Any) -> Any:
    """A variable's value, read as what its key takes."""
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        document = {"value": text}
    value = document["value"] if document.keys() == {"value"} else text  # a line break may have begun another key
    wanted = types_of(annotation)[0]
    if wanted is str and not isinstance(value, str):
        return text
    if get_origin(wanted) is tuple and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value


# ── What pydantic found, in words ────────────────────────────────────────────────────────────────────────────────────


def _problems(error: ValidationError, data: dict[str, Any], overridden: dict[str, str]) -> list[Problem]:
    """One problem for each mistake, in the order in which the settings are documented."""
    problems: dict[tuple[str, str], Problem] = {}
    for details in error.errors(include_url=False):
        if problem := _problem(details, data):
            variable = next((name for key, name in overridden.items() if _is_within(problem.key, key)), None)
            named = f"{problem.key} ({variable})" if variable else problem.key
            problems.setdefault((problem.key, problem.fault), Problem(named, problem.fault, problem.remedy))
    return list(problems.values())


def _is_within(key: str, outer: str) -> bool:
    return key == outer or key.startswith((f"{outer}.", f"{outer}["))


def _problem(details: ErrorDetails, data: dict[str, Any]) -> Problem | None:
    """What one error of pydantic means to a person; None where another one says it better.

    Where a key takes one of several types, pydantic tells what is wrong for each of them. What is kept is what is wrong
    for the type that the person meant, or that none of them fits.
    """
    key = ""
    value: Any = data
    annotation: Any = Settings
    parent: Any = None
    for step in details["loc"]:
        types = types_of(annotation)
        if len(types) > 1:
            meant = next((kind for kind in types if _is_meant(kind, value)), None)
            if meant is None:
                return Problem(key, f"is {_shown(value, key)}.", f"Give {expected(annotation)}.")
            if not _names(str(step), meant):
                return None
            annotation = meant
        elif isinstance(step, int):
            key, value, parent = f"{key}[{step + 1}]", value[step], types[0]
            annotation = get_args(parent)[0]
        elif step == "[key]":
            return Problem(key, "is no name that is known here.", f"Give {expected(get_args(parent)[0])}.")
        else:
            key, value, parent = _join(key, step), value.get(step, ...), types[0]
            annotation = parent.model_fields[step].annotation if _has(parent, step) else _of_values(parent)
    return _worded(details, key=key, value=value, annotation=annotation, parent=parent)


def _worded(details: ErrorDetails, *, key: str, value: Any, annotation: Any, parent: Any) -> Problem:
    shown = f"is {_shown(value, key)}."
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            return Problem(key, "is no setting.", _place_of(key.rpartition(".")[2], parent))
        case "missing":
            return Problem(key, "is missing.", f"Give {expected(annotation)}.")
        case "value_error":
            fault, _, remedy = str(context["error"]).partition("|")
            return Problem(key, f"{fault}.", f"{remedy[:1].upper()}{remedy[1:]}.")
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as kind:
            return Problem(key, shown, f"Give {_BOUNDS[kind]} {_figure(next(iter(context.values())))}.")
        case "finite_number":
            return Problem(key, shown, "Give a finite number.")
        case "string_too_short":
            return Problem(key, "is empty.", "Give some text.")
        case "string_too_long":
            return Problem(key, f"is {len(value)} characters long.", f"Give at most {context['max_length']}.")
        case "string_pattern_mismatch":
            return Problem(key, shown, f"It must match {context['pattern']}.")
        case "too_short":
            return Problem(key, "is an empty list.", "Give at least one.")
        case _:
            return Problem(key, shown, f"Give {expected(annotation)}{_hint(value, annotation)}.")


_BOUNDS = {
    "greater_than": "more than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def _place_of(name: str, parent: Any) -> str:
    """Where a key that is unknown here may belong."""
    for section, field in Settings.model_fields.items():
        (kind,) = types_of(field.annotation)
        model = kind if is_model(kind) else get_args(kind)[0]
        if model is not parent and _has(model, name):
            return f"It belongs under {f'[{section}]' if is_model(kind) else f'[[{section}]]'}."
    return _nearest(name, list(parent.model_fields))


def _nearest(name: str, known: list[str]) -> str:
    if near := get_close_matches(name, known, n=2, cutoff=0.6):
        return f"Did you mean {' or '.join(near)}?"
    return f"Known here: {', '.join(known)}."


def _hint(value: Any, annotation: Any) -> str:
    kind = types_of(annotation)[0]
    if isinstance(value, str) and kind in (int, float) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
        return " without quotes"
    if isinstance(value, str) and kind is AwareDatetime:
        return " without quotes"
    if isinstance(value, date | time) and kind is str:
        return " in quotes"
    if isinstance(value, dict) and get_origin(kind) is tuple:
        return ": two brackets around the name"
    return ""


def _shown(value: Any, key: str) -> str:
    """What the person wrote, as TOML: short, and never a secret."""
    if value is ...:
        return "missing"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if _is_within(key, "kafka.client"):
        return "of another type"
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else f"{value[:57]}…", ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _figure(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _join(key: str, step: str) -> str:
    part = step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f'"{step}"'
    return f"{key}.{part}" if key else part


def _has(kind: Any, name: str) -> bool:
    return is_model(kind) and name in kind.model_fields


def _of_values(kind: Any) -> Any:
    """The type of a table's values; None where the table has no such key."""
    return get_args(kind)[1] if get_origin(kind) is dict else None


def _is_meant(kind: Any, value: Any) -> bool:
    """Whether a value of the wrong form looks as if it was meant to be of this type."""
    if isinstance(value, dict):
        return is_model(kind)
    return kind is float and isinstance(value, int | float) and not isinstance(value, bool)


def _names(step: str, kind: Any) -> bool:
    """Whether a step of pydantic's path stands for this type of a union."""
    return not step.startswith("literal[") and (kind.__name__ in step)
