"""EtherNet/IP against cpppo's controller."""

from __future__ import annotations

import asyncio
import struct

import pytest
from pydantic import ValidationError

from contracts.gateways import EtherNetIp
from gateways.cip import READS, CipDevice, _Read, _Reader
from gateways.ethernetip import EtherNetIpSource, discover
from gateways.happenings import Happenings
from gateways.seam import GOOD, AwayError, Description, NonsenseError
from tests.crash.proxy import Proxy
from tests.gateways.peers.ethernetip import BOOL, DINT, INT, LREAL, REAL, Logix, ScriptedDevice, services_in
from tests.gateways.process import free_port
from tests.gateways.reading import read_once


@pytest.fixture(scope="module")
def plc(tmp_path_factory):
    """A controller that runs."""
    with Logix(tmp_path_factory.mktemp("cpppo")) as plc:
        yield plc


def source(port, *points, **keys):
    """Not connected yet."""
    happenings = Happenings(["plc"])
    settings = EtherNetIp(name="plc", host="127.0.0.1", port=port, every_s=0.02, points=points, **keys)
    return EtherNetIpSource(settings, happenings), happenings


def values(frames):
    """Of all frames of the connection's own asset."""
    return {sensor: value for frame in frames if frame.asset == "plc" for sensor, value in frame.values.items()}


def test_tags_have_the_types_of_the_controller_and_attributes_those_of_the_settings(plc):
    """Numbers of all sorts, elements, bits, and the data of an assembly."""
    plc.set("Temperature", REAL, 21.5)
    plc.set("Level", LREAL, -1.25)
    plc.set("Counts", DINT, 100_000, element=2)
    plc.set("Status", INT, 0b0000_0010_0000_1000)
    plc.set("Running", BOOL, 255)
    plc.set_attribute((4, 100, 3), struct.pack("<hhI", -7, 12, 70_000))
    asked, _ = source(
        plc.port,
        {"tag": "Temperature", "sensor": "t"},
        {"tag": "Level", "sensor": "l", "scale": 2},
        {"tag": "Counts[2]", "sensor": "n"},
        {"tag": "Counts[3]", "sensor": "zero"},
        *({"tag": f"Status.{bit}", "sensor": f"b{bit}"} for bit in (3, 4, 9)),
        {"tag": "Status", "sensor": "status"},
        {"tag": "Running", "sensor": "on"},
        {"attribute": "4/100/3", "type": "int", "sensor": "speed"},
        {"attribute": "4/100/3", "at": 4, "type": "udint", "sensor": "energy"},
        {"attribute": "4/100/3", "at": 2, "type": "bool", "bit": 2, "sensor": "ready", "asset": "{device}.drive"},
    )

    who, frames = read_once(asked)

    assert who == Description("Rockwell Automation/Allen-Bradley", "1756-L61/B LOGIX5561", "20.11", "006c061a")
    assert values(frames) == {
        "t": 21.5,
        "l": -2.5,
        "n": 100_000,
        "zero": 0,
        "b3": True,
        "b4": False,
        "b9": True,
        "status": 520,
        "on": True,
        "speed": -7,
        "energy": 70_000,
    }
    assert [(frame.asset, frame.quality) for frame in frames] == [("plc", GOOD), ("plc.drive", GOOD)]
    assert [frame.values for frame in frames if frame.asset == "plc.drive"] == [{"ready": True}]


def test_more_tags_than_one_packet_takes_are_all_read(plc):
    """The same tag for a hundred sensors is read once; four elements and some are read in packets."""
    points = [{"tag": f"Counts[{number % 4}]", "sensor": f"s{number}"} for number in range(100)]
    asked, _ = source(plc.port, *points, {"tag": "Status", "sensor": "status"}, {"tag": "Level", "sensor": "level"})

    with Proxy(keep=True) as proxy:
        proxy.target_port = plc.port
        asked._settings = asked._settings.model_copy(update={"port": proxy.port})
        _, frames = read_once(asked)
        heard = b"".join(map(bytes, proxy.heard))

    assert len(values(frames)) == 102
    assert {bytes([service]) for service in services_in(heard)} == READS - {b"\x0e", b"\x55"}


def test_what_the_device_does_not_have_is_told_and_the_rest_is_read(plc):
    """Of many that are wrong each costs itself."""
    wrong = ("Nowhere", "Counts[9]", "Name", "Status.16")
    asked, happenings = source(
        plc.port,
        {"tag": "Temperature", "sensor": "ok"},
        *({"tag": tag, "sensor": tag} for tag in wrong),
        {"attribute": "4/101/3", "type": "int", "sensor": "none"},
    )

    _, frames = read_once(asked)

    assert values(frames).keys() == {"ok"}
    refused = {"device": "plc", "reason": "unknown"}
    assert happenings.registry.get_sample_value("andon_gateway_refusals_total", refused) == 5


def test_a_device_that_has_nothing_of_it_is_left_alone(plc):
    """The settings are of another one."""
    asked, _ = source(plc.port, {"tag": "Nowhere", "sensor": "x"})

    with pytest.raises(NonsenseError, match="none of what is asked for"):
        read_once(asked)


def test_nobody_there_is_away():
    """And is tried again."""
    asked, _ = source(free_port(), {"tag": "Temperature", "sensor": "t"})

    with pytest.raises(AwayError, match=r"127\.0\.0\.1"):
        read_once(asked)


