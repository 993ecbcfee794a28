"""Takes messages over from a queue of librdkafka: copies them into one piece of text, and gives their memory back.

Messages are asked for as *events*, one at a time: librdkafka's other ways call the consumer's Python callbacks from
inside (for a topic that is gone, say), where confluent-kafka doesn't expect it and ends the process.

Reads `rd_kafka_message_t` of librdkafka's public C API, which has kept its layout since version 0.9:

    0 error (i32) · 8 topic · 16 partition (i32) · 24 value · 32 its length · 40 key · 48 its length · 56 offset (i64)

The functions of librdkafka that are called here are found by name: whoever calls a kernel of this module has loaded the
library before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from contracts.readings import Rows
from dataflows.scan.memory import as_signed, copy_bytes, put_nul, word_at
from detectors.compiled import compiled, inlined

__all__ = ["bytes_of", "drain"]


def _function(name: str, result: Any, *arguments: Any) -> Any:
    return types.ExternalFunction(name, result(*arguments))


_next_event = _function("rd_kafka_queue_poll", types.intp, types.intp, types.int32)
_kind_of = _function("rd_kafka_event_type", types.int32, types.intp)
_message_of = _function("rd_kafka_event_message_next", types.intp, types.intp)
_timestamp_of = _function("rd_kafka_message_timestamp", types.int64, types.intp, types.intp)
_give_back = _function("rd_kafka_event_destroy", types.void, types.intp)

_FETCHED = 2
"""RD_KAFKA_EVENT_FETCH: the event of a message."""

_ABSENT = -1
_VALUE, _KEY = 24, 40
"""Where the address of each stands; its length stands behind it."""


@compiled
def drain(
    queue: int,
    held: Rows,
    partition: int,
    text: int,
    used: int,
    room: int,
    messages: Rows,
    keys: Rows,
    taken: int,
) -> tuple[int, int]:
    """Copy what is in a partition's queue and give it back to librdkafka, until something needs the caller.

    Args:
        queue: address of an `rd_kafka_queue_t`.
        held: addresses of an event that was taken from the queue and not given back yet, and of its message; 0: none.
            Left so, it needs the caller: an event without a message, or one whose message needs more room.
        partition: index into the poll's sources.
        text: address of the text, of which `used` bytes are taken, of the `room` that messages may take.
        messages: dtype MESSAGE, of which the first `taken` are filled.
        keys: the length of each message's key, -1 where there is none; the key stands behind the NUL of the value.

    Returns: bytes of the text, and messages, that are taken now.
    """
    while taken < len(messages):
        if held[0] == 0:
            held[0] = _next_event(queue, np.int32(0))
            if held[0] == 0:
                break
            if _kind_of(held[0]) == _FETCHED:
                held[1] = _message_of(held[0])
        address = held[1]
        if address == 0:
            break
        value, key = as_signed(word_at(address + _VALUE)), as_signed(word_at(address + _KEY))
        length, key_length = _length(address, _VALUE), _length(address, _KEY)
        if used + length + 1 + key_length > room:
            break
        copy_bytes(text + used, value, length)
        put_nul(text + used + length)
        copy_bytes(text + used + length + 1, key, key_length)
        message = messages[taken]
        message.start = used
        message.length = length if value != 0 else _ABSENT
        message.stamp_ms = _timestamp_of(address, 0)
        message.offset = as_signed(word_at(address + 56))
        message.partition = partition
        keys[taken] = key_length if key != 0 else _ABSENT
        used += length + 1 + key_length
        taken += 1
        _give_back(held[0])
        held[:] = 0
    return used, taken


@compiled
def bytes_of(message: int) -> int:
    """How many bytes of text a message takes."""
    return _length(message, _VALUE) + 1 + _length(message, _KEY)


@inlined
def _length(address: int, field: int) -> int:
    """Of the value or the key: 0 where there is none."""
    if word_at(address + field) == np.uint64(0):
        return 0
    length: int = as_signed(word_at(address + field + 8))
    return length
