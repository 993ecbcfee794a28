"""What librdkafka's statistics say: does the broker answer, and where do the partitions end.

They are the only sign of a broker that hangs: no error comes, and no message either.

A report is about the moment at which it was written, not about that at which it is read: on a machine without time to
spare it has waited for 20 s. And it repeats what brokers last said, which may have been a while before.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dataflows.offsets import Partition

__all__ = ["INTERVAL_MS", "Broker", "Statistics", "read_statistics"]

INTERVAL_MS = 500
"""How often librdkafka tells."""

IDLE_US_MAX = 2_000_000
"""An answering broker says something at least every `fetch.wait.max.ms`."""

_UP = frozenset({"UP", "UPDATE"})


class Broker(Enum):
    """How the leaders of some partitions behave."""

    ANSWERS = "answers"
    IDLE = "idle"  # connected, and nothing was asked of it for a while: the reader is behind, not the broker
    AWAY = "away"


class Statistics(NamedTuple):
    """What one report of librdkafka says of the partitions that are read."""

    broker: Broker
    """The worst of the leaders."""
    ends: dict[Partition, int]
    """The offset after the last message that can be read; not of partitions that no answer came for yet."""
    told_ms: int
    """When the brokers last spoke (ms since the epoch): what came to them later may lie behind the ends."""
    counts: dict[str, int]
    """How many partitions each topic has."""


def read_statistics(report: str | bytes, partitions: Iterable[Partition]) -> Statistics:
    """Read librdkafka's JSON.

    Args:
        report: what the statistics callback got.
        partitions: those that are read; all others are looked past.
    """
    document: dict[str, Any] = orjson.loads(report)
    topics = document.get("topics", {})
    leaders: set[int] = set()
    ends: dict[Partition, int] = {}
    counts: dict[str, int] = {}
    for partition in partitions:
        known = topics.get(partition.topic, {}).get("partitions", {})
        part = known.get(str(partition.number), {})
        leaders.add(part.get("leader", -1))
        stable = part.get("ls_offset", -1)  # below hi_offset while a transaction is open
        end = stable if stable >= 0 else part.get("hi_offset", -1)
        if end >= 0:
            ends[partition] = end
        counts[partition.topic] = sum(number != "-1" for number in known)
    by_node = {broker.get("nodeid", -1): broker for broker in document.get("brokers", {}).values()}
    seen = {_judge(by_node.get(leader)) if leader >= 0 else Broker.AWAY for leader in leaders}
    worst = next((broker for broker in (Broker.AWAY, Broker.IDLE) if broker in seen), Broker.ANSWERS)
    silent_us = max((by_node[leader].get("rxidle", 0) for leader in leaders if leader in by_node), default=0)
    told_ms = 1000 * document.get("time", 0) - max(0, silent_us) // 1000  # whole seconds are given, rounded down
    return Statistics(worst, ends, told_ms, counts)


def _judge(broker: dict[str, Any] | None) -> Broker:
    if broker is None or broker.get("state") not in _UP:
        return Broker.AWAY
    if broker.get("rxidle", -1) < IDLE_US_MAX:
        return Broker.ANSWERS
    return Broker.AWAY if broker.get("waitresp_cnt", 0) else Broker.IDLE
