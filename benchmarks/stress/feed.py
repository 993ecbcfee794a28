"""Loads: readings at a pace, from a process of its own, so that whoever measures isn't held up by them."""

from __future__ import annotations

import itertools
import multiprocessing
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from confluent_kafka import Producer

__all__ = ["MIXES", "PARTITIONS", "Load", "feeding", "publish", "publish_at_once"]

PARTITIONS = 8
START_S = 120.0
FLUSH_S = 300.0
SLICE_S = 0.05
SENSORS = 10

Load: TypeAlias = Iterator[tuple[bytes, bytes, int]]
"""Key, value and partition of one message after the other, without an end; their time is that of the call."""


def plant(assets: int = 100) -> Load:
    """Assets with ten sensors each, one after the other."""
    names = [(f"press-{asset:05d}".encode(), sensor) for asset in range(assets) for sensor in range(SENSORS)]
    for key, sensor in itertools.cycle(names):
        yield _reading(key, sensor, 20)


def hot_asset() -> Load:
    """Nine of ten readings are of one asset."""
    others = plant()
    for number in itertools.count():
        yield _reading(b"hot", number % SENSORS, 20) if number % 10 else next(others)


def many_series() -> Load:
    """100,000 series."""
    return plant(10_000)


def new_series() -> Load:
    """Of every ten readings one is of a series that was never seen before."""
    others = plant()
    for number in itertools.count():
        yield _reading(b"new-%d" % (number // 100), number // 10 % 10, 20) if number % 10 == 0 else next(others)


def hopping_asset() -> Load:
    """Of every hundred readings one is of an asset whose messages come on all partitions in turn."""
    others = plant()
    for number in itertools.count():
        if number % 100:
            yield next(others)
        else:
            key, value, _ = _reading(b"hopping", 0, 20)
            yield key, value, number // 100 % PARTITIONS


MIXES: dict[str, Callable[[], Load]] = {
    mix.__name__: mix for mix in (plant, hot_asset, many_series, new_series, hopping_asset)
}


def _reading(key: bytes, sensor: int, value: int) -> tuple[bytes, bytes, int]:
    # A series may come twice in a millisecond when it is fast: microseconds in the value keep the messages apart, and
    # the duplicate times are counted as such, which costs what a reading costs.
    ns = time.time_ns()
    body = b'{"asset":"%s","sensor":"s%d","ts":%d,"value":%d.%06d,"unit":"degC"}'
    return key, body % (key, sensor, ns // 1_000_000, value, ns // 1_000 % 1_000_000), zlib.crc32(key) % PARTITIONS


def publish(bootstrap: str, topic: str, mix: str, *, count: int) -> None:
    """Send so many messages as fast as it goes, and wait until all have arrived."""
    producer = _producer(bootstrap)
    for key, value, partition in itertools.islice(MIXES[mix](), count):
        _produce(producer, topic, key, value, partition)
    if producer.flush(FLUSH_S):
        raise RuntimeError("the load didn't arrive")


def publish_at_once(bootstrap: str, topic: str, mix: str, *, count: int) -> float:
    """Let so many messages become readable at one moment, which no producer is quick enough for.

    In one transaction: until its end nobody who reads committed messages, as andon does, sees any of them, and nothing
    that was sent to these partitions after the first of them.

    Returns: how long the broker took to end it, in seconds.
    """
    transactional: dict[str, str | int] = {"transactional.id": topic, "transaction.timeout.ms": round(1000 * FLUSH_S)}
    producer = _producer(bootstrap, **transactional)
    producer.init_transactions(FLUSH_S)
    producer.begin_transaction()
    for key, value, partition in itertools.islice(MIXES[mix](), count):
        _produce(producer, topic, key, value, partition)
    if producer.flush(FLUSH_S):
        raise RuntimeError("the load didn't arrive")
    began = time.monotonic()
    producer.commit_transaction(FLUSH_S)
    return time.monotonic() - began


@contextmanager
def feeding(bootstrap: str, topic: str, mix: str, *, rate: float) -> Iterator[None]:
    """Send at a pace (messages a second), from before the block is entered until it is left."""
    context = multiprocessing.get_context("spawn")
    begun, over = context.Event(), context.Event()
    process = context.Process(target=_feed, args=(bootstrap, topic, mix, rate, begun, over), daemon=True)
    process.start()
    try:
        if not begun.wait(START_S):
            raise RuntimeError("the load didn't begin")
        yield
    finally:
        over.set()
        process.join(60)
        process.kill()


def _feed(
    bootstrap: str,
    topic: str,
    mix: str,
    rate: float,
    begun: multiprocessing.synchronize.Event,
    over: multiprocessing.synchronize.Event,
) -> None:
    producer = _producer(bootstrap)
    load = MIXES[mix]()
    begun.set()
    began, sent = time.monotonic(), 0
    parent = multiprocessing.parent_process()
    while not over.wait(SLICE_S) and parent is not None and parent.is_alive():
        due = int((time.monotonic() - began) * rate)
        for key, value, partition in itertools.islice(load, min(due - sent, int(rate))):
            _produce(producer, topic, key, value, partition)
        sent = due  # what this machine couldn't send in a second is left out: a load has a pace, not a debt
        producer.poll(0)
    producer.flush(60)


def _producer(bootstrap: str, **more: str | int) -> Producer:
    return Producer(
        {
            **more,
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 2_000_000,
        }
    )


def _produce(producer: Producer, topic: str, key: bytes, value: bytes, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(0.1)
        else:
            return
