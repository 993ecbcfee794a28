"""Sparkplug B: payloads made by another implementation, and an edge node at a real broker."""

from __future__ import annotations

import asyncio
import time
from math import isnan

import pytest
from pysparkplug import DataType, DBirth, DData, DDeath, Metric, NBirth, NData, NDeath

from contracts.gateways import Sparkplug
from gateways import sparkplug
from gateways.happenings import Happenings
from gateways.seam import BAD, GOOD, UNCERTAIN, Frame
from gateways.sparkplug import Host, SparkplugSource
from gateways.sparkplug_payload import Payload
from tests.gateways.peers.edge_node import metric, press_node

T0 = 1_700_000_000_000


@pytest.fixture
def host():
    """A host that knows nobody, and what it tells."""
    happenings = Happenings(["floor"])
    host = Host(Sparkplug(name="floor", host="broker"), happenings)
    host.count = lambda name, **labels: happenings.registry.get_sample_value(
        f"andon_gateway_{name}_total", {"device": "floor", **labels}
    )
    return host


def bd_seq(number):
    """Which session it is."""
    return Metric(T0, "bdSeq", DataType.INT64, number)


def born(host, *, session=0):
    """A node and its press, as at 20 degrees."""
    node = NBirth(T0, 0, (Metric(T0, "Node Control/Rebirth", DataType.BOOLEAN, False), bd_seq(session)))
    device = DBirth(
        T0, 1, [metric("Temperature", 20.0, ts_ms=T0), metric("Offset", -3, ts_ms=T0), metric("Label", "A-7", ts_ms=T0)]
    )
    return [
        *host.take("spBv1.0/line/NBIRTH/edge", node.encode()),
        *host.take("spBv1.0/line/DBIRTH/edge/press", device.encode()),
    ]


def data(host, seq, *metrics):
    """DDATA of the press."""
    return host.take("spBv1.0/line/DDATA/edge/press", DData(T0 + seq, seq, metrics).encode())


def test_a_birth_names_and_data_tell_by_alias(host):
    """Signed numbers are signed, texts are left out, and what a node says of itself is no reading."""
    assert born(host) == [Frame("line.edge.press", T0, GOOD, {"Temperature": 20.0, "Offset": -3})]
    assert data(host, 2, metric("Temperature", 21.5, by_alias=True, ts_ms=T0 + 9)) == [
        Frame("line.edge.press", T0 + 9, GOOD, {"Temperature": 21.5})
    ]
    assert data(host, 3, metric("Offset", -32768, by_alias=True, ts_ms=T0 + 9)) == [
        Frame("line.edge.press", T0 + 9, GOOD, {"Offset": -32768})
    ]
    assert host.requests == []


def test_a_gap_in_the_sequence_asks_for_a_rebirth_and_trusts_less_until_it_comes(host):
    """A message of the node is missing: who knows what it said."""
    born(host)

    (frame,) = data(host, 4, metric("Temperature", 21.0, by_alias=True, ts_ms=T0))
    again = data(host, 5, metric("Temperature", 22.0, by_alias=True, ts_ms=T0))

    assert (frame.quality, again[0].quality) == (UNCERTAIN, UNCERTAIN)
    assert host.requests == ["spBv1.0/line/NCMD/edge"]  # once: it may be busy with it
    assert host.count("gaps") == 1
    born(host)
    assert data(host, 2, metric("Temperature", 23.0, by_alias=True, ts_ms=T0))[0].quality == GOOD


def test_the_sequence_goes_round(host):
    """After 255 comes 0, and a rebirth need not begin at 0."""
    born(host)
    for number in range(2, 600):
        assert data(host, number % 256, metric("Temperature", number, by_alias=True, ts_ms=T0))[0].quality == GOOD

    assert host.count("gaps") == 0


def test_who_was_never_born_is_asked_and_not_believed(host):
    """A gateway that comes later than the nodes."""
    assert data(host, 7, metric("Temperature", 21.0, by_alias=True)) == []
    assert host.requests == ["spBv1.0/line/NCMD/edge"]


def test_an_alias_that_no_birth_named_is_counted(host):
    """The birth that did was missed."""
    born(host)

    assert data(host, 2, metric("Running", True, by_alias=True)) == []
    assert host.count("refusals", reason="unknown") == 1
    assert data(host, 3, metric("Temperature", 1.0, by_alias=True))[0].quality == UNCERTAIN
    assert host.requests == ["spBv1.0/line/NCMD/edge"]


def test_deaths_take_the_quality_of_what_died(host):
    """A device by its death, all of a node by its own."""
    born(host)
    (device,) = host.take("spBv1.0/line/DDEATH/edge/press", DDeath(T0, 2).encode())
    (node,) = host.take("spBv1.0/line/NDEATH/edge", NDeath(T0, bd_seq(0)).encode())

    for frame in (device, node):
        assert (frame.asset, frame.quality, frame.values.keys()) == ("line.edge.press", BAD, {"Temperature", "Offset"})
        assert all(map(isnan, frame.values.values()))


