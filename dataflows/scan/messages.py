"""Reads the usual messages of known series from text into rows: all that JSON allows, in any order of the keys.

What it understands, it reads as `contracts.codec` does; at the first message that is unusual in any way it stops, and
its caller asks the reference. Unusual is all that isn't surely the same: a series that isn't known, a fault of any
kind, a key or a series that comes twice, an escape in a key, more digits than fit.

It never leaves a message. Each ends with a NUL, which no JSON may hold: it is no digit, no blank and no part of a
string, so every loop below ends at it. Words are read up to seven bytes further, within the tail of the text.
"""

from __future__ import annotations

import numpy as np

from contracts.limits import AHEAD_MS_MAX, MESSAGE_BYTES_MAX, MESSAGE_VALUES_MAX, TS_MS_MAX
from contracts.readings import Rows
from dataflows.scan.decimals import double_of, number_at
from dataflows.scan.memory import byte_at, word_at, word_of
from dataflows.scan.names import find_name, find_series
from dataflows.scan.text import name_end, past_text
from dataflows.scan.times import time_at
from detectors.compiled import compiled, inlined

__all__ = ["scan"]

_DEPTH_MAX = 60
"""Of what is stepped over: one bit for each level fits into a word."""

_Q_MAX = 250
"""Of a number that is stepped over: beyond it, it may be too large for a double, and the message invalid."""

_ASSET, _SENSOR, _TS = word_of(b'asset"'), word_of(b'sensor"'), word_of(b'ts"')
_VALUE, _VALUES, _QUALITY = word_of(b'value"'), word_of(b'values"'), word_of(b'quality"')
_TRUE, _FALSE, _NULL = word_of(b"true"), word_of(b"false"), word_of(b"null")
_GOOD, _BAD, _UNCERTAI = word_of(b"good"), word_of(b"bad"), word_of(b"uncertai")
_SMALL_LETTERS = np.uint64(0x2020202020202020)
_3, _4, _5, _6, _7 = (np.uint64((1 << 8 * count) - 1) for count in (3, 4, 5, 6, 7))
"""Masks for the first bytes of a word."""

# The keys that a message has, as bits.
_HAS_ASSET, _HAS_SENSOR, _HAS_TS, _HAS_VALUE, _HAS_VALUES, _HAS_QUALITY = 1, 2, 4, 8, 16, 32
_ONE_READING = _HAS_ASSET | _HAS_SENSOR | _HAS_VALUE
_MANY_READINGS = _HAS_ASSET | _HAS_VALUES

_NO_TS = -1
"""The message has no time of its own."""


