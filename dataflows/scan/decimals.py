"""Numbers of JSON, exactly as a correct parser reads them; whatever isn't certain is left to that parser.

A number is w · 10^q, w a whole number of at most 63 bits.

    |w| ≤ 2^53 and |q| ≤ 22:  both are doubles, so one division or multiplication rounds once, and right
    else (17 digits, mostly): w · 5^q to 128 bits, of which the upper 55 decide; rounded half to even

Source: D. Lemire, Number Parsing at a Gigabyte per Second, Software: Practice and Experience 51, 2021; N. Mushtak and
D. Lemire, Fast Number Parsing Without Fallback, 2023, for why 128 bits are enough.
"""

from __future__ import annotations

import numpy as np

from dataflows.scan.memory import as_double, as_signed, byte_at, high_product, leading_zeros, word_at
from detectors.compiled import compiled, inlined

__all__ = ["double_of", "number_at"]

Q_MIN, Q_MAX = -64, 64
"""Of the table below. What a sensor measures lies well within."""

_ROUNDED_UP_FROM = -27
_EXPONENT_MAX = 9_999
_DIGITS_ZERO = np.uint64(0x3030303030303030)
_DIGITS_TEST = np.uint64(0x4646464646464646)
_HIGH_BITS = np.uint64(0x8080808080808080)
_W_MAX_FOR_DIGIT = 922_337_203_685_477_579  # · 10 + 9 < 2^63
_W_MAX_FOR_EIGHT = 92_233_720_367  # · 10^8 + 99999999 < 2^63
_EXACT = 1 << 53
_TENS = np.array([10.0**q for q in range(23)])

_ONE = np.uint64(1)
_MANTISSA_BITS = np.uint64(52)
_PRECISION = np.uint64(0x1FF)  # the bits of a product below the 55 that decide


def _fives() -> tuple[np.ndarray, np.ndarray]:
    """5^q for Q_MIN ≤ q ≤ Q_MAX, shifted to 128 bits, the highest one set: upper and lower words.

    Cut off, and for -27 ≤ q < 0 rounded up, as the paper wants it.
    """
    fives: list[int] = []
    for q in range(Q_MIN, Q_MAX + 1):
        five = 5 ** abs(q)
        bits = five.bit_length()
        if q >= 0:
            fives.append(five << (128 - bits) if bits <= 128 else five >> (bits - 128))
            continue
        fives.append((1 << (bits + 127)) // five + (q >= _ROUNDED_UP_FROM))
    upper = np.array([five >> 64 for five in fives], np.uint64)
    return upper, np.array([five & ((1 << 64) - 1) for five in fives], np.uint64)


_FIVES_UPPER, _FIVES_LOWER = _fives()


@inlined
def number_at(at: int) -> tuple[int, int, int, bool, bool]:
    """Read a number.

    Returns: (where it ends, w ≥ 0, q, negative, whole); an end of 0: no number, or one with too many digits.
    """
    negative = byte_at(at) == 45
    if negative:
        at += 1
    start = at
    w, at = _digits(0, at)
    if at == start or w < 0 or (at - start > 1 and byte_at(start) == 48):
        return 0, 0, 0, negative, True
    q = 0
    whole = True
    if byte_at(at) == 46:
        whole = False
        at += 1
        start = at
        w, at = _digits(w, at)
        if at == start or w < 0:
            return 0, 0, 0, negative, False
        q = start - at
    if byte_at(at) | 32 == 101:
        whole = False
        at += 1
        sign = byte_at(at)
        if sign in (43, 45):
            at += 1
        start = at
        exponent, at = _digits(0, at)
        if at == start or exponent < 0 or exponent > _EXPONENT_MAX:
            return 0, 0, 0, negative, False
        q += -exponent if sign == 45 else exponent
    return at, w, q, negative, whole


@inlined
def _digits(w: int, at: int) -> tuple[int, int]:
    """Append digits to w; -1 when they are too many. Returns w and where they end."""
    v = word_at(at) - _DIGITS_ZERO
    if ((word_at(at) + _DIGITS_TEST) | v) & _HIGH_BITS == np.uint64(0):  # eight digits: pairs, fours, all
        if w > _W_MAX_FOR_EIGHT:
            return -1, at
        v = v * np.uint64(10) + (v >> np.uint64(8))
        upper = (v & np.uint64(0x000000FF000000FF)) * np.uint64(0x000F424000000064)
        lower = ((v >> np.uint64(16)) & np.uint64(0x000000FF000000FF)) * np.uint64(0x0000271000000001)
        w = w * 100_000_000 + as_signed((upper + lower) >> np.uint64(32) & np.uint64(0xFFFFFFFF))
        at += 8
    digit = byte_at(at) - 48
    while 0 <= digit <= 9:
        if w > _W_MAX_FOR_DIGIT:
            return -1, at
        w = w * 10 + digit
        at += 1
        digit = byte_at(at) - 48
    return w, at


@inlined
def double_of(w: int, q: int, negative: bool) -> float:  # noqa: FBT001 - compiled code knows no keywords
    """The double nearest to ± w · 10^q; NaN: not certain."""
    if w <= _EXACT and -22 <= q <= 22:
        x: float = float(w)
        x = x / _TENS[-q] if q < 0 else x * _TENS[q]
        return -x if negative else x
    return _rounded(w, q, negative)


@compiled
def _rounded(w: int, q: int, negative: bool) -> float:  # noqa: FBT001
    """As `double_of`, the long way."""
    if w == 0:
        return -0.0 if negative else 0.0
    if q < Q_MIN or q > Q_MAX:
        return np.nan
    shift = leading_zeros(np.uint64(w))
    shifted = np.uint64(w) << shift
    upper = high_product(shifted, _FIVES_UPPER[q - Q_MIN])
    lower = shifted * _FIVES_UPPER[q - Q_MIN]
    if upper & _PRECISION == _PRECISION:  # so close below the next that the lower word of 5^q may decide
        carry = high_product(shifted, _FIVES_LOWER[q - Q_MIN])
        lower += carry
        if lower < carry:
            upper += _ONE
    top = upper >> np.uint64(63)
    m = upper >> (top + np.uint64(9))
    exponent = ((217_706 * q) >> 16) + 63 + as_signed(top) - as_signed(shift) + 1023
    if exponent <= 0 or exponent >= 2046:
        return np.nan
    # Exactly half way between two doubles: only small powers of five can do that.
    if lower <= _ONE and -4 <= q <= 23 and m & np.uint64(3) == _ONE and m << (top + np.uint64(9)) == upper:
        m &= ~_ONE
    m = (m + (m & _ONE)) >> _ONE
    if m >= _ONE << np.uint64(53):
        m = _ONE << _MANTISSA_BITS
        exponent += 1
    bits = (m & ~(_ONE << _MANTISSA_BITS)) | (np.uint64(exponent) << _MANTISSA_BITS)
    x: float = as_double(bits)
    return -x if negative else x
