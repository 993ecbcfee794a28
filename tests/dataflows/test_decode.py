"""The quick decoder gives what the reference gives, whatever the batch, the neighbours and the bytes."""

from __future__ import annotations

import struct
from collections import defaultdict

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.codec import Refusal, decode_message
from contracts.limits import AHEAD_MS_MAX, MESSAGE_BYTES_MAX
from contracts.readings import Block, Quality, Reason, Reject, group_key, group_of
from contracts.settings import Service, Settings
from dataflows.decode import REJECT_KEY, ROWS_AT_FIRST, Decoder
from dataflows.happenings import Happenings, Refused
from dataflows.series import SeriesTable
from tests.nasty import MESSAGES, TS
from tests.polls import ARRIVED, SOURCES, poll

USUAL = b'{"asset":"press-1","sensor":"temp","ts":%d,"value":1.5}' % TS
MANY = b'{"asset":"press-1","ts":%d,"values":{"temp":1.5,"p":4}}' % TS
SMALL = Settings(service=Service(key_groups=4, sensors_per_asset_max=3, series_per_group_max=5))

_UNSEEN = Happenings()
"""For tests that don't look at metrics: a registry takes longer to make than a poll to decode."""


def _decoder(settings=SMALL, happenings=None):
    return Decoder(settings, lane=2, happenings=happenings or _UNSEEN)


class _Seen:
    """What came out of a decoder, as the flow would see it: readings by group with their names, and the rest."""

    def __init__(self):
        self.readings = defaultdict(list)
        self.rejects = []
        self.findings = []
        self._names = {}

    def take(self, items):
        order = [0 if isinstance(item, Block) else 2 if isinstance(item, Reject) else 1 for _, item in items]
        assert order == sorted(order)
        for key, item in items:
            if isinstance(item, Block):
                self._take_block(key, item)
            elif isinstance(item, Reject):
                assert key == REJECT_KEY
                self.rejects.append(item)
            else:
                self.findings.append((key, item))
        return self

    def _take_block(self, key, block):
        assert block.lane == 2
        for name in block.names:
            assert name.number not in self._names
            self._names[name.number] = (key, name.asset, name.sensor)
        for row in block.rows:
            group, asset, sensor = self._names[int(row["series"])]
            assert group == key
            source = f"{block.sources[row['partition']]}/{row['offset']}"
            bits = struct.pack("d", row["value"])
            self.readings[key].append((asset, sensor, int(row["ts"]), bits, int(row["quality"]), source))


def _by_reference(one_poll, settings):
    """The same, from the reference decoder: message by message."""
    seen = _Seen()
    table = SeriesTable(settings.service)
    for i, (_, _, stamp, offset, index) in enumerate(one_poll.messages.tolist()):
        topic, partition = SOURCES[index]
        value = one_poll.value(i)
        decoded = decode_message(value, stamp)
        refusals = [decoded] if isinstance(decoded, Refusal) else list(decoded.refusals)
        for sensor, number in () if isinstance(decoded, Refusal) else decoded.values:
            outcome = table.number(decoded.asset, sensor, decoded.ts)
            if isinstance(outcome, Refusal):
                refusals.append(outcome)
                continue
            key = group_key(group_of(decoded.asset, settings.service.key_groups))
            source = f"{topic}/{partition}/{offset}"
            seen.readings[key].append(
                (decoded.asset, sensor, decoded.ts, struct.pack("d", number), int(decoded.quality), source)
            )
        for reason in dict.fromkeys(refusal.reason for refusal in refusals):
            alike = [refusal.detail for refusal in refusals if refusal.reason is reason]
            detail = alike[0] + (f" (and {len(alike) - 1} more)" if len(alike) > 1 else "")
            seen.rejects.append(Reject(reason, detail, one_poll.key(i), value, topic, partition, offset))
    return seen


def _in_batches(one_poll, sizes, settings):
    """The same messages in several polls."""
    seen, decoder, start = _Seen(), _decoder(settings), 0
    while start < len(one_poll.messages):
        size = sizes[start % len(sizes)]
        part = slice(start, start + size)
        first = start
        seen.take(
            decoder.decode(
                one_poll._replace(messages=one_poll.messages[part], key=lambda i, first=first: one_poll.key(first + i))
            )
        )
        start += size
    return seen


