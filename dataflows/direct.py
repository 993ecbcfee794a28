"""Messages straight from librdkafka's queues, without a Python object for each: the direct lane.

confluent-kafka makes a `Message` of every message, which costs more than reading it. Its library librdkafka has a
public C API, and a Consumer stays in charge of everything else: settings, connections, statistics, errors, commits.
Only the queues of its partitions are taken away from it and read here:

    rd_kafka_queue_get_partition   the queue into which librdkafka puts what it has fetched of a partition
    rd_kafka_queue_forward(…, 0)   … which is no longer forwarded to the consumer's own; it stays so when the
                                   partitions are assigned anew
    rd_kafka_consume_batch_queue   takes many messages from it at once, and the ends of partitions; librdkafka drops
                                   outdated ones
    rd_kafka_conf_set_error_cb     sends faults here instead of to the consumer's own callback

The last one, because some faults of a partition (that of a topic that is gone) are told from inside of the one before.
confluent-kafka's callback would find there that nobody has asked the consumer for anything, and end the process. Taking
events one at a time (rd_kafka_queue_poll) needs no callback and two and a half times as long: it looks at the clock for
each message.

Two things aren't public: where a Consumer keeps its handle, behind the head of the Python object in all of
confluent-kafka 1 and 2; and that the callback of a client that runs can be changed. Both are checked before anything
is taken away, and whatever is not as expected means that messages come as objects, as ever.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakValueDictionary

import confluent_kafka
import numpy as np

from dataflows.polls import MESSAGE, TAIL_BYTES, Poll

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dataflows.offsets import Partition

__all__ = ["Direct", "Note", "open_direct"]

MAJOR = 2
"""Of confluent-kafka: for another one, somebody must look again."""

POINTER_BYTES = 8

TEXT_BYTES_AT_FIRST = 1024 * 1024
TEXT_BYTES_KEPT_MAX = 8 * 1024 * 1024
"""More is let go of after its poll: twelve lanes shall not keep what each needed once."""


FETCHED_MAX = 1_000
"""Messages that are taken from librdkafka at once."""


class Note(NamedTuple):
    """What a partition's queue held besides messages: its end, or an error."""

    error: confluent_kafka.KafkaError
    at: int
    """Index of the partition."""
    offset: int


class Direct:
    """The queues of a consumer's partitions. Must be closed before the consumer is.

    Args:
        on_error: is told of faults that aren't of a partition, from inside of the consumer's own polls.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        handle: int,
        partitions: Sequence[Partition],
        on_error: Callable[[confluent_kafka.KafkaError], None],
    ) -> None:
        from dataflows.scan import fetched  # noqa: PLC0415 - compiled only where the library is there

        self._library = library
        self._kernels = fetched
        self._on_error = on_error
        self._sources = tuple((partition.topic, partition.number) for partition in partitions)
        self._queues: list[int] = []
        for topic, number in self._sources:
            queue = library.rd_kafka_queue_get_partition(handle, topic.encode(), number)
            library.rd_kafka_queue_forward(queue, None)
            self._queues.append(queue)
        self._first = 0
        self._drained: int | None = None
        self._notes: list[Note] = []
        self._held = np.zeros(2, np.int64)
        self._fetched = np.zeros(FETCHED_MAX, np.int64)
        self._messages = np.zeros(0, MESSAGE)
        self._keys = np.zeros(0, np.int64)
        self._text = np.zeros(TEXT_BYTES_AT_FIRST, np.uint8)
        self._take_over(0, 0, 0)  # compiles, or loads what is compiled: nobody waits for it later

    def take(self, messages_max: int) -> tuple[Poll, list[Note]]:
        """What is there, at once. The poll is good until the next call.

        Partitions take turns at being first, so that a full one doesn't keep the others from being read.
        """
        if len(self._messages) != messages_max:
            self._messages = np.zeros(messages_max, MESSAGE)
            self._keys = np.zeros(messages_max, np.int64)
        if len(self._text) > TEXT_BYTES_KEPT_MAX:
            self._text = np.zeros(TEXT_BYTES_AT_FIRST, np.uint8)
        used = taken = 0
        for turn in range(len(self._queues)):
            at = self._drained = (self._first + turn) % len(self._queues)
            used, taken = self._take_over(at, used, taken)
        self._drained = None
        self._first = (self._first + 1) % max(1, len(self._queues))
        self._text[used : used + TAIL_BYTES] = 0
        notes, self._notes = self._notes, []
        return Poll(self._text, self._messages[:taken], self._sources, self._key), notes

    def told(self, error: confluent_kafka.KafkaError) -> None:
        """librdkafka tells of a fault: of the partition that it is asked for just now, or of none."""
        if self._drained is None:
            self._on_error(error)
        else:
            self._notes.append(Note(error, self._drained, 0))

    def close(self) -> None:
        """Let go of the queues. What they hold is librdkafka's."""
        queues, self._queues = self._queues, []
        for queue in queues:
            self._library.rd_kafka_queue_destroy(queue)

    def _take_over(self, at: int, used: int, taken: int) -> tuple[int, int]:
        """Copy what was fetched of a partition; returns bytes of text and messages that are taken now."""
        kernels, held = self._kernels, self._held
        while True:
            used, taken = kernels.drain(
                self._queues[at] if self._queues else 0,
                self._fetched,
                held,
                at,
                self._text.ctypes.data,
                used,
                len(self._text) - TAIL_BYTES,
                self._messages,
                self._keys,
                taken,
            )
            if held[kernels.NEXT] == held[kernels.COUNT]:
                return used, taken
            message = int(self._fetched[held[kernels.NEXT]])
            if kernels.is_error(message):
                self._notes.append(self._note(message, at))
                held[kernels.NEXT] += 1
            else:
                self._make_room(used, kernels.bytes_of(message))

    def _make_room(self, used: int, more: int) -> None:
        """Have place for more bytes of text behind those that are used."""
        text = np.zeros(max(used + more + TAIL_BYTES, 2 * len(self._text)), np.uint8)
        text[:used] = self._text[:used]
        self._text = text

    def _note(self, message: int, at: int) -> Note:
        """Make a note of what is no message, and give it back."""
        head = _MessageHead.from_address(message)
        reason = (self._library.rd_kafka_message_errstr(message) or b"").decode(errors="replace")
        note = Note(confluent_kafka.KafkaError(head.error, reason), at, head.offset)
        self._library.rd_kafka_message_destroy(message)
        return note

    def _key(self, at: int) -> bytes | None:
        length = int(self._keys[at])
        if length < 0:
            return None
        start = int(self._messages["start"][at]) + max(0, int(self._messages["length"][at])) + 1
        return self._text[start : start + length].tobytes()


