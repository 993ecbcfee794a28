"""Takes messages over from a queue of librdkafka: copies them into one piece of text, and gives their memory back.

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

__all__ = ["COUNT", "NEXT", "bytes_of", "drain", "is_error"]


def _function(name: str, result: Any, *arguments: Any) -> Any:
    return types.ExternalFunction(name, result(*arguments))


_fetch = _function("rd_kafka_consume_batch_queue", types.intp, types.intp, types.int32, types.intp, types.uint64)
_timestamp_of = _function("rd_kafka_message_timestamp", types.int64, types.intp, types.intp)
_give_back = _function("rd_kafka_message_destroy", types.void, types.intp)

_ABSENT = -1
_VALUE, _KEY, _OFFSET = 24, 40, 56
"""Where each stands: of the first two an address, and behind it a length."""
_ERROR_BITS = np.uint64(0xFFFFFFFF)

NEXT, COUNT = 0, 1
"""Of those that were fetched together: which is to be taken over next, and how many they are."""


@compiled
def drain(
    queue: int,
    fetched: Rows,
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
        fetched: receives addresses of messages, as many at once as it is long.
        held: NEXT and COUNT of those. Left unequal, the next one needs the caller: it is an error, or needs more room.
        partition: index into the poll's sources.
        text: address of the text, of which `used` bytes are taken, of the `room` that messages may take.
        messages: dtype MESSAGE, of which the first `taken` are filled.
        keys: the length of each message's key, -1 where there is none; the key stands behind the NUL of the value.

    Returns: bytes of the text, and messages, that are taken now.
    """
    while taken < len(messages):
        if held[NEXT] == held[COUNT]:
            held[NEXT] = 0
            held[COUNT] = _fetch(
                queue, np.int32(0), fetched.ctypes.data, np.uint64(min(len(fetched), len(messages) - taken))
            )
            if held[COUNT] <= 0:
                held[COUNT] = 0
                break
        address = fetched[held[NEXT]]
        if is_error(address):
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
        message.offset = as_signed(word_at(address + _OFFSET))
        message.partition = partition
        keys[taken] = key_length if key != 0 else _ABSENT
        used += length + 1 + key_length
        taken += 1
        _give_back(address)
        held[NEXT] += 1
    return used, taken


@compiled
def is_error(message: int) -> bool:
    """It is the end of its partition, or a fault."""
    return bool(word_at(message) & _ERROR_BITS)


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