@compiled
def scan(
    text: int,
    messages: Rows,
    first: int,
    rows: Rows,
    arrived: Rows,
    count: int,
    names: Rows,
    names_text: int,
    pairs: Rows,
    last_seen: Rows,
    sequence: int,
    seed: int,
) -> tuple[int, int, int]:
    """Read messages until one is unusual, or the rows are full.

    Args:
        text: address of the poll's text.
        messages: dtype MESSAGE, shape (n,).
        first: the message to begin with.
        rows: dtype READING, of which the first `count` are taken; the others are written.
        arrived: when each row's message arrived: its Kafka timestamp, or the row's own where there is none, ms.
        names, names_text, pairs, last_seen, seed: the lane's `SeriesIndex`.
        sequence: a number for the poll's first message, from 1; no two messages of a lane have the same.

    Returns: (the message at which it stopped, n at the end; count of rows; messages without a time of their own).
    """
    undated = 0
    for at in range(first, len(messages)):
        message = messages[at]
        if message.length < 0 or message.length > MESSAGE_BYTES_MAX or count >= len(rows):
            return at, count, undated
        begin = text + message.start
        stamp: int = message.stamp_ms
        has = 0
        asset = sensor = 0
        ts = _NO_TS
        value = 0.0
        quality = 0
        many = 0
        many_at = 0  # where `values` begins

        p = _past_gap(begin)
        if byte_at(p) != 123:
            return at, count, undated
        p += 1
        while True:
            p = _past_gap(p)
            if byte_at(p) != 34:
                return at, count, undated
            key, p = _key(p + 1)
            if p == 0 or has & key:
                return at, count, undated
            has |= key
            p = _past_gap(p)
            if byte_at(p) != 58:
                return at, count, undated
            p = _past_gap(p + 1)
            if key == _HAS_VALUE:
                value, p = _value(p)
            elif key == _HAS_ASSET:
                asset, p = _name(p, names, names_text, seed)
            elif key == _HAS_SENSOR:
                sensor, p = _name(p, names, names_text, seed)
            elif key == _HAS_TS:
                ts, p = _time(p)
            elif key == _HAS_QUALITY:
                quality, p = _quality(p)
            elif key == _HAS_VALUES and asset > 0:
                many, p = _values(p, asset, rows, count, names, names_text, pairs, last_seen, sequence + at, seed)
            else:
                if key == _HAS_VALUES:  # the asset stands behind them
                    many_at = p
                p = _past_value(p)
            if p == 0:
                return at, count, undated
            p = _past_gap(p)
            if byte_at(p) != 44:
                break
            p += 1
        if byte_at(p) != 125 or _past_gap(p + 1) != begin + message.length:
            return at, count, undated

        missing = ts == _NO_TS
        if missing:
            ts = stamp
        if not 0 < ts <= TS_MS_MAX or 0 <= stamp < ts - AHEAD_MS_MAX:
            return at, count, undated
        if has & _HAS_VALUE:
            if has & _ONE_READING != _ONE_READING:
                return at, count, undated
            series = find_series(pairs, asset, sensor, seed)
            if series < 0:
                return at, count, undated
            many = 1
            rows[count].series = series
            rows[count].value = value
        elif has & _MANY_READINGS != _MANY_READINGS:
            return at, count, undated
        elif many_at > 0:
            many, p = _values(many_at, asset, rows, count, names, names_text, pairs, last_seen, sequence + at, seed)
        if many == 0:
            return at, count, undated
        for place in range(count, count + many):
            row = rows[place]
            row.ts = ts
            row.offset = message.offset
            row.partition = message.partition
            row.quality = quality
            row.paused = 0
            arrived[place] = stamp if stamp >= 0 else ts
        count += many
        undated += missing
    return len(messages), count, undated


# ── The parts of a message. Each begins at an address and returns where it ends; 0: it is unusual ────────────────────


@inlined
def _past_gap(p: int) -> int:
    while byte_at(p) in (32, 10, 13, 9):
        p += 1
    return p


@inlined
def _key(p: int) -> tuple[int, int]:
    """A key, whose first byte is at p; 0 for one that says nothing to us."""
    word = word_at(p)
    if word & _6 == _VALUE:
        return _HAS_VALUE, p + 6
    if word & _6 == _ASSET:
        return _HAS_ASSET, p + 6
    if word & _7 == _SENSOR:
        return _HAS_SENSOR, p + 7
    if word & _3 == _TS:
        return _HAS_TS, p + 3
    if word & _7 == _VALUES:
        return _HAS_VALUES, p + 7
    if word == _QUALITY:
        return _HAS_QUALITY, p + 8
    return 0, past_text(p, False)  # one with an escape may be any of these


@inlined
def _name(p: int, names: Rows, names_text: int, seed: int) -> tuple[int, int]:
    """The id of a name that is known."""
    if byte_at(p) != 34:
        return 0, 0
    end = name_end(p + 1)
    if end == 0:
        return 0, 0
    known = find_name(names, names_text, p + 1, end - p - 1, seed)
    return known, end + 1 if known > 0 else 0


@inlined
def _value(p: int) -> tuple[float, int]:
    """A finite number, or a boolean."""
    first = byte_at(p)
    if first == 116:
        return 1.0, p + 4 if word_at(p) & _4 == _TRUE else 0
    if first == 102:
        return 0.0, p + 5 if word_at(p) & _5 == _FALSE else 0
    end, w, q, negative, whole = number_at(p)
    if whole:
        return float(-w if negative else w), end  # a whole -0 is 0
    value = double_of(w, q, negative)
    return value, 0 if np.isnan(value) else end


