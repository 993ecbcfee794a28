"""Messages straight from librdkafka's queues, without a Python object for each: the direct lane.

confluent-kafka makes a `Message` of every message, which costs more than reading it. Its library librdkafka has a
public C API, and a Consumer stays in charge of everything else: settings, connections, statistics, errors, commits.
Only the queues of its partitions are taken away from it and read here:

    rd_kafka_queue_get_partition   the queue into which librdkafka puts what it has fetched of a partition
    rd_kafka_queue_forward(…, 0)   … which is no longer forwarded to the consumer's own; it stays so when the
                                   partitions are assigned anew
    rd_kafka_queue_poll            takes an event from it, a message or an error; librdkafka drops outdated ones

Its faster relative, rd_kafka_consume_batch_queue, calls the consumer's Python callbacks for some errors (that of a
topic that is gone). They find that nobody has asked the consumer for anything, and confluent-kafka ends the process.

The one thing that isn't public is where a Consumer keeps its handle: behind the head of the Python object, in all of
confluent-kafka 1 and 2. That is checked before anything is called, and whatever is not as expected means that messages
come as objects, as ever.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import confluent_kafka
import numpy as np

from dataflows.polls import MESSAGE, TAIL_BYTES, Poll

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.offsets import Partition

__all__ = ["Direct", "Note", "open_direct"]

MAJOR = 2
"""Of confluent-kafka: for another one, somebody must look again."""

POINTER_BYTES = 8

TEXT_BYTES_AT_FIRST = 1024 * 1024
TEXT_BYTES_KEPT_MAX = 8 * 1024 * 1024
"""More is let go of after its poll: twelve lanes shall not keep what each needed once."""


class Note(NamedTuple):
    """What a partition's queue held besides messages: its end, or an error."""

    error: confluent_kafka.KafkaError
    at: int
    """Index of the partition."""
    offset: int


class Direct:
    """The queues of a consumer's partitions. Must be closed before the consumer is."""

    def __init__(self, library: ctypes.CDLL, handle: int, partitions: Sequence[Partition]) -> None:
        from dataflows.scan import fetched  # noqa: PLC0415 - compiled only where the library is there

        self._library = library
        self._kernels = fetched
        self._sources = tuple((partition.topic, partition.number) for partition in partitions)
        self._queues: list[int] = []
        for topic, number in self._sources:
            queue = library.rd_kafka_queue_get_partition(handle, topic.encode(), number)
            library.rd_kafka_queue_forward(queue, None)
            self._queues.append(queue)
        self._first = 0
        self._held = np.zeros(2, np.int64)
        self._messages = np.zeros(0, MESSAGE)
        self._keys = np.zeros(0, np.int64)
        self._text = np.zeros(TEXT_BYTES_AT_FIRST, np.uint8)
        self._take_over(0, 0, 0, [])  # compiles, or loads what is compiled: nobody waits for it later

    def take(self, messages_max: int) -> tuple[Poll, list[Note]]:
        """What is there, at once. The poll is good until the next call.

        Partitions take turns at being first, so that a full one doesn't keep the others from being read.
        """
        if len(self._messages) != messages_max:
            self._messages = np.zeros(messages_max, MESSAGE)
            self._keys = np.zeros(messages_max, np.int64)
        if len(self._text) > TEXT_BYTES_KEPT_MAX:
            self._text = np.zeros(TEXT_BYTES_AT_FIRST, np.uint8)
        notes: list[Note] = []
        used = taken = 0
        for turn in range(len(self._queues)):
            at = (self._first + turn) % len(self._queues)
            used, taken = self._take_over(at, used, taken, notes)
        self._first = (self._first + 1) % max(1, len(self._queues))
        self._text[used : used + TAIL_BYTES] = 0
        return Poll(self._text, self._messages[:taken], self._sources, self._key), notes

    def close(self) -> None:
        """Let go of the queues. What they hold is librdkafka's."""
        queues, self._queues = self._queues, []
        for queue in queues:
            self._library.rd_kafka_queue_destroy(queue)

    def _take_over(self, at: int, used: int, taken: int, notes: list[Note]) -> tuple[int, int]:
        """Copy what was fetched of a partition; returns bytes of text and messages that are taken now."""
        held = self._held
        while True:
            used, taken = self._kernels.drain(
                self._queues[at] if self._queues else 0,
                held,
                at,
                self._text.ctypes.data,
                used,
                len(self._text) - TAIL_BYTES,
                self._messages,
                self._keys,
                taken,
            )
            if not held[0]:
                return used, taken
            if held[1]:
                self._make_room(used, self._kernels.bytes_of(held[1]))
                continue
            notes += self._notes(int(held[0]), at)
            held[0] = 0

    def _make_room(self, used: int, more: int) -> None:
        """Have place for more bytes of text behind those that are used."""
        text = np.zeros(max(used + more + TAIL_BYTES, 2 * len(self._text)), np.uint8)
        text[:used] = self._text[:used]
        self._text = text

    def _notes(self, event: int, at: int) -> list[Note]:
        """Make a note of an event that is no message, and give it back."""
        library = self._library
        notes: list[Note] = []
        if library.rd_kafka_event_type(event) == _ERROR:
            reason = (library.rd_kafka_event_error_string(event) or b"").decode(errors="replace")
            error = confluent_kafka.KafkaError(library.rd_kafka_event_error(event), reason)
            offset = 0
            if about := library.rd_kafka_event_topic_partition(event):
                offset = _TopicPartition.from_address(about).offset
                library.rd_kafka_topic_partition_destroy(about)
            notes.append(Note(error, at, offset))
        library.rd_kafka_event_destroy(event)
        return notes

    def _key(self, at: int) -> bytes | None:
        length = int(self._keys[at])
        if length < 0:
            return None
        start = int(self._messages["start"][at]) + max(0, int(self._messages["length"][at])) + 1
        return self._text[start : start + length].tobytes()


