"""Numbers within a block of bytes, against one call of struct for each."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.layout import SIZES, Field, Layout, Span, spans

BLOCK = bytes(range(7, 255, 3)) * 2

fields = st.lists(
    st.builds(
        Field,
        st.sampled_from(["a", "b"]),
        st.uuids().map(str),
        st.integers(0, 100),
        st.sampled_from([*SIZES, "?"]),
        bit=st.integers(0, 7),
        scale=st.sampled_from([1.0, 0.1, -2.0]),
        offset=st.sampled_from([0.0, -40.0]),
        swapped=st.booleans(),
    ).filter(lambda field: not (field.swapped and SIZES.get(field.kind, 1) < 4)),
    max_size=30,
)


def plainly(field):
    """What one field says, read by itself."""
    raw = BLOCK[field.at : field.end]
    if field.kind == "?":
        value = bool(raw[0] >> field.bit & 1)
    else:
        words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
        (value,) = struct.unpack(f">{field.kind}", b"".join(words[::-1]) if field.swapped else raw)
    return value if (field.scale, field.offset) == (1.0, 0.0) else value * field.scale + field.offset


@given(fields)
def test_fields_of_all_sorts_overlap_as_they_like(fields):
    """A status word, its bits, and a number across both: each says what it says alone."""
    values = Layout(fields).values(BLOCK)

    assert sum(map(len, values.values())) == len(fields)
    for field in fields:
        assert repr(values[field.asset][field.sensor]) == repr(plainly(field))


@given(fields)
def test_in_little_endian_every_number_is_that_of_its_bytes_turned_round(fields):
    """As CIP has it."""
    fields = [field._replace(swapped=False, scale=1.0, offset=0.0) for field in fields]

    values = Layout(fields, order="<").values(BLOCK)

    for field in fields:
        raw = BLOCK[field.at : field.end]
        expected = bool(raw[0] >> field.bit & 1) if field.kind == "?" else struct.unpack(f"<{field.kind}", raw)[0]
        assert repr(values[field.asset][field.sensor]) == repr(expected)


def test_a_block_that_is_too_short_is_an_error_and_no_number():
    """Half an answer is none."""
    with pytest.raises(struct.error):
        Layout([Field("a", "x", 8, "d")]).values(bytes(15))


@given(
    st.lists(st.builds(lambda at, size: Span(at, at + size), st.integers(0, 400), st.integers(1, 4)), max_size=60),
    st.integers(0, 20),
)
def test_all_that_is_wanted_is_within_some_span(wanted, gap):
    """No longer than a request may be."""
    found = spans(wanted, length_max=100, gap_max=gap)

    assert all(any(each.start <= want.start and want.end <= each.end for each in found) for want in wanted)
    assert all(span.end - span.start <= 100 for span in found)
    assert len(found) <= len(wanted)


def test_what_is_near_is_read_along():
    """One request costs more than eight registers."""
    wanted = [Span(0, 2), Span(4, 6), Span(30, 31), Span(130, 131)]

    assert spans(wanted, length_max=100, gap_max=8) == [Span(0, 6), Span(30, 31), Span(130, 131)]
    assert spans(wanted, length_max=100, gap_max=0) == wanted
    assert spans(wanted, length_max=1000, gap_max=1000) == [Span(0, 131)]