_NAMES = st.sampled_from(["press-1", "oven-2", "temp", "p", "", "ä", 5, None, True, ["temp"]])
_TIMES = st.sampled_from(
    [TS, TS + 1, 0, 1, 2, True, 1.7e12, None, -5, 2**63, 2**64 - 1, "2023-11-14T22:13:20Z", ARRIVED]
)
_VALUES = st.sampled_from([1.5, -2, 0, True, None, "1.5", 2**63, 2**64 - 1, [1], {}, -0.0]) | st.floats(allow_nan=False)
_QUALITIES = st.sampled_from(["good", "GOOD", "Bad", "uNcertain", "x", None, 0, 2**31, 0.0, False, [], -1])
_OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "asset": _NAMES,
        "sensor": _NAMES,
        "ts": _TIMES,
        "value": _VALUES,
        "values": st.dictionaries(st.sampled_from(["temp", "p", "", "q", "r", "\n"]), _VALUES, max_size=4)
        | st.sampled_from([None, [], ["temp"], "temp", 5]),
        "quality": _QUALITIES,
    },
).map(orjson.dumps)
_LIKELY = st.fixed_dictionaries(
    {"asset": st.sampled_from(["press-1", "oven-2"]), "sensor": st.sampled_from(["temp", "p"]), "value": _VALUES},
    optional={"ts": _TIMES, "quality": _QUALITIES},
).map(orjson.dumps)
_CORPUS = st.sampled_from([nasty.value for nasty in MESSAGES if nasty.value is None or len(nasty.value) < 2000])


@st.composite
def _mutated(draw):
    """A message with some bytes cut out, put in or doubled."""
    body = draw(_CORPUS) or b""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 8)))
        other = draw(
            st.sampled_from([b"", b'"', b",", b"}", b"]", b"[", b"{", b"0", b"1e5", b"\xff", b"\\", b'"ts":1,', USUAL])
        )
        body = body[:start] + other + body[end:]
    return body


_MESSAGE = st.just(USUAL) | st.just(MANY) | _LIKELY | _OBJECTS | _CORPUS | _mutated()
_STAMPS = st.sampled_from([ARRIVED, -1, 0, TS - AHEAD_MS_MAX, TS - AHEAD_MS_MAX - 1, 2**62])


@given(
    messages=st.lists(st.tuples(_MESSAGE, _STAMPS), min_size=1, max_size=40),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=3),
)
@example(messages=[(nasty.value, ARRIVED) for nasty in MESSAGES], sizes=[len(MESSAGES)])
@example(messages=[(nasty.value, ARRIVED) for nasty in MESSAGES * 2], sizes=[7])
@example(messages=[(USUAL, ARRIVED)] * 3 + [(MANY, ARRIVED)] * 3, sizes=[3])
def test_the_quick_way_gives_what_the_reference_gives(messages, sizes):
    """A message's readings and rejects don't depend on what it was polled together with."""
    values, stamps = zip(*messages, strict=True)
    one_poll = poll(*values, stamps=list(stamps), keys=[b"%d" % i for i in range(len(values))])

    seen = _in_batches(one_poll, sizes, SMALL)

    expected = _by_reference(one_poll, SMALL)
    assert dict(seen.readings) == dict(expected.readings)
    assert seen.rejects == expected.rejects


@pytest.mark.parametrize("neighbours", [(USUAL,), (MANY,), (USUAL, MANY)], ids=["single", "many", "both"])
@pytest.mark.parametrize("nasty", MESSAGES, ids=lambda nasty: nasty.name)
def test_each_nasty_message_among_usual_ones_gives_what_the_reference_gives(nasty, neighbours):
    """Where all series are known already, the quick way is taken for all that it can take."""
    one_poll = poll(MANY, *neighbours, nasty.value, *neighbours)

    seen = _in_batches(one_poll, [1, len(one_poll.messages)], SMALL)

    expected = _by_reference(one_poll, SMALL)
    assert dict(seen.readings) == dict(expected.readings)
    assert seen.rejects == expected.rejects