def open_direct(consumer: Any, partitions: Sequence[Partition]) -> Direct | str:
    """The direct lane of a consumer that has nothing assigned yet; or why it can't be.

    Nothing is read through a pointer before it is known to be one.
    """
    if not isinstance(consumer, confluent_kafka.Consumer):
        return "the consumer isn't confluent-kafka's"
    version = metadata.version("confluent-kafka")
    if int(version.split(".")[0]) != MAJOR:
        return f"confluent-kafka is {version}, known is {MAJOR}"
    if sys.byteorder != "little" or struct.calcsize("P") != POINTER_BYTES:
        return "the machine isn't a little-endian one of 64 bits"
    maps = _maps()
    library_path = next((mapped.path for mapped in maps if "librdkafka" in Path(mapped.path).name), None)
    if library_path is None:
        return "confluent-kafka carries no library of its own here"
    library = _library(library_path)
    if isinstance(library, str):
        return library
    handle = ctypes.c_void_p.from_address(id(consumer) + object.__basicsize__).value or 0
    if not any(mapped.start <= handle < mapped.end and mapped.writable for mapped in maps):
        return "the consumer's handle isn't where it was"
    name = library.rd_kafka_name(handle) or b""
    if b"#consumer-" not in name:
        return "the consumer's handle isn't what it was"
    return Direct(library, handle, partitions)


_ERROR = 8
"""RD_KAFKA_EVENT_ERROR"""


class _TopicPartition(ctypes.Structure):
    """How `rd_kafka_topic_partition_t` begins, as in its public header."""

    _fields_ = (("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64))


_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_queue_get_partition": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32]),
    "rd_kafka_queue_forward": (None, [ctypes.c_void_p, ctypes.c_void_p]),
    "rd_kafka_queue_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_queue_poll": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
    "rd_kafka_event_type": (ctypes.c_int, [ctypes.c_void_p]),
    "rd_kafka_event_message_next": (ctypes.c_void_p, [ctypes.c_void_p]),
    "rd_kafka_message_timestamp": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_void_p]),
    "rd_kafka_event_error": (ctypes.c_int, [ctypes.c_void_p]),
    "rd_kafka_event_error_string": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_event_topic_partition": (ctypes.c_void_p, [ctypes.c_void_p]),
    "rd_kafka_topic_partition_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_event_destroy": (None, [ctypes.c_void_p]),
}
"""Name, result and arguments."""


def _library(path: str) -> ctypes.CDLL | str:
    """The library that confluent-kafka uses, for us and for compiled code; or what it lacks."""
    import llvmlite.binding  # noqa: PLC0415 - loads LLVM

    try:
        library = ctypes.CDLL(path)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        llvmlite.binding.load_library_permanently(path)
    except (AttributeError, OSError, RuntimeError) as error:
        return f"librdkafka can't be called: {error}"
    return library


class _Mapped(NamedTuple):
    """A piece of this process's memory."""

    start: int
    end: int
    writable: bool
    path: str


def _maps() -> list[_Mapped]:
    """All of this process's memory; nothing where Linux doesn't tell."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    mapped: list[_Mapped] = []
    for line in lines:
        span, rights, _, _, _, *path = line.split(maxsplit=5)
        start, end = (int(side, 16) for side in span.split("-"))
        mapped.append(_Mapped(start, end, "w" in rights, path[0] if path else ""))
    return mapped
