"""Traces for OpenTelemetry, off by default: one for each epoch, with a span for every batch in every stage.

A trace shows what fills the time between two snapshots: which stage, one long batch or many short ones, how long the
snapshot took. Spans shorter than a millisecond are left out, and of the rest no more than a thousand an epoch are kept;
how many were left out stands in the trace. The library sends from a thread of its own; what can't be sent is lost.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from contracts.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SPANS_MAX", "SPAN_S_MIN", "Traces", "exporter_to", "tell_troubles"]

SPAN_S_MIN = 0.001
SPANS_MAX = 1_000
SEND_S = 5
"""For one attempt to send; the end of the process waits for no more than one."""

NS = 1_000_000_000


def exporter_to(endpoint: str) -> Any:
    """What sends spans there.

    Raises: ConfigError if the extra isn't installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError as error:
        problem = Problem(
            "service.traces_endpoint", "OpenTelemetry isn't installed.", 'Install it: pip install "andon[traces]".'
        )
        raise ConfigError("traces", (problem,)) from error
    return OTLPSpanExporter(endpoint=endpoint, timeout=SEND_S)


class Traces:
    """Spans of one process. Told of everything by `Happenings`, in the thread of the dataflow."""

    def __init__(self, exporter: Any, *, version: str, site: str, process: int) -> None:
        """Begin the first epoch's trace.

        Args:
            exporter: of OpenTelemetry; takes the spans that have ended.
            process: its number in its cluster.
        """
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - without traces nobody needs it
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        resource = Resource.create(
            {
                "service.name": "andon",
                "service.version": version,
                "service.namespace": site,
                "service.instance.id": str(process),
            }
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("andon", version)
        self._open()

    def took(self, name: str, seconds: float, **attributes: int) -> None:
        """Something that has just ended took so long."""
        if seconds < SPAN_S_MIN or self._kept >= SPANS_MAX:
            self._left_out += 1
            return
        self._kept += 1
        end = time.time_ns()
        span = self._tracer.start_span(
            name, context=self._context, start_time=end - int(seconds * NS), attributes=attributes
        )
        span.end(end)

    def epoch(self, seconds: float) -> None:
        """A lane's epoch has ended: the trace is whole with the first one of them, all lanes end theirs together."""
        if time.time_ns() - self._began > seconds * NS / 2:
            self._close()
            self._open()

    def close(self) -> None:
        """Send what is left, within some seconds."""
        self._close()
        self._provider.shutdown()

    def _open(self) -> None:
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        self._began = time.time_ns()
        self._kept = self._left_out = 0
        self._root = self._tracer.start_span("epoch", start_time=self._began)
        self._context = set_span_in_context(self._root)

    def _close(self) -> None:
        self._root.set_attributes({"andon.spans": self._kept, "andon.spans_left_out": self._left_out})
        self._root.end()


def tell_troubles(tell: Callable[[str], None]) -> None:
    """Let the library's own complaints go to our log instead of standing between its lines."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(record.getMessage())

    library = logging.getLogger("opentelemetry")
    library.addHandler(Handler(logging.WARNING))
    library.propagate = False
