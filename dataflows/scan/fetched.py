"""Takes messages over from librdkafka: copies them into one piece of text, and gives their memory back.

Reads `rd_kafka_message_t` of librdkafka's public C API, which has kept its layout since version 0.9:

    0 error (i32) · 8 topic · 16 partition (i32) · 24 value · 32 its length · 40 key · 48 its length · 56 offset (i64)

The two functions of librdkafka that are called here are found by name: whoever calls a kernel of this module has
loaded the library before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from contracts.readings import Rows
from dataflows.scan.memory import as_signed, copy_bytes, put_nul, word_at
from detectors.compiled import compiled, inlined

__all__ = ["bytes_of", "take_over"]

_timestamp_of: Any = types.ExternalFunction("rd_kafka_message_timestamp", types.int64(types.intp, types.intp))
_give_back: Any = types.ExternalFunction("rd_kafka_message_destroy", types.void(types.intp))

_ABSENT = -1
_VALUE, _KEY = 24, 40
"""Where the address of each stands; its length stands behind it."""


@compiled
def bytes_of(fetched: Rows, count: int) -> int:
    """How many bytes of text the first `count` messages take, whose addresses these are."""
    total = 0
    for at in range(count):
        total += _length(fetched[at], _VALUE) + 1 + _length(fetched[at], _KEY)
    return total


@compiled
def take_over(
    fetched: Rows,
    first: int,
    count: int,
    partition: int,
    text: int,
    used: int,
    messages: Rows,
    keys: Rows,
    taken: int,
) -> tuple[int, int, int]:
    """Copy messages of one partition and give each back to librdkafka, until one is an error.

    Args:
        fetched: addresses of messages, those from `first` to `count` still to be taken.
        partition: index into the poll's sources.
        text: address of the text, of which `used` bytes are taken, with room for all.
        messages: dtype MESSAGE, of which the first `taken` are filled, with room for all.
        keys: the length of each message's key, -1 where there is none; the key stands behind the NUL of the value.

    Returns: (where it stopped; bytes of the text, and messages, that are taken now). An error isn't given back.
    """
    for at in range(first, count):
        address = fetched[at]
        if word_at(address) & _INT != np.uint64(0):
            return at, used, taken
        value, key = as_signed(word_at(address + _VALUE)), as_signed(word_at(address + _KEY))
        length, key_length = _length(address, _VALUE), _length(address, _KEY)
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
        _give_back(address)
    return count, used, taken


_INT = np.uint64((1 << 32) - 1)


@inlined
def _length(address: int, field: int) -> int:
    """Of the value or the key: 0 where there is none."""
    if word_at(address + field) == np.uint64(0):
        return 0
    length: int = as_signed(word_at(address + field + 8))
    return length
