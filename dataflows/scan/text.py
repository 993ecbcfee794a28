"""Strings of JSON: where they end, whether they are right, their hash, and whether two are the same bytes.

A string is read a word at a time. Names are compared with names that are known to be right, so they needn't be judged;
what is only stepped over must be valid: UTF-8, no control characters, no escape that isn't one.
"""

from __future__ import annotations

import numpy as np

from dataflows.scan.memory import as_signed, byte_at, trailing_zeros, word_at
from detectors.compiled import compiled, inlined

__all__ = ["hash_of", "is_same", "name_end", "past_text"]

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_QUOTES = np.uint64(0x2222222222222222)
_BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES = np.uint64(0x2020202020202020)
_MIX_A = np.uint64(0x9E3779B97F4A7C15)
_MIX_B = np.uint64(0xD6E8FEB86659FD93)


@inlined
def _stops(word: np.uint64) -> np.uint64:
    """The high bit of each quote, backslash and control character; above the lowest of them, bits may be wrong."""
    quote = word ^ _QUOTES
    backslash = word ^ _BACKSLASHES
    found = ((quote - _ONES) & ~quote) | ((backslash - _ONES) & ~backslash) | ((word - _SPACES) & ~word)
    return found & _HIGHS


@inlined
def name_end(at: int) -> int:
    """Where the closing quote of a string stands whose first byte is at `at`; 0: a control character came first."""
    while True:
        stops = _stops(word_at(at))
        if stops == np.uint64(0):
            at += 8
            continue
        at += as_signed(trailing_zeros(stops) >> np.uint64(3))
        byte = byte_at(at)
        if byte == 34:
            return at
        if byte != 92 or byte_at(at + 1) < 32:
            return 0
        at += 2


@inlined
def hash_of(at: int, length: int, seed: int) -> np.uint64:
    """A hash of some bytes. The seed is the process's own: nobody can choose names that collide."""
    h = np.uint64(seed) ^ np.uint64(length)
    while length >= 8:
        h = (h ^ word_at(at)) * _MIX_A
        h ^= h >> np.uint64(32)
        at += 8
        length -= 8
    if length > 0:
        h = (h ^ (word_at(at) & ((np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)))) * _MIX_B
    return h ^ (h >> np.uint64(29))


@inlined
def is_same(left: int, right: int, length: int) -> bool:
    """Whether two texts of one length are the same bytes."""
    while length >= 8:
        if word_at(left) != word_at(right):
            return False
        left += 8
        right += 8
        length -= 8
    if length == 0:
        return True
    same: bool = (word_at(left) ^ word_at(right)) << np.uint64(64 - 8 * length) == np.uint64(0)
    return same


@compiled
def past_text(at: int, may_escape: bool) -> int:  # noqa: FBT001 - compiled code knows no keywords
    """Step over a string whose first byte is at `at`: behind its closing quote; 0 where it isn't surely valid."""
    while True:
        word = word_at(at)
        stops = _stops(word) | (word & _HIGHS)
        if stops == np.uint64(0):
            at += 8
            continue
        at += as_signed(trailing_zeros(stops) >> np.uint64(3))
        byte = byte_at(at)
        if byte == 34:
            return at + 1
        if byte != 92:
            at = _past_character(at, byte)
        elif may_escape:
            at = _past_escape(at + 1)
        else:
            return 0
        if at == 0:
            return 0


@inlined
def _past_escape(at: int) -> int:
    """Step over what follows a backslash. Halves of surrogate pairs are left to a parser."""
    byte = byte_at(at)
    if byte != 117:  # u
        known = byte in (34, 47, 92, 98, 102, 110, 114, 116)
        return at + 1 if known else 0
    code = 0
    for place in range(1, 5):
        digit = byte_at(at + place)
        if 48 <= digit <= 57:
            digit -= 48
        elif 97 <= digit | 32 <= 102:
            digit = (digit | 32) - 87
        else:
            return 0
        code = 16 * code + digit
    return 0 if 0xD800 <= code < 0xE000 else at + 5


@inlined
def _past_character(at: int, first: int) -> int:
    """Step over a character of two to four bytes; 0 for a control character, and where UTF-8 is broken.

    Each byte is read only after the one before: a NUL, with which every text ends, ends this too.
    """
    if first < 0xC2 or first > 0xF4:
        return 0
    low, high = 0x80, 0xBF
    if first == 0xE0:
        low = 0xA0  # else it would be longer than needed
    elif first == 0xED:
        high = 0x9F  # half a surrogate pair
    elif first == 0xF0:
        low = 0x90
    elif first == 0xF4:
        high = 0x8F  # beyond Unicode
    more = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
    for place in range(1, more + 1):
        byte = byte_at(at + place)
        if byte < low or byte > high:
            return 0
        low, high = 0x80, 0xBF
    return at + more + 1
