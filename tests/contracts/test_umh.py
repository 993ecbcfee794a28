"""Messages of United Manufacturing Hub as readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.codec import Message, Refusal
from contracts.limits import AHEAD_MS_MAX
from contracts.readings import Quality, Reason
from contracts.umh import decode_umh

TS = 1_700_000_000_000
TOPIC = b"umh.v1.acme.plant-1.shop.line-1._raw.motor.temp"
TIMED = b'{"timestamp_ms":1700000000000,"value":%b}'


@pytest.mark.parametrize(
    ("topic", "value", "asset", "values"),
    [
        (TOPIC, TIMED % b"21.5", "acme.plant-1.shop.line-1", [("motor.temp", 21.5)]),
        (b"umh.v1.acme._historian.on", TIMED % b"true", "acme", [("on", 1.0)]),
        (b"umh.v1.acme._raw._kpi.oee", b'{"value":-3,"timestamp_ms":1.7e12}', "acme", [("_kpi.oee", -3.0)]),
        (
            b"umh.v1.acme.p._historian.motor",
            b'{"timestamp_ms":1700000000000,"temp":7,"axis":{"x":1.5},"state":"on"}',
            "acme.p",
            [("motor.temp", 7.0), ("motor.axis.x", 1.5)],
        ),
        (b"umh.v1.acme.p._historian", b'{"timestamp_ms":1700000000000,"temp":7}', "acme.p", [("temp", 7.0)]),
        (b"umh.v1.acme.p._historian.temp", b'{"timestamp_ms":1700000000000,"temp":7}', "acme.p", [("temp", 7.0)]),
    ],
)
def test_the_location_is_the_asset_and_the_rest_the_sensor(topic, value, asset, values):
    """As UMH's topic convention has it; several numbers of an older version too."""
    message = decode_umh(topic, value, TS)

    assert isinstance(message, Message)
    assert (message.asset, list(message.values), message.ts) == (asset, values, TS)
    assert (message.quality, message.refusals, message.ts_missing) == (Quality.GOOD, (), False)


@pytest.mark.parametrize(
    ("topic", "value"),
    [
        (TOPIC, TIMED % b'"running"'),
        (TOPIC, TIMED % b"null"),
        (TOPIC, b'{"order_id":"WO-1","quantity":1000}'),
        (TOPIC, b'{"order_id":"WO-1","quantity":1000,"timestamp_ms":1700000000000}'),
        (TOPIC, b'{"timestamp_ms":1700000000000,"value":1,"quantity":2}'),
        (b"umh.v1.acme._historian", TIMED % b'"text"'),
        (b"umh.v1.acme._historian", TIMED % (b'{"a":' * 1000 + b"1" + b"}" * 1000)),
        (TOPIC, None),
    ],
)
def test_what_is_no_reading_is_no_fault(topic, value):
    """Texts, records of orders, and tombstones belong to a namespace as readings do."""
    assert decode_umh(topic, value, TS) is None


@pytest.mark.parametrize(
    ("topic", "value", "reason"),
    [
        (None, TIMED % b"1", Reason.MISSING_ASSET),
        (b"press-1", TIMED % b"1", Reason.BAD_NAME),
        (b"umh.v1._raw.temp", TIMED % b"1", Reason.BAD_NAME),
        (b"umh.v2.acme._raw.temp", TIMED % b"1", Reason.BAD_NAME),
        (b"umh.v1.acme.temp", TIMED % b"1", Reason.BAD_NAME),
        (b"umh.v1.acme.._raw.temp", TIMED % b"1", Reason.BAD_NAME),
        (b"umh.v1." + b"x" * 300 + b"._raw.temp", TIMED % b"1", Reason.BAD_NAME),
        (TOPIC, b"{half", Reason.NOT_JSON),
        (TOPIC, b"21.5", Reason.NOT_OBJECT),
        (TOPIC, b'{"timestamp_ms":"soon","value":1}', Reason.BAD_TS),
        (TOPIC, b'{"timestamp_ms":1.5,"value":1}', Reason.BAD_TS),
        (TOPIC, b'{"timestamp_ms":%d,"value":1}' % (TS + AHEAD_MS_MAX + 1), Reason.TS_TOO_FAR_AHEAD),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(topic, value, reason):
    """As in andon's own form."""
    refusal = decode_umh(topic, value, TS)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@given(st.binary(max_size=40) | st.just(TOPIC), st.binary(max_size=60), st.integers(-1, 2**42))
def test_no_bytes_raise(topic, value, stamp):
    """Bad data is a value."""
    decode_umh(topic, value, stamp)