def test_an_answer_that_breaks_off_is_away():
    """And no thread waits for the rest for ever."""
    with ScriptedDevice(lambda _service, _rest: None) as device:
        asked, _ = source(device.port, {"tag": "Temperature", "sensor": "t"})

        with pytest.raises(AwayError, match="ended the connection"):
            read_once(asked)


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (b"\x01\x01\x04\x02", AwayError, "nobody answers at the route 1/0"),
        (b"\x00\x00\xa0\x02\x01", NonsenseError, "none of what is asked for"),
        (b"\x00\x00\xca", NonsenseError, "an answer that is none"),
        (b"\x00\x00\xca\x00\x01", NonsenseError, "an answer that is none"),
    ],
)
def test_an_answer_that_makes_no_sense_is_told(reply, error, said):
    """A route to nowhere, a structure, half a type, half a number."""
    with ScriptedDevice(lambda service, _rest: reply if service == 0x4C else b"\x08\x00") as device:
        asked, _ = source(device.port, {"tag": "Temperature", "sensor": "t"})

        with pytest.raises(error, match=said):
            read_once(asked)


def test_a_device_without_packets_of_many_is_asked_one_by_one():
    """As it says itself."""
    number = struct.pack("<BBHh", 0, 0, 0xC3, 7)
    with ScriptedDevice(lambda service, _rest: number if service == 0x4C else b"\x08\x00") as device:
        asked, _ = source(device.port, {"tag": "A", "sensor": "a"}, {"tag": "B", "sensor": "b"}, route="")

        who, frames = read_once(asked)

    assert who == Description()
    assert values(frames) == {"a": 7, "b": 7}


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"sensor": "x"}, "either a tag or in an attribute"),
        ({"tag": "A", "attribute": "4/1/3", "type": "int", "sensor": "x"}, "either a tag or in an attribute"),
        ({"tag": "A", "type": "int", "sensor": "x"}, "the controller knows the type"),
        ({"attribute": "4/1/3", "sensor": "x"}, "an attribute is bytes"),
        ({"attribute": "4/1/3", "type": "bool", "sensor": "x"}, "go together"),
        ({"attribute": "4/1", "type": "int", "sensor": "x"}, "should match pattern"),
        ({"tag": "A..B", "sensor": "x"}, "should match pattern"),
        ({"tag": "A.32.1", "sensor": "x"}, "should match pattern"),
    ],
)
def test_a_point_that_cannot_be_is_a_mistake_in_the_settings(point, said):
    """`andon check` tells it before the gateway runs."""
    with pytest.raises(ValidationError) as caught:
        source(44818, point)

    assert said in str(caught.value)


def test_a_request_that_would_write_never_leaves(plc):
    """Whatever the library offers, alone or in a packet of many: the client is one that reads."""
    reader = _Reader("127.0.0.1", plc.port, 5)
    assert reader.open()
    try:
        with pytest.raises(PermissionError, match="GenericUnconnectedRequestPacket"):
            reader.generic_message(service=0x10, class_code=4, instance=100, attribute=3, connected=False)
        for service, data in ((b"\x4d", b""), (b"\x0a", struct.pack("<HH", 1, 4) + b"\x4d\x00")):
            with pytest.raises(PermissionError, match="service 4d"):
                reader.send(_Read(service, b"\x00", data, route=b""))
    finally:
        reader.close()


def test_discover_shows_the_assemblies_of_a_device_that_lists_no_tags(plc):
    """By their numbers, two bytes by two."""
    plc.set_attribute((4, 100, 3), struct.pack("<4h", -7, 12, 0, 3))

    found = asyncio.run(discover(f"127.0.0.1:{plc.port}/1/0"))

    assert found.who.model == "1756-L61/B LOGIX5561"
    assert [(point.keys["attribute"], point.keys["at"], point.value) for point in found.points] == [
        ("4/100/3", 0, "-7"),
        ("4/100/3", 2, "12"),
        ("4/100/3", 4, "0"),
        ("4/100/3", 6, "3"),
    ]


def test_a_controller_lists_its_tags_in_pieces_and_its_programs_have_their_own():
    """Numbers and the first of arrays; structures, modules and what the system keeps for itself are left out."""

    def symbol(instance, name, type_):
        return struct.pack("<IH", instance, len(name)) + name.encode() + struct.pack("<H3I", type_, 0, 0, 0)

    lists = {
        (False, 0): b"\x06\x00" + symbol(1, "Temperature", 0xCA) + symbol(3, "Motors", 0x8FCE),
        (False, 4): b"\x00\x00"
        + symbol(5, "Table", 0x40C4)
        + symbol(6, "Program:Main", 0x1068)
        + symbol(7, "Local:1:I", 0xC4)
        + symbol(8, "__Hidden", 0xC4)
        + symbol(9, "System", 0x10C4),
        (True, 0): b"\x00\x00" + symbol(2, "Level", 0xCB),
    }

    def answer(service, rest):
        assert service == 0x55
        path = rest[1 : 1 + 2 * rest[0]]
        instance = path[-1] if path[-2] == 0x24 else int.from_bytes(path[-2:], "little")
        return lists[b"Program:Main" in path, instance]

    with ScriptedDevice(answer) as device:
        asked = CipDevice("127.0.0.1", device.port, route="1/0", timeout_s=5)
        asked.open()
        try:
            found = list(asked.listed())
        finally:
            asked.close()

    assert found == [("Temperature", 0xCA), ("Table[0,0]", 0xC4), ("Program:Main.Level", 0xCB)]
