"""Key groups: an asset belongs to one, and all state of a group lives in one process.

Bytewax sends a key where a hash of it falls, modulo the number of workers. That hash is the standard one of Rust,
SipHash-1-3 without a secret, over the key's bytes and an end mark (J.-P. Aumasson and D. J. Bernstein, SipHash: a fast
short-input PRF, 2012). We only use it to choose names of key groups that spread evenly: were it another one some day,
all would work as before, and only less evenly.
"""

from __future__ import annotations

import zlib
from functools import cache
from itertools import count, product
from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PROCESSES_EVEN", "group_key", "group_of", "route"]

PROCESSES_EVEN = 12
"""Numbers of processes that divide it share the key groups evenly, as they do the lanes."""

_ALL = (1 << 64) - 1
_BEGIN = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_END_MARK = b"\xff"


def group_of(asset: str, key_groups: int) -> int:
    """The key group of an asset. Fixed for the life of a state directory."""
    return zlib.crc32(asset.encode()) % key_groups


@cache
def group_key(group: int) -> str:
    """The key under which Bytewax routes and stores a group's state. A schema: never change it.

    Each group has the first name whose hash is the group's own number, modulo 12: then 2, 3, 4, 6 or 12 processes have
    as many groups each, or one more.
    """
    names = (f"g{group:04d}{suffix}" for suffix in _suffixes())
    return next(name for name in names if (route(name) - group) % PROCESSES_EVEN == 0)


def _suffixes() -> Iterator[str]:
    """Nothing, then letters, then pairs of letters, and so on."""
    return ("".join(letters) for size in count() for letters in product(ascii_lowercase, repeat=size))


def route(key: str) -> int:
    """The hash of a key, 64 bits. Cost: some 15 us."""
    data = key.encode() + _END_MARK
    words = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) % 256])
    v0, v1, v2, v3 = _BEGIN
    for at in range(0, len(words), 8):
        word = int.from_bytes(words[at : at + 8], "little")
        v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
        v0 ^= word
    v2 ^= 0xFF
    for _ in range(3):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = (v0 + v1) & _ALL
    v1 = _turned(v1, 13) ^ v0
    v0 = _turned(v0, 32)
    v2 = (v2 + v3) & _ALL
    v3 = _turned(v3, 16) ^ v2
    v0 = (v0 + v3) & _ALL
    v3 = _turned(v3, 21) ^ v0
    v2 = (v2 + v1) & _ALL
    v1 = _turned(v1, 17) ^ v2
    return v0, v1, _turned(v2, 32), v3


def _turned(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _ALL