@inlined
def _time(p: int) -> tuple[int, int]:
    """Whole milliseconds, a calendar's time, or null."""
    first = byte_at(p)
    if first == 110:
        return _NO_TS, p + 4 if word_at(p) & _4 == _NULL else 0
    if first == 34:
        quote = name_end(p + 1)
        ts = time_at(p + 1, quote)
        return ts, quote + 1 if ts > 0 else 0
    end, w, _, negative, whole = number_at(p)
    return w, end if whole and not negative else 0


@inlined
def _quality(p: int) -> tuple[int, int]:
    """A word in letters of any size, a status code, or null."""
    first = byte_at(p)
    if first == 110:
        return 0, p + 4 if word_at(p) & _4 == _NULL else 0
    if first != 34:
        end, w, _, negative, whole = number_at(p)
        return min(w >> 30, 2), end if whole and not negative and w < 1 << 32 else 0
    word = word_at(p + 1) | _SMALL_LETTERS
    if word & _4 == _GOOD:
        return 0, p + 6 if byte_at(p + 5) == 34 else 0
    if word & _3 == _BAD:
        return 2, p + 5 if byte_at(p + 4) == 34 else 0
    if word == _UNCERTAI:
        return 1, p + 11 if byte_at(p + 9) | 32 == 110 and byte_at(p + 10) == 34 else 0
    return 0, 0


@compiled
def _values(
    p: int,
    asset: int,
    rows: Rows,
    count: int,
    names: Rows,
    names_text: int,
    pairs: Rows,
    last_seen: Rows,
    sequence: int,
    seed: int,
) -> tuple[int, int]:
    """An object of sensors and values: series and value of each go into the rows. Returns their count too."""
    many = 0
    if byte_at(p) != 123:
        return 0, 0
    while True:
        p = _past_gap(p + 1)
        sensor, p = _name(p, names, names_text, seed)
        if p == 0 or many == MESSAGE_VALUES_MAX or count + many >= len(rows):
            return 0, 0
        series = find_series(pairs, asset, sensor, seed)
        if series < 0 or last_seen[series] == sequence:
            return 0, 0
        last_seen[series] = sequence
        p = _past_gap(p)
        if byte_at(p) != 58:
            return 0, 0
        value, p = _value(_past_gap(p + 1))
        if p == 0:
            return 0, 0
        rows[count + many].series = series
        rows[count + many].value = value
        many += 1
        p = _past_gap(p)
        if byte_at(p) != 44:
            break
    return many, p + 1 if byte_at(p) == 125 else 0


@compiled
def _past_value(p: int) -> int:
    """Step over any JSON."""
    depth = 0
    objects = 0  # bit by level, the lowest one innermost: an object, not a list
    while True:
        first = byte_at(p)
        if first in (123, 91):
            if depth == _DEPTH_MAX:
                return 0
            depth += 1
            objects = objects << 1 | (first == 123)
            p = _past_gap(p + 1)
            if byte_at(p) != first + 2:  # not empty
                if first == 123:
                    p = _past_key(p)
                    if p == 0:
                        return 0
                continue
        else:
            p = _past_scalar(p, first)
            if p == 0 or depth == 0:
                return p
            p = _past_gap(p)
        while byte_at(p) == (125 if objects & 1 else 93):
            depth -= 1
            objects >>= 1
            p += 1
            if depth == 0:
                return p
            p = _past_gap(p)
        if byte_at(p) != 44:
            return 0
        p = _past_gap(p + 1)
        if objects & 1:
            p = _past_key(p)
            if p == 0:
                return 0


@inlined
def _past_key(p: int) -> int:
    """Step over a key and its colon, to the value."""
    if byte_at(p) != 34:
        return 0
    p = past_text(p + 1, True)
    if p == 0:
        return 0
    p = _past_gap(p)
    return _past_gap(p + 1) if byte_at(p) == 58 else 0


@inlined
def _past_scalar(p: int, first: int) -> int:
    """Step over a string, a number, or a word."""
    if first == 34:
        return past_text(p + 1, True)
    if first == 116:
        return p + 4 if word_at(p) & _4 == _TRUE else 0
    if first == 110:
        return p + 4 if word_at(p) & _4 == _NULL else 0
    if first == 102:
        return p + 5 if word_at(p) & _5 == _FALSE else 0
    end, _, q, _, _ = number_at(p)
    return end if -_Q_MAX <= q <= _Q_MAX else 0  # a number that overflows isn't valid