def test_a_poll_with_more_readings_than_there_was_place_for_gives_what_the_reference_gives():
    """A large poll is read whole."""
    values = [USUAL, MANY, b"{", b'{"asset":"oven-2","sensor":"p","ts":%d,"value":3}' % TS] * (ROWS_AT_FIRST // 2 + 1)
    one_poll = poll(*values)
    expected = _by_reference(one_poll, SMALL)

    seen = _Seen().take(_decoder().decode(one_poll))

    assert dict(seen.readings) == dict(expected.readings)
    assert seen.rejects == expected.rejects
    assert len(expected.rejects) == len(values) // 4
    assert sum(map(len, expected.readings.values())) == len(values) > 2 * ROWS_AT_FIRST


@pytest.mark.parametrize(
    "nasty",
    [
        USUAL + b"," + USUAL,
        USUAL + b"],[" + USUAL,
        b'{"asset":"press-1","sensor":"',
        b'","ts":1,"value":1}',
        b"[",
        b"]",
        b"",
        b",",
        b"1,2,3",
        b" ",
        b"[" * 1024 + b"]" * 1024,
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_message_can_not_shift_its_neighbours(nasty, place):
    """Whoever may write one message can't change what others said."""
    values = [b'{"asset":"press-1","sensor":"temp","ts":%d,"value":%d}' % (TS + i, i) for i in range(3)]
    values[place] = nasty

    seen = _Seen().take(_decoder().decode(poll(*values)))

    kept = [(ts - TS, struct.unpack("d", bits)[0]) for rows in seen.readings.values() for _, _, ts, bits, _, _ in rows]
    assert kept == [(i, float(i)) for i in range(3) if i != place]
    assert [(reject.offset, reject.value) for reject in seen.rejects] == [(place, nasty)]


def test_a_reject_carries_all_that_its_message_was():
    """A dead letter can be sent in again, once mended, as it came."""
    seen = _Seen().take(_decoder().decode(poll(USUAL, b'{"half', keys=[b"k0", b"k1"], first_offset=70)))

    assert seen.rejects == [
        Reject(
            reason=Reason.NOT_JSON,
            detail="unexpected end of data: line 1 column 7 (char 6)",
            key=b"k1",
            value=b'{"half',
            topic="readings",
            partition=3,
            offset=71,
        )
    ]


def test_many_bad_values_of_one_message_are_one_reject_and_counted_one_by_one():
    """A megabyte of bad values is one dead letter, not ten thousand of a megabyte each."""
    happenings = Happenings()
    values = {f"s{i}": None for i in range(500)} | {"": 1, "good": 2}
    message = orjson.dumps({"asset": "a", "ts": TS, "values": values})

    seen = _Seen().take(_decoder(happenings=happenings).decode(poll(message)))

    assert [(reject.reason, reject.detail) for reject in seen.rejects] == [
        (Reason.BAD_VALUE, "sensor s0: value is null, not a number or a boolean (and 499 more)"),
        (Reason.BAD_NAME, "sensor name is empty"),
    ]
    assert _count(happenings, "andon_rejects_total", reason="bad_value") == 500
    assert _count(happenings, "andon_rejects_total", reason="bad_name") == 1
    assert _count(happenings, "andon_rejects_total", reason="not_json") == 0


def _count(happenings, name, **labels):
    return happenings.registry.get_sample_value(name, labels)


def test_messages_without_a_time_are_counted():
    """Somebody should know that a gateway sends no times."""
    happenings = Happenings()
    message = b'{"asset":"a","sensor":"s","value":1}'

    seen = _Seen().take(_decoder(happenings=happenings).decode(poll(message, USUAL, message, stamps=[TS, TS, TS + 1])))

    assert _count(happenings, "andon_ts_missing_total") == 2
    assert sorted(ts for rows in seen.readings.values() for _, _, ts, *_ in rows) == [TS, TS, TS + 1]


def test_both_stages_are_timed():
    """Where the time goes can be seen on a dashboard."""
    happenings = Happenings()

    _decoder(happenings=happenings).decode(poll(USUAL))

    assert _count(happenings, "andon_stage_seconds_total", stage="decode") > 0
    assert _count(happenings, "andon_stage_seconds_total", stage="split") > 0


def test_a_sensor_too_many_is_refused_and_alerted_once():
    """A gateway that invents sensors doesn't fill the memory, and somebody is told."""
    decoder = _decoder()
    values = {f"s{i}": i for i in range(5)}
    message = orjson.dumps({"asset": "a", "ts": TS, "values": values})

    first = decoder.decode(poll(message, first_offset=8))
    second = decoder.decode(poll(message))

    (reject,) = [item for _, item in first if isinstance(item, Reject)]
    ((key, (finding,)),) = [(key, item) for key, item in first if isinstance(item, tuple)]
    assert reject.reason is Reason.CAPACITY
    assert reject.detail == "sensors of 'a' exceed 3: raise service.sensors_per_asset_max (and 1 more)"
    assert key == group_key(group_of("a", 4))
    assert (finding.asset, finding.kind, finding.rule, finding.source) == ("a", "capacity", "sensors", "readings/0/8")
    assert (finding.ts, finding.onset_ts, finding.evidence) == (TS, TS, {"sensors_max": 3})
    assert [type(item) for _, item in second] == [Block, Reject]


def test_who_is_refused_can_be_asked_for():
    """A sensor that doesn't fit is named where the service is asked how it is, as long as the process lives."""
    happenings = Happenings()
    decoder = _decoder(happenings=happenings)

    for _ in range(2):
        decoder.decode(poll(orjson.dumps({"asset": "a", "ts": TS, "values": {f"s{i}": i for i in range(5)}})))

    assert happenings.refused() == [Refused("sensors", "a", group_key(group_of("a", 4)), 3)]


def test_a_message_of_the_largest_size_is_read_and_a_larger_one_refused():
    """The bound is where the documentation says it is."""
    largest = USUAL + b" " * (MESSAGE_BYTES_MAX - len(USUAL))

    seen = _Seen().take(_decoder().decode(poll(USUAL, largest, largest + b" ", USUAL)))

    assert [len(rows) for rows in seen.readings.values()] == [3]
    assert [(reject.reason, reject.offset) for reject in seen.rejects] == [(Reason.TOO_LARGE, 2)]


def test_nothing_polled_is_nothing():
    """An idle lane costs nothing downstream."""
    assert _decoder().decode(poll()) == []


def test_a_block_arrived_when_its_newest_message_did():
    """Silence is measured on arrival: each group's own, not that of the others."""
    groups = Settings(service=Service(key_groups=4096))
    other = USUAL.replace(b"press-1", b"oven-2")

    items = _decoder(groups).decode(poll(USUAL, other, USUAL, stamps=[TS + 5, TS + 90, TS + 7]))

    arrived = {block.rows["offset"].tolist()[0]: block.arrived_ms for _, block in items}
    assert arrived == {0: TS + 7, 1: TS + 90}


def test_where_there_is_no_kafka_timestamp_a_block_arrived_at_its_newest_reading():
    """A recording is its own clock."""
    message = USUAL.replace(b"%d" % TS, b"%d" % (TS + 60_000))

    ((_, block),) = _decoder().decode(poll(message, USUAL, stamps=[-1, -1]))

    assert block.arrived_ms == TS + 60_000


def test_rows_of_many_sensors_keep_their_order():
    """Readings reach the detectors in the order in which they came."""
    ((_, block),) = _decoder().decode(poll(MANY, USUAL, MANY))

    assert block.rows["offset"].tolist() == [0, 0, 1, 2, 2]
    assert block.rows["value"].tolist() == [1.5, 4, 1.5, 1.5, 4]
    assert block.rows["quality"].tolist() == [Quality.GOOD] * 5
    assert block.sources == ("readings/0", "readings/3")
    assert block.rows["partition"].tolist() == [0, 0, 1, 0, 0]
