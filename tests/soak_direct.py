"""`make soak-direct`: the direct lane as long as one likes, on what is nastiest, while its memory is watched.

Readers begin, are set back in the middle of what librdkafka has fetched, read to the end, close, over and over. Each
must bring every message of each partition once between two settings back, in order. Memory must not grow. The same run,
short, is for valgrind:

    PYTHONMALLOC=malloc NUMBA_CPU_NAME=x86-64 valgrind --error-limit=no python -m tests.soak_direct --messages 20000
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import click
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from contracts.settings import Kafka, Settings
from dataflows.decode import Decoder
from dataflows.happenings import Happenings
from dataflows.offsets import Partition, Start
from dataflows.reader import Reader
from deploy.kafka.local import LocalKafka
from tests.nasty import MESSAGES

__all__ = ["Soak", "main"]

PARTITIONS = 3
NASTY_BYTES_MAX = 900_000
POLL_MESSAGES_MAX = 700
WAIT_S = 60.0
GROWTH_MB_MAX = 40
"""After the first tenth: buffers and the arenas of malloc come and go by that much."""


class Soak:
    """Reads one topic again and again by the direct lane.

    Args:
        copies: how often all nasty messages are on the topic.
    """

    def __init__(self, bootstrap: str, *, copies: int) -> None:
        self._topic = f"soak-{uuid4().hex[:8]}"
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic(self._topic, PARTITIONS, config={"retention.ms": "-1"})])[self._topic].result(30)
        producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
        sent = [nasty for nasty in MESSAGES if len(nasty.value or b"") < NASTY_BYTES_MAX] * copies
        for at, nasty in enumerate(sent):
            key = None if at % 3 == 0 else nasty.key
            producer.produce(self._topic, nasty.value, key, partition=at % PARTITIONS)
            producer.poll(0)
        if left := producer.flush(WAIT_S):
            raise RuntimeError(f"{left} messages were not delivered to {bootstrap}")
        self._settings = Settings(kafka=Kafka(bootstrap_servers=bootstrap, readings=[self._topic]))
        self.messages = 0
        self.readers = 0

    def read(self) -> None:
        """One reader: to the middle, back to the beginning, to the end.

        Raises: AssertionError if a message is missing, comes twice or out of order; TimeoutError if none comes.
        """
        reader = Reader(
            self._settings,
            [Partition(self._topic, number) for number in range(PARTITIONS)],
            saved=None,
            start=Start("earliest", "stop"),
            happenings=Happenings(),
            direct=True,
        )
        assert reader._direct is not None, "the direct lane can't be had here"
        decoder = Decoder(self._settings, lane=0, happenings=Happenings())
        ends = sum(reader.ends_at_start.values())
        self._read_on(reader, decoder, ends // 2)
        reader._positions[:] = 0
        reader._assign()
        self._read_on(reader, decoder, ends)
        assert reader.reached(reader.ends_at_start)
        reader.commit(reader.saved_positions())
        reader.close()
        self.readers += 1

    def _read_on(self, reader: Reader, decoder: Decoder, count: int) -> None:
        expected = [0] * PARTITIONS
        until = time.monotonic() + WAIT_S
        while count > 0:
            poll = reader.take(POLL_MESSAGES_MAX)
            if not len(poll.messages):
                if time.monotonic() > until:
                    raise TimeoutError(f"{count} messages didn't come")
                time.sleep(0.001)
                continue
            for partition, offset in zip(poll.messages["partition"], poll.messages["offset"], strict=True):
                assert offset == expected[partition], f"partition {partition}: {offset} for {expected[partition]}"
                expected[partition] += 1
            decoder.decode(poll)
            count -= len(poll.messages)
            self.messages += len(poll.messages)


def memory_mb() -> float:
    """What the process has of the machine's memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


@click.command(help=__doc__)
@click.option("--messages", default=10_000_000, show_default=True)
@click.option("--copies", default=100, show_default=True, help="How often all nasty messages are on the topic.")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="A broker; by default one is started.")
def main(messages: int, copies: int, bootstrap: str | None) -> None:
    """Read, print the memory ten times, and fail if it has grown."""
    with ExitStack() as stack:
        if bootstrap is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-soak-")))
            bootstrap = stack.enter_context(LocalKafka(folder / "kafka")).bootstrap
        soak = Soak(bootstrap, copies=copies)
        began = time.monotonic()
        told: list[float] = []
        while soak.messages < messages:
            soak.read()
            if soak.messages >= messages * (len(told) + 1) / 10:
                told.append(memory_mb())
                took_s = time.monotonic() - began
                click.echo(f"{soak.messages:,} messages, {soak.readers} readers, {told[-1]:.0f} MB, {took_s:.0f} s")
    if told[-1] > told[0] + GROWTH_MB_MAX:
        sys.exit(f"memory grew from {told[0]:.0f} to {told[-1]:.0f} MB")


if __name__ == "__main__":
    main()