def test_the_death_of_an_old_session_is_ignored(host):
    """The broker tells the will of a connection that was replaced long ago."""
    born(host, session=4)

    assert host.take("spBv1.0/line/NDEATH/edge", NDeath(T0, bd_seq(3)).encode()) == []
    assert data(host, 2, metric("Temperature", 1.0, by_alias=True))[0].quality == GOOD


def test_what_a_birth_no_longer_has_is_lost(host, monkeypatch):
    """A device that was taken away: told once the births of devices must have come."""
    born(host)
    assert host.take("spBv1.0/line/NBIRTH/edge", NBirth(T0, 0, (bd_seq(1),)).encode()) == []
    assert host.take("spBv1.0/line/NDATA/edge", NData(T0, 1, ()).encode()) == []
    monkeypatch.setattr(sparkplug, "monotonic", lambda: time.monotonic() + sparkplug.BIRTH_S)
    frames = host.take("spBv1.0/line/NDATA/edge", NData(T0, 2, ()).encode())

    assert [(frame.asset, frame.quality, *frame.values) for frame in frames] == [
        ("line.edge.press", BAD, "Temperature", "Offset")
    ]


def test_a_rebirth_takes_nothing_away(host):
    """What is born again was never gone."""
    born(host)

    assert [frame.quality for frame in born(host)] == [GOOD]
    assert data(host, 2, metric("Temperature", 23.0, by_alias=True))[0].quality == GOOD


def test_null_and_the_quality_property_are_heeded(host):
    """Null is no value; 0 and 500 are bad, 192 is good."""
    born(host)
    (null,) = data(host, 2, metric("Temperature", None, by_alias=True, ts_ms=T0))
    assert isnan(null.values["Temperature"])

    for seq, (told, quality) in enumerate([(192, GOOD), (0, BAD), (500, BAD), (64, UNCERTAIN)], 3):
        payload = Payload(timestamp=T0, seq=seq)
        payload.metrics.add(alias=11, double_value=1.0).properties.keys.append("Quality")
        payload.metrics[0].properties.values.add(type=3, int_value=told)
        (frame,) = host.take("spBv1.0/line/DDATA/edge/press", payload.SerializeToString())
        assert frame.quality == quality


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("spBv1.0/STATE/host", b'{"online":true}'),
        ("spBv1.0/line/NCMD/edge", b""),
        ("spBv1.0/line/NDATA/edge/press", b""),
        ("spBv1.0/line/DDATA/edge", b""),
        ("spBv1.0/line", b""),
        ("other/line/NDATA/edge", b""),
    ],
)
def test_what_is_for_others_is_left_alone(host, topic, body):
    """A namespace is shared."""
    assert host.take(topic, body) == []
    assert host.requests == []


def test_bytes_that_are_no_payload_are_counted(host):
    """Nothing breaks."""
    assert host.take("spBv1.0/line/NDATA/edge", b"\xff\xff\xff") == []
    assert host.count("refusals", reason="bad_payload") == 1


def test_more_nodes_than_are_allowed_are_refused(host, monkeypatch):
    """Who makes up names is stopped."""
    monkeypatch.setattr(sparkplug, "NODES_MAX", 1)
    born(host)

    assert host.take("spBv1.0/line/NBIRTH/other", NBirth(T0, 0, (bd_seq(0),)).encode()) == []
    assert host.take("spBv1.0/line/NDATA/other", NData(T0, 1, ()).encode()) == []
    assert host.count("refusals", reason="capacity") == 2


def test_an_edge_node_is_read_asked_and_missed(mosquitto):
    """At a real broker: data by alias, a gap that is answered by a request for rebirth, a death by the last will."""
    asked = SparkplugSource(
        Sparkplug(name="floor", host="127.0.0.1", port=mosquitto.port, host_id="andon-test"), Happenings(["floor"])
    )

    async def all_of_it():
        await asked.connect()
        try:
            with press_node(mosquitto.port) as node:
                found = []
                async for frames in asked.readings():
                    found += [(frame.quality, frame.values) for frame in frames]
                    if len(found) == 1:
                        node.tell(metric("Temperature", 30.0, by_alias=True))
                        node.tell(metric("Temperature", 31.0, by_alias=True), skip=2)
                    elif len(found) == 4:  # born again
                        node.break_off()
                    elif len(found) > 4:
                        return found, node.commands
        finally:
            await asked.close()

    found, commands = asyncio.run(all_of_it())

    assert [values for _, values in found[:4]] == [
        {"Temperature": 20.0, "Offset": -3, "Running": True},
        {"Temperature": 30.0},
        {"Temperature": 31.0},
        {"Temperature": 20.0, "Offset": -3, "Running": True},
    ]
    assert [quality for quality, _ in found] == [GOOD, GOOD, UNCERTAIN, GOOD, BAD]
    assert commands == ["Node Control/Rebirth"]
