"""The reference decoder: every reason, every form of message, and commands."""

from __future__ import annotations

import struct
from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import Refusal, decode_message
from contracts.limits import AHEAD_MS_MAX, MESSAGE_VALUES_MAX, TS_MS_MAX
from contracts.readings import Quality, Reason
from tests.nasty import MESSAGES, TS
from tests.polls import ARRIVED


def _bits(value):
    return struct.pack("d", value)


@pytest.mark.parametrize("nasty", MESSAGES, ids=lambda nasty: nasty.name)
def test_a_nasty_message_gives_its_readings_and_its_reason(nasty):
    """Whatever a gateway sends is read or refused as the documentation says."""
    decoded = decode_message(nasty.value, ARRIVED)

    refusals = (decoded,) if isinstance(decoded, Refusal) else decoded.refusals
    readings = () if isinstance(decoded, Refusal) else decoded.values
    assert {refusal.reason for refusal in refusals} == ({nasty.reason} if nasty.reason else set())
    assert [(sensor, _bits(value)) for sensor, value in readings] == [
        (read.sensor, _bits(read.value)) for read in nasty.readings
    ]
    for read in nasty.readings:
        assert (decoded.asset, decoded.quality) == (read.asset, read.quality)
        assert decoded.ts == (ARRIVED if read.ts is None else read.ts)
        assert decoded.ts_missing == (read.ts is None)


def test_the_nasty_messages_meet_every_reason_that_a_message_can_be_refused_for():
    """A reason without an example is a reason that nobody has seen work."""
    met = Counter(nasty.reason for nasty in MESSAGES)

    assert set(met) - {None} == set(Reason) - {Reason.CAPACITY, Reason.BAD_COMMAND, Reason.BAD_SIGNATURE}
    assert len(MESSAGES) >= 60
    assert len({nasty.name for nasty in MESSAGES}) == len(MESSAGES)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_KEYS = st.sampled_from(["asset", "sensor", "ts", "value", "values", "quality", "unit"])


@given(document=st.dictionaries(_KEYS, _JSON | st.just("a") | st.just(TS)), arrived=st.sampled_from([-1, 0, ARRIVED]))
def test_any_object_is_a_message_or_a_refusal_with_a_short_detail(document, arrived):
    """No message raises, and no detail carries a payload into a header."""
    decoded = decode_message(orjson.dumps(document), arrived)

    refusals = (decoded,) if isinstance(decoded, Refusal) else decoded.refusals
    assert all(len(refusal.detail) < 400 and refusal.detail.isprintable() for refusal in refusals)
    if not isinstance(decoded, Refusal):
        assert 0 < decoded.ts <= TS_MS_MAX
        assert len(decoded.values) + len(decoded.refusals) >= 1


@given(value=st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_refusal(value):
    """Bytes that were never meant for us don't stop the plant's watch."""
    decoded = decode_message(value, ARRIVED)

    assert isinstance(decoded, Refusal)


def test_a_reading_may_be_five_minutes_ahead_and_no_more():
    """Clocks differ a little; a clock that is wrong must not close windows of the future."""
    at_bound = b'{"asset":"a","sensor":"s","value":1,"ts":%d}' % (ARRIVED + AHEAD_MS_MAX)
    beyond = b'{"asset":"a","sensor":"s","value":1,"ts":%d}' % (ARRIVED + AHEAD_MS_MAX + 1)

    assert decode_message(at_bound, ARRIVED).ts == ARRIVED + AHEAD_MS_MAX
    assert decode_message(beyond, ARRIVED).reason is Reason.TS_TOO_FAR_AHEAD
    assert decode_message(beyond, -1).ts == ARRIVED + AHEAD_MS_MAX + 1


def test_without_any_time_a_message_is_refused():
    """A file has no Kafka timestamps: a line without ts can't be placed in time."""
    decoded = decode_message(b'{"asset":"a","sensor":"s","value":1}', -1)

    assert decoded == Refusal(Reason.BAD_TS, "the message has no ts, and there is no Kafka timestamp to take instead")


def test_a_message_as_full_as_allowed_is_read_whole():
    """Ten thousand sensors in one message are ten thousand readings."""
    values = {f"s{i}": i for i in range(MESSAGE_VALUES_MAX)}

    decoded = decode_message(orjson.dumps({"asset": "a", "ts": TS, "values": values}), ARRIVED)

    assert decoded.values == tuple((sensor, float(value)) for sensor, value in values.items())
    assert decoded.refusals == ()


def test_each_value_is_refused_for_a_reason_of_its_own():
    """One bad sensor of a PLC doesn't cost the others."""
    body = {"asset": "a", "ts": TS, "values": {"good": 1, "": 2, "text": "x", "null": None, "also good": False}}

    decoded = decode_message(orjson.dumps(body), ARRIVED)

    assert decoded.values == (("good", 1.0), ("also good", 0.0))
    assert [refusal.reason for refusal in decoded.refusals] == [Reason.BAD_NAME, Reason.BAD_VALUE, Reason.BAD_VALUE]
    assert [refusal.detail for refusal in decoded.refusals[1:]] == [
        "sensor text: value is text, not a number or a boolean",
        "sensor null: value is null, not a number or a boolean",
    ]


@pytest.mark.parametrize("code", range(4))
def test_the_top_two_bits_of_a_status_code_are_its_quality(code):
    """OPC UA codes need no translation on the way in."""
    body = b'{"asset":"a","sensor":"s","value":1,"quality":%d}' % (code << 30 | 0x12345)

    decoded = decode_message(body, ARRIVED)

    assert decoded.quality is (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)[code]
