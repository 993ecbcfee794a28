"""A line of a recording says to a replay what the message said to the service."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.record.lines import NO_TIMESTAMP, line_of
from contracts.codec import Message, Refusal, decode_message
from contracts.limits import AHEAD_MS_MAX

T0 = 1_700_000_000_000


def recorded(value, ts_ms=T0):
    """What the service makes of a message, its line, and what a replay makes of that."""
    decoded = decode_message(value, ts_ms)
    line = line_of(value, decoded, ts_ms)
    return decoded, line, None if line is None else decode_message(line, NO_TIMESTAMP)


def test_a_message_stays_as_it_was_on_the_wire():
    """Whatever a device adds to its readings is kept."""
    value = b'{"asset":"pump","sensor":"flow","ts":1700000000000,"value":1.50,"note":"\xc3\xa4"}'

    decoded, line, replayed = recorded(value)

    assert line == value
    assert replayed == decoded


@pytest.mark.parametrize(
    "value",
    [
        b'{"asset":"pump","sensor":"flow","value":1}',
        b'{"asset":"pump","sensor":"flow","value":1,"ts":null}',
        b' {"asset":"pump",\n"values":{"a":1,"b":"x"}\n}\n',
    ],
)
def test_a_message_without_a_time_is_given_that_of_kafka(value):
    """A replay has no Kafka to ask."""
    decoded, line, replayed = recorded(value)

    assert line is not None
    assert b"\n" not in line
    assert replayed.ts == decoded.ts == T0
    assert (replayed.values, replayed.refusals) == (decoded.values, decoded.refusals)


@pytest.mark.parametrize(
    "value", [b"{half", b"[1]", b'{"asset":"pump"}', b"\xff\xfe\n\n", None, b'{"asset":7,"value":1}']
)
def test_what_can_not_be_read_is_kept_as_it_is(value):
    """A producer's mistakes can be looked at later, and are refused again."""
    decoded, line, replayed = recorded(value)

    assert line is not None
    assert b"\n" not in line
    assert isinstance(decoded, Refusal)
    assert isinstance(replayed, Refusal)


def test_what_only_kafkas_time_condemned_is_left_out():
    """A reading from tomorrow, which the service refuses, must not become one that a replay takes."""
    value = orjson.dumps({"asset": "pump", "sensor": "flow", "ts": T0 + AHEAD_MS_MAX + 1, "value": 1})

    assert recorded(value)[1] is None
    assert recorded(value, T0 + 1)[1] == value


@pytest.mark.parametrize("value", [b"", b" \n "])
def test_an_empty_message_has_no_line(value):
    """Empty lines are passed over by every reader."""
    assert recorded(value)[1] is None


DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "asset": st.sampled_from(["pump", "", None, 3]),
        "sensor": st.sampled_from(["flow", "a\nb", None]),
        "ts": st.sampled_from([T0, T0 + AHEAD_MS_MAX, T0 + AHEAD_MS_MAX + 1, None, -1, "2023-11-14T22:13:20Z", "now"]),
        "value": st.sampled_from([1, 2.5, True, "x", None]),
        "values": st.dictionaries(st.sampled_from(["a", "b}", '"']), st.sampled_from([1, "x"]), max_size=3),
        "quality": st.sampled_from(["good", "bad", "fine", 0, None]),
        "note": st.text(max_size=5),
    },
)


@given(DOCUMENTS, st.sampled_from([0, orjson.OPT_INDENT_2, orjson.OPT_APPEND_NEWLINE]))
def test_a_replay_of_a_line_is_the_service_of_its_message(document, option):
    """Whatever the message: the same readings, or none."""
    decoded, line, replayed = recorded(orjson.dumps(document, option=option))

    if isinstance(decoded, Message):
        assert (replayed.asset, replayed.ts, replayed.quality, replayed.values, replayed.refusals) == (
            *(decoded.asset, decoded.ts, decoded.quality, decoded.values, decoded.refusals),
        )
    else:
        assert line is None or isinstance(replayed, Refusal)
