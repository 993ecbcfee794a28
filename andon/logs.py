"""Logs go to stderr: lines for people on a terminal, JSON for machines elsewhere. The names of events are stable."""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import TextIO

__all__ = ["RECENT_MAX", "log_to"]

RECENT_MAX = 50
"""Warnings and errors that are kept for whoever asks what happened lately."""

_KEPT = ("warning", "error", "critical")


def log_to(stream: TextIO | None = None, *, process: int | None = None) -> Callable[[], list[dict[str, Any]]]:
    """Send all logs of this process to a stream, stderr by default.

    Args:
        process: its number in its cluster, which every line then says.

    Returns: gives the newest warnings and errors, the oldest of them first.
    """
    recent: deque[dict[str, Any]] = deque(maxlen=RECENT_MAX)

    def keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event["level"] in _KEPT:
            recent.append(dict(event))
        return event

    always = {} if process is None else {"process": process}
    stream = stream or sys.stderr
    people = stream.isatty()
    structlog.configure(
        processors=[
            lambda _logger, _method, event: {**event, **always},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
            keep,
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    return lambda: list(recent)
