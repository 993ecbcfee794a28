"""Publish a recording as readings on Kafka, paced by its event times: a plant's messages, from a file."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from andon.publisher import Publisher
from contracts.limits import MESSAGE_VALUES_MAX
from contracts.readings import Quality
from dataflows.kafka_client import wait_for_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from contracts.readings import Rows
    from contracts.settings import Settings
    from dataflows.chunks import Names, Recording
    from dataflows.playback import Pace

__all__ = ["messages_of", "publish"]

IDLE_S = 0.005


def publish(
    recording: Recording,
    settings: Settings,
    *,
    pace: Pace,
    stop: Event,
    on_reject: Callable[[Any], None],
    on_progress: Callable[[int, int], None],
) -> int:
    """Send every reading to `kafka.own`; returns the messages that the brokers confirmed.

    Readings of one line travel in one message, as a device would send them, with the asset as the key.

    Args:
        recording: what is sent.
        settings: of Kafka; `delivery_wait_s` bounds every wait.
        pace: when readings are due.
        stop: ends it early when it is set; what was sent until then is still confirmed.
        on_reject: called with each line, or value of it, that isn't sent.
        on_progress: called with the readings sent so far and the newest event time (ms).

    Raises:
        SourceError: no broker answers, or it has no such topic.
        SinkError: a message wasn't delivered, or no topic takes readings.
    """
    topic = settings.kafka.own
    hint = "Create it: andon topics create."
    wait_for_topics(settings.kafka, [topic], wait_s=settings.service.broker_wait_s, stop=stop, hint=hint)
    publisher = Publisher(settings)
    sent = 0
    for chunk in recording.chunks():
        rows = chunk.rows
        while len(rows) and not stop.is_set():
            due = pace.due(rows["ts"])
            if not due:
                publisher.serve()
                time.sleep(IDLE_S)
                continue
            for key, value in messages_of(rows[:due], recording.names):
                publisher.send(topic, key, value)
            sent += due
            on_progress(sent, int(rows["ts"][due - 1]))
            rows = rows[due:]
        for reject in chunk.rejects:
            on_reject(reject)
        if stop.is_set():
            break
    publisher.settle()
    return publisher.confirmed


def messages_of(rows: Rows, names: Names) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of the messages that say these readings, in their order.

    Args:
        rows: dtype CHUNK; consecutive ones of one line and one asset go together.
        names: of their series.
    """
    assets, sensors = zip(*names.pairs, strict=True) if names.pairs else ((), ())
    lines, ts, values = rows["line"].tolist(), rows["ts"].tolist(), rows["value"].tolist()
    series, qualities = rows["name"].tolist(), rows["quality"].tolist()
    starts = [
        row
        for row in range(len(rows))
        if not row or lines[row] != lines[row - 1] or assets[series[row]] != assets[series[row - 1]]
    ]
    for start, end in pairwise([*starts, len(rows)]):
        asset = assets[series[start]]
        for first in range(start, end, MESSAGE_VALUES_MAX):
            last = min(end, first + MESSAGE_VALUES_MAX)
            message: dict[str, Any] = {"asset": asset, "ts": ts[first]}
            if last - first == 1:
                message |= {"sensor": sensors[series[first]], "value": values[first]}
            else:
                message["values"] = {sensors[series[row]]: values[row] for row in range(first, last)}
            if qualities[first] != Quality.GOOD:
                message["quality"] = Quality(qualities[first]).name.lower()
            yield asset.encode(), orjson.dumps(message)
