"""Times as text are what a calendar says, or left to the reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.codec import decode_message
from dataflows.scan.times import time_at

_OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_FROM, _TO = datetime.fromisoformat("1970-01-03"), datetime.fromisoformat("9999-12-29")


def _read(text):
    held = np.frombuffer(text.encode() + b'"' + bytes(16), np.uint8)
    return time_at(held.ctypes.data, held.ctypes.data + len(text.encode()))


@given(moment=st.datetimes(_FROM, _TO, timezones=_OFFSETS))
@example(moment=datetime(2000, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC))
@example(moment=datetime(2100, 3, 1, tzinfo=UTC))
def test_a_time_is_the_one_that_the_reference_reads(moment):
    """A reading of a leap day, or of a plant five and three quarter hours ahead, is not shifted."""
    text = moment.isoformat()

    reading = decode_message(b'{"asset":"a","sensor":"s","value":1,"ts":"%b"}' % text.encode(), -1)

    assert _read(text) == reading.ts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-00-10T00:00:00Z",
        "2023-13-10T00:00:00Z",
        "2023-11-14T24:00:00Z",
        "2023-11-14T22:60:00Z",
        "2023-11-14T22:13:60Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20.1234567890Z",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20+0100",
        "2023-11-14T22:13:20ZZ",
        "2023-11-14_22:13:20Z",
        "1969-12-31T23:59:59Z",
        "x023-11-14T22:13:20Z",
    ],
)
def test_what_is_no_time_is_left_to_the_reference(text):
    """A time that isn't certain is never guessed."""
    assert _read(text) == 0
