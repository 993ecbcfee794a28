"""DNP3 against dnp3py's own outstation."""

from __future__ import annotations

import asyncio

import pytest
from dnp3.application.builder import build_write_request
from dnp3.core.enums import FunctionCode
from dnp3.master import Master
from pydantic import ValidationError

from contracts.gateways import Dnp3
from gateways.dnp3 import READS, Dnp3Source, _Runner, discover
from gateways.happenings import Happenings
from gateways.seam import BAD, GOOD, UNCERTAIN, AwayError, Frame, NonsenseError
from tests.gateways.peers.dnp3 import substation
from tests.gateways.process import free_port

T0 = 1_700_000_000_000
TEMPERATURE = {"index": 2, "sensor": "temp"}
BREAKER = {"type": "binary_input", "index": 1, "sensor": "closed"}
ENERGY = {"type": "counter", "index": 0, "sensor": "energy", "scale": 0.5}


@pytest.fixture
def peer():
    """An outstation that runs."""
    with substation() as peer:
        yield peer


def source(port, *points, **keys):
    """Not connected yet."""
    happenings = Happenings(["rtu"])
    keys = {"every_s": 0.05, "timeout_s": 5} | keys
    settings = Dnp3(name="rtu", host="127.0.0.1", port=port, points=points, **keys)
    return Dnp3Source(settings, happenings), happenings


def read(source, wanted, then=lambda _found: None):
    """What it says, until there are so many frames with something in them; `then` is called after each batch."""

    async def all_of_it():
        try:
            await source.connect()
            await source.describe()
            found = []
            async for frames in source.readings():
                found += frames
                if len(found) >= wanted:
                    return found
                await asyncio.to_thread(then, found)
        finally:
            await source.close()

    return asyncio.run(all_of_it())


def test_events_bear_the_devices_time_and_present_values_none(peer):
    """Two changes between two polls are two readings, with the times at which they happened."""
    steps = iter([lambda: (peer.count_up(80, T0), peer.count_up(84, T0 + 40)), lambda: peer.count_up(90, T0 + 90)])
    asked, _ = source(peer.port, TEMPERATURE, BREAKER, ENERGY)

    found = read(asked, 6, lambda _found: next(steps, lambda: None)())

    assert found[0] == Frame("rtu", 0, GOOD, {"temp": 20.0, "closed": False, "energy": 38.5})
    assert [frame for frame in found if frame.ts_ms] == [
        Frame("rtu", T0, GOOD, {"energy": 40.0}),
        Frame("rtu", T0 + 40, GOOD, {"energy": 42.0}),
        Frame("rtu", T0 + 90, GOOD, {"energy": 45.0}),
    ]
    assert set(peer.functions) <= {code.value for code in READS}


@pytest.mark.parametrize("times", ["absolute", "relative"])
def test_events_of_inputs_bear_the_devices_time(times):
    """Groups 2 and 32 with a time, and 2 with one that counts from a common time of occurrence."""
    with substation(times=times) as peer:

        def then(found):
            if len(found) == 1:
                peer.set_binary(1, True, ts_ms=T0 + 7)
                peer.set_binary(1, False, ts_ms=T0 + 65_000)
                peer.set_analog(2, 30, ts_ms=T0 + 1)
                peer.set_analog(2, -40, ts_ms=T0 + 3, flags=0x21)

        asked, _ = source(peer.port, TEMPERATURE, BREAKER)
        found = read(asked, 6, then)

    assert [frame for frame in found if frame.ts_ms] == [
        Frame("rtu", T0 + 7, GOOD, {"closed": True}),
        Frame("rtu", T0 + 65_000, GOOD, {"closed": False}),
        Frame("rtu", T0 + 1, GOOD, {"temp": 30}),
        Frame("rtu", T0 + 3, UNCERTAIN, {"temp": -40}),
    ]
    assert Frame("rtu", 0, UNCERTAIN, {"temp": -40}) in found, "the present values that came with them"


def test_what_the_device_tells_while_connecting_is_confirmed_only_once_it_is_kept():
    """A gateway that is killed before the event is on its disk hears it again."""
    with substation(times="absolute") as peer:
        peer.tell_by_itself()
        peer.set_binary(1, True, ts_ms=T0)

        async def killed():
            asked, _ = source(peer.port, BREAKER)
            await asked.connect()
            await asked.close()

        asyncio.run(killed())
        confirmed_unkept = peer.functions.count(FunctionCode.CONFIRM)
        confirmed = []
        asked, _ = source(peer.port, BREAKER)
        found = read(asked, 2, lambda _found: confirmed.append(peer.functions.count(FunctionCode.CONFIRM)))

    assert confirmed_unkept == 0
    assert found[0] == Frame("rtu", T0, GOOD, {"closed": True})
    assert confirmed == [0], "when it was handed over; the answer came after its confirmation"
    assert FunctionCode.CONFIRM in peer.functions


