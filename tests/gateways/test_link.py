"""The life of a connection: when it is tried again, when it is left alone, and what is told of it meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

import orjson
import pytest

from contracts.gateways import Gateway, Modbus
from gateways.happenings import Happenings
from gateways.link import RETRY_S_FIRST, VALUES_PER_MESSAGE_MAX, Link
from gateways.seam import GOOD, AwayError, Description, Frame, NonsenseError

NOW_MS = 1_700_000_000_000
SETTINGS = Modbus(name="pump", host="pump.example.com", points=({"address": 0, "sensor": "x"},))


STOP = "stop"
"""The gateway is stopped, and the library doesn't hand that on."""


class _Hurried(asyncio.SelectorEventLoop):
    """Nobody waits in it: when there is nothing to do, it is later at once."""

    skipped_s = 0.0

    def time(self):
        return super().time() + self.skipped_s

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.skipped_s += max(0.0, self._scheduled[0]._when - self.time())
        super()._run_once()


class _Device:
    """A source that does what its script says, at each connection the next; at the end the test is over."""

    tells_changes = False
    acknowledges = False
    lag_s = 0.0

    def __init__(self, *script):
        self.deadbands = {}
        self.tried_s = []
        self._script = iter(script)
        self._step = None

    async def connect(self):
        self.tried_s.append(asyncio.get_running_loop().time())
        self._step = next(self._script, asyncio.CancelledError())
        if isinstance(self._step, BaseException):
            raise self._step

    async def describe(self):
        return Description("Acme")

    async def readings(self):
        for step in self._step:
            if step is STOP:
                self.task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
                continue
            if isinstance(step, BaseException):
                raise step
            yield step

    async def close(self):
        pass


class _Kept:
    """Takes messages where a forwarder would."""

    def __init__(self):
        self.messages = []

    def put(self, _topic, messages):
        self.messages += messages

    async def room(self):
        pass


def live(*script, **gateway):
    """The waits between a device's connections in s, the link, what it told, and its metrics."""
    device, kept, happenings = _Device(*script), _Kept(), Happenings(["pump"])
    link = Link(
        device,
        SETTINGS,
        Gateway(**gateway),
        address="pump.example.com",
        topic="readings",
        forwarder=kept,
        happenings=happenings,
        now_ms=lambda: NOW_MS,
    )
    loop = _Hurried()
    task = device.task = loop.create_task(link.run())
    try:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
    finally:
        loop.close()
    waits = [after - before for before, after in pairwise(device.tried_s)]
    return waits, link, [orjson.loads(message.value) for message in kept.messages], happenings


def metric(happenings, name, **labels):
    return happenings.registry.get_sample_value(f"andon_gateway_{name}", {"device": "pump", **labels})


def test_a_device_that_is_away_is_tried_later_and_later_up_to_the_bound():
    """Twice as long each time, less some chance; a hundred gateways don't all come back in the same second."""
    waits, link, _, happenings = live(*[AwayError("gone")] * 8, retry_s_max=5)

    expected = [min(RETRY_S_FIRST * 2**number, 5) for number in range(8)]
    assert all(bound / 2 <= wait <= bound + 0.1 for wait, bound in zip(waits, expected, strict=True)), waits
    assert len(set(waits)) == len(waits)
    assert (link.state, link.fault) == ("away", "gone")
    assert metric(happenings, "device_state", state="away") == 1


def test_after_a_connection_that_held_the_waits_begin_anew():
    """A device that restarts is there again soon."""
    lost = [[Frame("pump", 0, GOOD, {"x": 1})], AwayError("broke")]

    waits, _, _, happenings = live(*[AwayError("gone")] * 5, lost, AwayError("gone"), retry_s_max=60)

    assert 4 <= waits[4] <= 8.1
    assert waits[5] <= RETRY_S_FIRST + 0.1
    assert metric(happenings, "connections_lost_total") == 2


def test_a_device_that_answers_nonsense_is_left_alone_for_so_long():
    """Not retried to death, and not for ever; why is told, and its last value is of bad quality from then on."""
    nonsense = [[Frame("pump", 0, GOOD, {"x": 1.5})], NonsenseError("seven registers came")]

    waits, link, told, happenings = live(nonsense, NonsenseError("none of it"), quarantine_s=600)

    assert all(600 <= wait <= 601 for wait in waits), waits
    assert (link.state, link.fault) == ("quarantined", "none of it")
    assert metric(happenings, "quarantines_total") == 2
    assert metric(happenings, "device_state", state="quarantined") == 1
    assert [(message["values"], message.get("quality")) for message in told] == [
        ({"x": 1.5}, None),
        ({"x": 1.5}, "bad"),
    ]
    assert told[1]["ts"] > told[0]["ts"]


@pytest.mark.parametrize("then", [[Frame("pump", 0, GOOD, {"x": 1})], AwayError("cancelled"), NonsenseError("7")])
def test_a_gateway_that_is_stopped_ends_though_a_library_makes_something_else_of_it(then):
    """An answer that came at the same moment (asyncio.wait_for), or a fault of the connection (pymodbus)."""
    waits, _, _, _ = live([STOP, then], [[Frame("pump", 0, GOOD, {"x": 2})]])

    assert waits == [], "it didn't connect again"


def test_what_is_too_much_for_one_message_becomes_several():
    """Kafka refuses more than a megabyte."""
    values = {f"s{number}": number for number in range(2 * VALUES_PER_MESSAGE_MAX + 1)}

    _, link, told, _ = live([[Frame("pump", 0, GOOD, values)]])

    good = [message["values"] for message in told if "quality" not in message]
    assert [len(each) for each in good] == [VALUES_PER_MESSAGE_MAX, VALUES_PER_MESSAGE_MAX, 1]
    assert {name: value for each in good for name, value in each.items()} == values
    assert link.series_count == len(values)
