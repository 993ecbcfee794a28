"""Logs go to stderr: lines for people on a terminal, JSON for machines elsewhere. The names of events are stable."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["log_to"]


def log_to(stream: TextIO | None = None, *, process: int | None = None) -> None:
    """Send all logs of this process to a stream, stderr by default.

    Args:
        process: its number in its cluster, which every line then says.
    """
    always = {} if process is None else {"process": process}
    stream = stream or sys.stderr
    people = stream.isatty()
    structlog.configure(
        processors=[
            lambda _logger, _method, event: {**event, **always},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
