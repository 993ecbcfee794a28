"""Strings that are stepped over are valid, and names end where they end."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflows.scan.text import is_same, name_end, past_text

_VALID = [b"a", b"12345678", b'"', b"\\n", b"\\u00b0", b"\x7f", "°".encode(), "北".encode(), "🔥".encode()]
_BROKEN = [b"\\", b"\\ud83d", b"\x1f", b"\0", b"\x80", b"\xc2", b"\xed\xa0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80"]
_BYTES = st.lists(st.sampled_from(_VALID + _BROKEN), max_size=12).map(b"".join)


def _held(text):
    return np.frombuffer(text + bytes(16), np.uint8)


def _first_string(text):
    """The bytes of the string that a quote in front of the text would open, as the parser sees it; None: invalid."""
    for end in range(len(text)):
        if text[end : end + 1] == b'"':
            try:
                orjson.loads(b'"' + text[: end + 1])
            except orjson.JSONDecodeError:
                continue
            return end + 1
    return None


@given(text=_BYTES.map(lambda text: text + b'"'))
@example(text="T °C 北 🔥".encode() + b'"')
@example(text=b'\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"')
def test_a_string_that_is_stepped_over_is_one_that_the_parser_takes(text):
    """A broken unit makes a broken message, also where nobody reads the unit."""
    held = _held(text)

    end = past_text(held.ctypes.data, True)

    assert end == 0 or end - held.ctypes.data == _first_string(text)


@pytest.mark.parametrize(
    "text", ["degC", "°C", "m³/h", "北", "🔥", "with a longer name than a word holds", r"\u00b0C", r"a\"b"]
)
def test_units_of_the_world_are_stepped_over(text):
    """Python writes ° as an escape: that must not cost a message the quick lane."""
    held = _held(text.encode() + b'"')

    assert past_text(held.ctypes.data, True) - held.ctypes.data == len(text.encode()) + 1


def test_a_key_with_an_escape_is_not_stepped_over():
    """It may be another spelling of a key that we read."""
    held = _held(b'val\\u0075e"')

    assert past_text(held.ctypes.data, False) == 0


@given(text=_BYTES.map(lambda text: text + b'"'))
def test_a_name_ends_at_its_closing_quote(text):
    """A quote within a name doesn't end it."""
    held = _held(text)

    end = name_end(held.ctypes.data)

    first = _first_string(text)
    assert first is None or end - held.ctypes.data == first - 1


@given(name=st.binary(min_size=1, max_size=20), place=st.integers(0, 19))
def test_names_are_the_same_only_when_every_byte_is(name, place):
    """Two sensors are never taken for one."""
    other = bytearray(name)
    other[place % len(name)] ^= 4
    left, same, right = _held(name), _held(name), _held(bytes(other) + b"x")

    assert is_same(left.ctypes.data, same.ctypes.data, len(name))
    assert not is_same(left.ctypes.data, right.ctypes.data, len(name))
