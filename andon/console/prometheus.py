"""What Prometheus has kept of the service: figures from before this console, and of what is on no topic.

The server asks, with queries that are written here: a browser says neither what is asked nor where. Each answer is
bounded in time and in size; a Prometheus that is away is a line on the page, and nothing else changes.
"""

from __future__ import annotations

import math
import re
from string import Template
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import orjson

from dataflows.secrets import read_secret

if TYPE_CHECKING:
    from contracts.console import Console

__all__ = ["CHARTS", "PastFigures"]

ASK_S = 4.0
"""For each step of a request."""

ALL_S = 10.0
"""For all requests of a page together."""

ANSWER_BYTES_MAX = 4 * 1024 * 1024
POINTS_MAX = 300
STEP_S_MIN = 15
"""Nobody scrapes more often without a reason."""

RATE_S_MIN = 300
"""As in deploy/prometheus/recording.yml: an interval that holds several scrapes, however seldom they are."""


class Query(NamedTuple):
    """One chart. In `ask`, `$ours` selects our metrics, `$step` is the time of a point, and `$rate` one for rates."""

    title: str
    unit: str
    ask: str


CHARTS = {
    "system": (
        Query("To read, the most", "messages", "sum(max_over_time(andon_consumer_lag_rows$ours[$step]))"),
        Query("Taken", "readings/s", "sum(rate(andon_readings_total$ours[$rate]))"),
        Query(
            "Event to alert, 99 of 100 within",
            "s",
            "histogram_quantile(0.99, sum by (le) (rate(andon_event_to_alert_seconds_bucket$ours[$rate])))",
        ),
        Query("Processors in use", "", "sum(rate(process_cpu_seconds_total$ours[$rate]))"),
        Query("Memory", "MB", "sum(process_resident_memory_bytes$ours) / 1e6"),
        Query("Processes that are ready", "", "sum(andon_ready$ours)"),
    ),
    "report": (
        Query("Called somebody, the most", "in 10 min", "max(max_over_time(andon_alarms_per_10min$ours[$step]))"),
        Query("Active", "alarms", "sum(andon_alarms_active$ours)"),
    ),
}
"""By page."""


class PastFigures:
    """Asks a Prometheus.

    Raises: ConfigError if the file with the token can't be read.
    """

    def __init__(self, settings: Console) -> None:
        assert settings.prometheus_url is not None
        self._url = settings.prometheus_url.rstrip("/")
        job = re.sub(r'(["\\])', r"\\\1", settings.prometheus_job)
        self._ours = f'{{job="{job}"}}'
        self._headers = {}
        if settings.prometheus_token_file is not None:
            token = read_secret(settings.prometheus_token_file, key="console.prometheus_token_file")
            self._headers["authorization"] = f"Bearer {token}"
        self._address = re.sub(r"//[^/@]*@", "//", self._url)

    def __call__(self, page: str, from_ms: int, to_ms: int) -> dict[str, Any]:
        """The charts of a page from one time to another; or `fault`, a line for people, and none."""
        step_s = max(STEP_S_MIN, math.ceil((to_ms - from_ms) / 1000 / POINTS_MAX / STEP_S_MIN) * STEP_S_MIN)
        end_s = to_ms // 1000
        start_s = end_s - max(1, (to_ms - from_ms) // 1000 // step_s) * step_s
        words = {"ours": self._ours, "step": f"{step_s}s", "rate": f"{max(step_s, RATE_S_MIN)}s"}
        deadline_s = monotonic() + ALL_S
        charts = []
        try:
            # No proxy: it is a machine of the plant's network.
            with httpx.Client(timeout=ASK_S, trust_env=False, headers=self._headers) as client:
                for query in CHARTS[page]:
                    asked = {
                        "query": Template(query.ask).substitute(words),
                        "start": start_s,
                        "end": end_s,
                        "step": step_s,
                    }
                    points = self._points(client, asked, deadline_s)
                    charts.append({"title": query.title, "unit": query.unit, "trend": _trend(points, step_s)})
        except _NoAnswerError as error:
            return {"fault": str(error), "charts": []}
        return {"fault": "", "charts": charts}

    def _points(self, client: httpx.Client, asked: dict[str, Any], deadline_s: float) -> list[tuple[float, float]]:
        """(seconds, value) in order; empty where nothing is known.

        Raises: _NoAnswerError.
        """
        body = b""
        if monotonic() > deadline_s:
            raise _NoAnswerError(f"Prometheus at {self._address} takes more than {ALL_S:g} s.")
        try:
            with client.stream("GET", f"{self._url}/api/v1/query_range", params=asked) as answer:
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > ANSWER_BYTES_MAX or monotonic() > deadline_s:
                        raise _NoAnswerError(f"Prometheus at {self._address} says too much, or too slowly.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise _NoAnswerError(f"Prometheus at {self._address} doesn't answer ({why}).") from error
        try:
            document = orjson.loads(body)
            if document["status"] != "success":
                raise _NoAnswerError(f"Prometheus at {self._address} refuses: {str(document.get('error'))[:200]}")
            result = document["data"]["result"]
            return [(float(s), float(value)) for s, value in (result[0]["values"] if result else [])]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise _NoAnswerError(
                f"What answers at {self._address} isn't Prometheus (HTTP {answer.status_code})."
            ) from error


class _NoAnswerError(Exception):
    """A line for people."""


def _trend(points: list[tuple[float, float]], step_s: int) -> dict[str, Any]:
    """As the console's own trends are: a point a bucket, here of one value."""
    known = [(s, value) for s, value in points if math.isfinite(value)]
    values = [value for _, value in known]
    # A point is of the time before it; a chart draws it in the middle of its bucket.
    start = [round((s - step_s) * 1000) for s, _ in known]
    return {"step_ms": step_s * 1000, "start": start, "low": values, "high": values, "last": values}