def open_direct(
    consumer: Any, partitions: Sequence[Partition], on_error: Callable[[confluent_kafka.KafkaError], None]
) -> Direct | str:
    """The direct lane of a consumer that has nothing assigned yet; or why it can't be.

    Nothing is read through a pointer before it is known to be one.

    Args:
        on_error: takes the place of the consumer's `error_cb`.
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
    if not _listen(library, handle):
        return "faults of the consumer can't be listened to"
    direct = _LISTENING[handle] = Direct(library, handle, partitions, on_error)
    return direct


_ErrorCallback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)

_LISTENING: WeakValueDictionary[int, Direct] = WeakValueDictionary()
"""Who hears of faults, by the handle of the consumer."""


@_ErrorCallback
def _heard(handle: int, code: int, reason: bytes | None, _opaque: int | None) -> None:
    """librdkafka's error callback, of all consumers that are read directly: it outlives each of them."""
    direct = _LISTENING.get(handle)
    if direct is not None:
        text = (reason or b"").decode(errors="replace")
        direct.told(confluent_kafka.KafkaError(code, text, fatal=code == _FATAL))


def _listen(library: ctypes.CDLL, handle: int) -> bool:
    """Have the faults of a consumer told to `_heard`; False if they aren't."""
    configuration = library.rd_kafka_conf(handle)
    library.rd_kafka_conf_set_error_cb(configuration, _heard)
    said = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(said))
    found = library.rd_kafka_conf_get(configuration, b"error_cb", said, ctypes.byref(size))
    ours = ctypes.cast(_heard, ctypes.c_void_p).value or 0
    return found == _CONF_OK and int(said.value, 16) == ours


_CONF_OK = 0
"""RD_KAFKA_CONF_OK"""

_FATAL = -150
"""RD_KAFKA_RESP_ERR__FATAL"""


class _MessageHead(ctypes.Structure):
    """The public `rd_kafka_message_t`, as far as an error needs it."""

    _fields_ = (
        ("error", ctypes.c_int),
        ("topic", ctypes.c_void_p),
        ("partition", ctypes.c_int32),
        ("value", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("key", ctypes.c_void_p),
        ("key_length", ctypes.c_size_t),
        ("offset", ctypes.c_int64),
    )


_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_conf": (ctypes.c_void_p, [ctypes.c_void_p]),
    "rd_kafka_conf_get": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]),
    "rd_kafka_conf_set_error_cb": (None, [ctypes.c_void_p, _ErrorCallback]),
    "rd_kafka_queue_get_partition": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32]),
    "rd_kafka_queue_forward": (None, [ctypes.c_void_p, ctypes.c_void_p]),
    "rd_kafka_queue_destroy": (None, [ctypes.c_void_p]),
    "rd_kafka_consume_batch_queue": (
        ctypes.c_ssize_t,
        [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t],
    ),
    "rd_kafka_message_timestamp": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_void_p]),
    "rd_kafka_message_errstr": (ctypes.c_char_p, [ctypes.c_void_p]),
    "rd_kafka_message_destroy": (None, [ctypes.c_void_p]),
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
