"""Numbers are read as a correct parser reads them, or left to it."""

from __future__ import annotations

import math
import struct

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.scan.decimals import double_of, number_at


def _read(text):
    """The number and the bytes that it took; None: left to the parser."""
    held = np.frombuffer(text + bytes(16), np.uint8)
    end, w, q, negative, whole = number_at(held.ctypes.data)
    if end == 0:
        return None
    value = float(-w if negative else w) if whole else double_of(w, q, negative)
    return None if math.isnan(value) else (struct.pack("d", value), end - held.ctypes.data)


def _parsed(text):
    return struct.pack("d", float(orjson.loads(text))), len(text)


_DIGITS = st.text("0123456789", min_size=1, max_size=18)
_DECIMALS = st.builds(
    "{}{}.{}{}".format,
    st.sampled_from(["", "-"]),
    _DIGITS.map(int),
    _DIGITS,
    st.sampled_from(["", "e5", "E-12", "e+40"]),
)


@given(text=_DECIMALS | st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str))
@example(text="9007199254740993.0")
@example(text="9007199254740992.9999")
@example(text="0.30000000000000004")
@example(text="-0.0")
@example(text="-0")
def test_a_number_is_rounded_as_the_parser_rounds_it(text):
    """What a limit is compared with is what was sent, to the last bit."""
    read = _read(text.encode())

    assert read is None or read == _parsed(text)


@given(value=st.floats(1e-6, 1e12))
def test_a_measured_value_of_seventeen_digits_is_read_at_once(value):
    """What every program that prints doubles sends doesn't take the slow way."""
    text = repr(value).encode()

    assert _read(text) == _parsed(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"-", b".5", b"01", b"-01", b"1.", b"1.e5", b"1e", b"1e+", b"+1", b"NaN", b"1" * 20, b"0." + b"3" * 30],
)
def test_what_is_no_number_or_too_long_is_left_to_the_parser(text):
    """A number that isn't certain is never guessed."""
    assert _read(text) is None


@pytest.mark.parametrize(
    ("text", "length"), [(b"1x", 1), (b"1.5.5", 3), (b"1e5e5", 3), (b"0x1", 1), (b"12345678 9", 8)]
)
def test_a_number_ends_where_it_ends(text, length):
    """What follows a number is judged by itself."""
    read = _read(text)

    assert read is not None
    assert read[1] == length
