"""The page of log events, read off the sources: every name that is logged, how serious it is, what is said with it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from andon.reference.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LogEvent", "log_events", "log_events_page"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("andon", "console", "dataflows", "gateways")
LEVELS = ("info", "warning", "error")

_INTRODUCTION = """\
Logs go to standard error: one JSON object a line, or coloured lines on a terminal. `event` is one of the names below,
which don't change without a line in the change log: search for them, not for words beside them. Beside what the table
lists every line has `level` and `timestamp` (UTC), in a cluster the number of its `process`.

| level | means |
| --- | --- |
| `info` | something begins or ends |
| `warning` | odd, and nothing is lost |
| `error` | something is lost, or a person must act |

What happens again and again is logged once and counted each time ([metrics](metrics.md)). Nothing is logged for each
reading. The newest fifty warnings and errors are on `/status`, and in what `andon doctor` collects.
"""

_ELSEWHERE = {
    "started": "The process begins: with which version, settings and site.",
    "stopped": "It ended in order, with an account of what it did; or was told to before it began.",
    "metrics served": "Where metrics and health can be asked for.",
    "kernels loading": "The compiled numeric code is loaded; a fresh installation compiles it now.",
    "cluster forming": "It waits for the other processes.",
    "caught up": "`andon notify` has read what stands.",
    "records unreadable": "Records on the alarm-state topic can't be understood: written by another version?",
    "alertmanager informed": "An Alertmanager answers (again).",
    "alertmanager refused alerts": "It doesn't take what it is told, and says why.",
    "alertmanager doesn't say what fires": "What fires there isn't known: old alerts end late.",
    "alertmanager away": "It doesn't answer; it is tried again.",
    "alarm states not compared": "Some of what stands couldn't be compared with what is known here.",
    "console failed": "The console couldn't go on, and ends.",
    "clock differs": "A device's clock is far from ours.",
    "device away": "A device doesn't answer, or no longer.",
    "device quarantined": "What a device says makes no sense: it isn't asked for a while.",
    "kafka doesn't take messages": "Messages wait on the gateway's disk.",
    "values lost by the device": "Values were lost before they came here.",
}
"""Meanings of what isn't told by a method of its own."""


class LogEvent(NamedTuple):
    """One place where something is logged."""

    name: str
    level: str
    fields: tuple[str, ...]
    meaning: str


def log_events() -> list[LogEvent]:
    """All of them, by name."""
    found: dict[tuple[str, str], LogEvent] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for event in _of(ast.parse(path.read_text(encoding="utf-8"))):
                known = found.get((event.name, event.level))
                fields = tuple(dict.fromkeys([*(known.fields if known else ()), *event.fields]))
                found[event.name, event.level] = event._replace(fields=fields)
    return [found[key] for key in sorted(found)]


def log_events_page() -> Iterator[str]:
    """The lines of the page."""
    yield from _INTRODUCTION.splitlines()
    yield ""
    rows = (
        (f"`{event.name}`", event.level, event.meaning, ", ".join(f"`{field}`" for field in event.fields))
        for event in log_events()
    )
    yield from table(("event", "level", "meaning", "with"), rows)


def _of(module: ast.Module) -> Iterator[LogEvent]:
    """What is logged in one module."""
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and (level := _level(call.func)):
                (name,) = call.args
                assert isinstance(name, ast.Constant), f"line {call.lineno}: the name of an event is written out"
                assert isinstance(name.value, str), f"line {call.lineno}: the name of an event is a text"
                meaning = _ELSEWHERE.get(name.value) or (ast.get_docstring(function) or "").split("\n\n")[0]
                fields = tuple(keyword.arg for keyword in call.keywords if keyword.arg)
                yield LogEvent(name.value, level, fields, " ".join(meaning.split()))


def _level(called: ast.expr) -> str | None:
    """Which level a call logs at, if it logs."""
    if not isinstance(called, ast.Attribute) or called.attr not in LEVELS:
        return None
    owner = called.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return called.attr if name in {"log", "_log"} else None