def test_discover_leaves_the_events_for_the_gateway():
    """It keeps nothing; a device that answers nothing before it is confirmed is told to be away."""
    with substation(times="absolute") as peer:
        peer.tell_by_itself()
        peer.set_binary(1, True, ts_ms=T0)
        asked, _ = source(peer.port, BREAKER, timeout_s=0.3)

        async def look():
            try:
                await asked.present()
            finally:
                await asked.close()

        with pytest.raises(AwayError, match=r"[Tt]imed out"):
            asyncio.run(look())
        assert FunctionCode.CONFIRM not in peer.functions

        found = read(source(peer.port, BREAKER)[0], 1)

    assert found == [Frame("rtu", T0, GOOD, {"closed": True})]


def test_of_several_events_without_a_time_the_last_counts(peer):
    """They would all bear the time of their arrival: what is true then is the last."""
    asked, _ = source(peer.port, TEMPERATURE, BREAKER)

    def then(found):
        if len(found) == 1:
            for value in (30, 40, 50):
                peer.set_analog(2, value)
            peer.set_binary(1, True)

    found = read(asked, 2, then)

    assert found[1] == Frame("rtu", 0, GOOD, {"temp": 50.0, "closed": True})


@pytest.mark.parametrize(
    ("flags", "quality"), [(0x01, GOOD), (0x21, UNCERTAIN), (0x11, UNCERTAIN), (0x05, BAD), (0x03, BAD), (0x00, BAD)]
)
def test_quality_is_that_of_the_flags(peer, flags, quality):
    """Over range, forced, connection lost, not updated since its restart, not online."""
    peer.set_analog(2, 30.0, flags=flags)
    asked, _ = source(peer.port, TEMPERATURE)

    assert read(asked, 1) == [Frame("rtu", 0, quality, {"temp": 30.0})]


def test_what_the_device_wants_confirmed_is_confirmed_once_it_is_kept():
    """A response of several pieces: the next piece is asked for when the one before is on the disk."""
    with substation(analogs=1000) as peer:
        asked, _ = source(peer.port, {"index": 0, "sensor": "first"}, {"index": 999, "sensor": "last"})
        confirmed = []

        def then(_found):
            confirmed.append(peer.functions.count(FunctionCode.CONFIRM))

        found = read(asked, 2, then)

    assert [frame.values for frame in found] == [{"first": 20.0}, {"last": 20.0}]
    assert len(set(confirmed)) == len(confirmed), "one confirmation after each batch"


def test_what_the_device_does_not_have_is_told_and_the_rest_is_read(peer):
    """One wrong number of many costs that one."""
    asked, happenings = source(peer.port, TEMPERATURE, {"index": 9, "sensor": "none"})

    (frame,) = read(asked, 1)

    assert frame.values == {"temp": 20.0}
    refused = {"device": "rtu", "reason": "unknown"}
    assert happenings.registry.get_sample_value("andon_gateway_refusals_total", refused) == 1


def test_a_device_that_has_nothing_of_it_is_left_alone(peer):
    """The settings are of another one."""
    asked, _ = source(peer.port, {"index": 9, "sensor": "none"})

    with pytest.raises(NonsenseError, match="none of the points"):
        read(asked, 1)


def test_nobody_there_is_away():
    """And is tried again."""
    asked, _ = source(free_port(), TEMPERATURE)

    with pytest.raises(AwayError, match=r"127\.0\.0\.1"):
        read(asked, 1)


def test_another_station_at_the_address_is_away(peer):
    """It doesn't answer to a number that isn't its own."""
    asked, _ = source(peer.port, TEMPERATURE, outstation=11, timeout_s=0.3)

    with pytest.raises(AwayError, match=r"[Tt]imed out"):
        read(asked, 1)


def test_a_device_that_ends_is_away(peer):
    """At the next poll."""
    asked, _ = source(peer.port, TEMPERATURE)

    with pytest.raises(AwayError):
        read(asked, 1_000, lambda _found: peer.stop())


def test_a_request_that_would_write_never_leaves(peer):
    """Whatever the library offers: the clock isn't set, outputs aren't operated, reports aren't switched on."""

    async def write():
        runner = _Runner(Master(), "127.0.0.1", peer.port)
        await runner.open()
        try:
            for forbidden in (runner.send(build_write_request(())), runner.enable_unsolicited()):
                with pytest.raises(PermissionError, match="isn't one that only reads"):
                    await forbidden
        finally:
            await runner.close()

    asyncio.run(write())
    assert peer.functions == []


def test_a_point_that_comes_twice_is_a_mistake_in_the_settings():
    """`andon check` tells it before the gateway runs."""
    with pytest.raises(ValidationError, match="analog_input 2 is listed twice"):
        source(20000, TEMPERATURE, {"index": 2, "sensor": "again"})


def test_discover_shows_the_points_by_their_numbers(peer):
    """And what they are now."""
    peer.set_analog(3, 1.0, flags=0x00)

    found = asyncio.run(discover(f"127.0.0.1:{peer.port}/10.1"))

    values = {(point.keys["type"], point.keys["index"]): point.value for point in found.points}
    assert {"type": "analog_input", "index": 2, "sensor": "analog-input-2"} in [point.keys for point in found.points]
    assert len(found.points) == 9
    assert (values["counter", 0], values["analog_input", 2]) == ("77", "20")
    assert values["analog_input", 3] == "of bad quality"
