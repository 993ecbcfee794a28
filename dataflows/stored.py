"""What steps save, in the form in which it is stored: without what says nothing.

Detectors save arrays of records and lists of names, one row for each series. Much of that repeats from row to row: the
upper halves of times, rules that are switched off, counts that are small, gaps between fields, the name of an asset for
each of its sensors. So here

    records     a byte that is the same in all rows is kept once, for each of a record's bytes
    lists       of names and numbers: each distinct one once, and which one stands where

Nothing is rounded: `recalled` gives back every bit. What is neither stays as it is, and so does what was saved before
there was this.

Cost: about 1 us a row of 1.6 kB, each way; it saves a fifth to a third of the bytes, and a byte saved costs Bytewax and
SQLite more than that.
"""

from __future__ import annotations

import pickle
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.readings import Rows

__all__ = ["recalled", "size_of", "stored"]

LAYOUT, WHICH = "layout", "which"
"""Name what a stored part is; no dictionary that steps save has such a key."""

LIST_MIN = 8
"""Shorter lists aren't worth it."""

GUESSED_BYTES = 64
"""Of an element of a list."""

_WORDS = frozenset({str, float, type(None)})
"""Of these, what is equal is the same, but for the sign of a zero: no list of ours has one."""


def stored(state: Mapping[str, Any]) -> dict[str, Any]:
    """A step's state, smaller; `state` is left as it is, and nothing of it is shared but what can't change."""
    return {name: _stored(part) for name, part in state.items()}


def recalled(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The state as the step has saved it."""
    return {name: _recalled(part) for name, part in saved.items()}


def size_of(saved: Mapping[str, Any]) -> int:
    """How many bytes that takes: those of records and arrays, and a fair guess for the rest."""
    return sum(_size_of(part) for part in saved.values())


def _size_of(part: Any) -> int:
    if isinstance(part, np.ndarray):
        return part.nbytes
    if isinstance(part, dict) and (LAYOUT in part or WHICH in part):
        return sum(len(one) for one in part.values() if isinstance(one, bytes))
    return GUESSED_BYTES * (len(part) if isinstance(part, list | tuple | dict) else 1)


def _stored(part: Any) -> Any:
    if isinstance(part, np.ndarray) and part.dtype.names is not None and len(part):
        return _stored_rows(part)
    if isinstance(part, list) and len(part) >= LIST_MIN and _WORDS.issuperset(map(type, part)):
        return _stored_list(part)
    return part


def _recalled(part: Any) -> Any:
    if isinstance(part, dict) and LAYOUT in part:
        return _recalled_rows(part)
    if isinstance(part, dict) and WHICH in part:
        distinct = part["distinct"]
        return [distinct[number] for number in np.frombuffer(part[WHICH], part["of"]).tolist()]
    return part


def _stored_rows(rows: Rows) -> dict[str, Any]:
    count, size = len(rows), rows.dtype.itemsize
    raw = np.ascontiguousarray(rows).view(np.uint8).reshape(count, size)
    first = raw[0]
    differs = np.bitwise_or.reduce(raw ^ first, axis=0) != 0
    return {
        LAYOUT: _layout(rows.dtype),
        "count": count,
        "differs": np.packbits(differs).tobytes(),
        "same": first[~differs].tobytes(),
        "each": raw.take(np.flatnonzero(differs), axis=1).tobytes(),
    }


def _recalled_rows(part: Mapping[str, Any]) -> Rows:
    dtype = pickle.loads(zlib.decompress(part[LAYOUT]))  # noqa: S301 - as all that Bytewax has saved
    count = part["count"]
    differs = np.unpackbits(np.frombuffer(part["differs"], np.uint8), count=dtype.itemsize).astype(np.bool_)
    same = np.frombuffer(part["same"], np.uint8)
    each = np.frombuffer(part["each"], np.uint8).reshape(count, -1)
    parts = np.concatenate([each, np.broadcast_to(same, (count, len(same)))], axis=1)
    place = np.argsort(np.concatenate([np.flatnonzero(differs), np.flatnonzero(~differs)]))
    # Setting bytes by a mask would take twenty times as long.
    rows: Rows = parts.take(place, axis=1).view(dtype).reshape(count)
    return rows


@lru_cache(maxsize=32)
def _layout(dtype: np.dtype[np.void]) -> bytes:
    """A record's fields, as numpy writes them down: it takes several kB for a hundred of them, and packed a tenth."""
    return zlib.compress(pickle.dumps(dtype, protocol=4), level=9)


def _stored_list(part: list[Any]) -> Any:
    """The distinct ones in the order of their first places; the list itself where most of it is distinct."""
    distinct = list(dict.fromkeys(part))
    if 2 * len(distinct) > len(part):
        return part
    numbers = {one: number for number, one in enumerate(distinct)}
    kind = np.min_scalar_type(len(distinct))
    which = np.fromiter(map(numbers.__getitem__, part), kind, len(part))
    return {"distinct": distinct, WHICH: which.tobytes(), "of": kind.str}
