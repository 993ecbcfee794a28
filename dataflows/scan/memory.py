"""What compiled code reads of memory and machine words: a byte, a word, a product of 128 bits.

Text is addressed as in C, because numba counts references and keeps strides for every slice of an array. Nothing here
checks a bound: `scan.messages` says why its walk never leaves the text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import raw_memcpy
from numba.extending import intrinsic

__all__ = [
    "WORD_BYTES",
    "as_double",
    "as_signed",
    "byte_at",
    "copy_bytes",
    "high_product",
    "leading_zeros",
    "put_nul",
    "trailing_zeros",
    "word_at",
    "word_of",
]

WORD_BYTES = 8
"""`word_at` reads so many: as many readable bytes must follow any text."""

_WORD = ir.IntType(64)
_copy: Any = raw_memcpy
_built_in: Any = intrinsic  # untyped, and its functions take other arguments than they are called with


@_built_in
def byte_at(_typing: Any, _address: Any) -> Any:
    """The byte at an address, as an i64 of 0 to 255."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        return builder.zext(builder.load(place), _WORD)

    return types.int64(types.int64), generate


@_built_in
def word_at(_typing: Any, _address: Any) -> Any:
    """Eight bytes from an address on, the first one lowest, as a u64; the address need not be aligned."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = builder.load(builder.inttoptr(arguments[0], _WORD.as_pointer()))
        word.align = 1
        return word

    return types.uint64(types.int64), generate


@_built_in
def copy_bytes(_typing: Any, _target: Any, _source: Any, _count: Any) -> Any:
    """Copy some bytes from one address to another; the two places don't overlap."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        target, source = (builder.inttoptr(address, ir.IntType(8).as_pointer()) for address in arguments[:2])
        _copy(builder, target, source, arguments[2], 1)

    return types.void(types.int64, types.int64, types.int64), generate


@_built_in
def put_nul(_typing: Any, _address: Any) -> Any:
    """Write a zero byte to an address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8)
        builder.store(ir.Constant(byte, 0), builder.inttoptr(arguments[0], byte.as_pointer()))

    return types.void(types.int64), generate


@_built_in
def leading_zeros(_typing: Any, _word: Any) -> Any:
    """Zero bits above the highest one of a u64; 64 for 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@_built_in
def trailing_zeros(_typing: Any, _word: Any) -> Any:
    """Zero bits below the lowest one of a u64; 64 for 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@_built_in
def high_product(_typing: Any, _left: Any, _right: Any) -> Any:
    """The upper 64 of the 128 bits of a product of two u64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), _WORD)

    return types.uint64(types.uint64, types.uint64), generate


@_built_in
def as_signed(_typing: Any, _word: Any) -> Any:
    """The same 64 bits as a signed number. Added to a signed one, an unsigned one would make a double."""

    def generate(_context: Any, _builder: Any, _signature: Any, arguments: Any) -> Any:
        return arguments[0]

    return types.int64(types.uint64), generate


@_built_in
def as_double(_typing: Any, _bits: Any) -> Any:
    """The double that has these bits."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


def word_of(text: bytes) -> np.uint64:
    """The word that `word_at` reads where a text of at most eight bytes stands, zeros behind it."""
    return np.uint64(int.from_bytes(text, "little"))
