"""A lane with topics of United Manufacturing Hub beside andon's own."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.readings import Block, Reason, Reject
from contracts.settings import Kafka, Settings
from dataflows.decode import Decoder
from dataflows.happenings import Happenings
from dataflows.polls import joined

TS = 1_700_000_000_000
TOPIC = "umh.messages"
SETTINGS = Settings(kafka=Kafka(readings=("readings", TOPIC), formats={TOPIC: "umh"}))
OWN = b'{"asset":"press-1","sensor":"temp","ts":%d,"value":%d}'
THEIRS = b'{"timestamp_ms":%d,"value":%d}'


def poll(*messages):
    """A poll of (partition index, key, value): 0 is a topic of andon's own, 1 is UMH's."""
    keys = [key for _, key, _ in messages]
    return joined(
        [value for _, _, value in messages],
        stamps_ms=[TS + 1000] * len(messages),
        partitions=np.array([index for index, _, _ in messages], np.uint16),
        offsets=np.arange(len(messages), dtype=np.int64),
        sources=(("readings", 0), (TOPIC, 0)),
        key=lambda index: keys[index],
    )


def heard(*polls):
    """(asset, sensor, ts, value, offset) of all readings in the order of the offsets, rejects, and the metrics."""
    happenings = Happenings()
    decoder = Decoder(SETTINGS, lane=0, happenings=happenings)
    names, readings, rejects = {}, [], []
    for one_poll in polls:
        for _, item in decoder.decode(one_poll):
            if isinstance(item, Block):
                names |= {name.number: (name.asset, name.sensor) for name in item.names}
                readings += [
                    (*names[int(row["series"])], int(row["ts"]), float(row["value"]), int(row["offset"]))
                    for row in item.rows
                ]
            elif isinstance(item, Reject):
                rejects.append(item)
    return sorted(readings, key=lambda each: each[-1]), rejects, happenings.registry.get_sample_value, decoder


def test_each_topic_is_read_in_its_own_form():
    """Whatever comes between: runs of both, texts and records, and what is refused."""
    key = b"umh.v1.acme.line-1._raw.motor.temp"
    messages = [
        (0, b"press-1", OWN % (TS, 1)),
        (0, b"press-1", OWN % (TS + 1, 2)),
        (1, key, THEIRS % (TS + 2, 3)),
        (1, key, b'{"timestamp_ms":1,"value":"running"}'),
        (1, None, THEIRS % (TS + 3, 4)),
        (0, b"press-1", OWN % (TS + 4, 5)),
        (1, key, OWN % (TS + 5, 6)),
        (1, key, THEIRS % (TS + 6, 7)),
    ]

    readings, rejects, metric, decoder = heard(poll(*messages), poll(*messages))

    expected = [
        ("press-1", "temp", TS, 1.0, 0),
        ("press-1", "temp", TS + 1, 2.0, 1),
        ("acme.line-1", "motor.temp", TS + 2, 3.0, 2),
        ("press-1", "temp", TS + 4, 5.0, 5),
        ("acme.line-1", "motor.temp", TS + 6, 7.0, 7),
    ]
    assert readings == sorted([*expected, *expected], key=lambda each: each[-1])
    assert [(reject.reason, reject.topic, reject.offset) for reject in rejects] == [
        (Reason.MISSING_ASSET, TOPIC, 4)
    ] * 2
    assert metric("andon_umh_left_out_total") == 4
    assert decoder.referred == 1, "andon's own take the quick lane, but for the first of a series"


def test_a_topic_of_andons_own_form_is_not_looked_at_as_umhs():
    """Only what the settings say."""
    readings, rejects, _, _ = heard(poll((0, b"umh.v1.acme._raw.temp", THEIRS % (TS, 1))))

    assert readings == []
    assert [reject.reason for reject in rejects] == [Reason.MISSING_ASSET]


def test_a_format_of_a_topic_that_is_not_read_is_a_mistake():
    """A slip of the pen would otherwise be a topic of nothing but rejects."""
    with pytest.raises(ValueError, match=r"formats has umh\.message, which isn't one of readings"):
        Kafka(readings=("umh.messages",), formats={"umh.message": "umh"})
