"""The faults: one function each, with what it does and what a person must be told by it.

Each returns when the fault is over; from that moment the time is taken until alerts flow again. The supervisor is part
of the bench: whatever ends is started again at once.
"""

from __future__ import annotations

import os
import signal
import time
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.crash.world import World

__all__ = ["FAULTS", "Fault"]

RESUMED = r'"resumed": ?true.*"event": ?"ready"'
OUTAGE = r'"event": ?"(broker lost|source failed|sink troubled)"'


class Fault(NamedTuple):
    """One sort of fault."""

    name: str
    does: str
    """For the published table."""
    told: str
    """A pattern that must be in the log from the run on that the fault met; empty: there is nothing to be told."""
    strike: Callable[[World, Random], None]


def kill_one(world: World, random: Random) -> None:
    """SIGKILL for one process; the others of its cluster end with it."""
    os.kill(random.choice(world.service.workers()), signal.SIGKILL)
    code, last = world.service.wait_for_end(), world.service.ends[-1][1]
    assert code != 0, "a killed service ended as if all were well"
    if world.service.process_count > 1:
        assert "the others were ended with it" in last, last
    world.service.start()


def kill_all(world: World, _random: Random) -> None:
    """SIGKILL for all processes."""
    world.service.kill_all()
    world.service.start()


def rescale(world: World, random: Random) -> None:
    """Another number of processes."""
    service = world.service
    assert service.stop() == 0, service.ends[-1][1]
    others = [count for count in range(1, world.processes_max + 1) if count != service.process_count]
    service.process_count = random.choice(others)
    service.start()


def terminate(world: World, _random: Random) -> None:
    """SIGTERM: the last snapshot is taken."""
    code = world.service.stop()
    assert code == 0, f"SIGTERM ended with exit code {code}: {world.service.ends[-1][1]}"
    world.service.start()


def pause_broker(world: World, _random: Random) -> None:
    """SIGSTOP: connections stay open, and nothing answers."""
    _paused(world, 5)


def pause_broker_for_long(world: World, _random: Random) -> None:
    """The same for longer than any request lives."""
    _paused(world, 40)


def _paused(world: World, seconds: float) -> None:
    world.broker.pause()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        world.service.tend()
        time.sleep(0.1)
    world.broker.resume()


def kill_broker(world: World, random: Random) -> None:
    """SIGKILL, and a restart on the same data."""
    world.broker.kill()
    time.sleep(random.uniform(0, 2))
    world.broker.start()


def delay(world: World, random: Random) -> None:
    """All that passes between service and broker comes later."""
    world.proxy.delay_s = random.uniform(0.1, 1.0)
    time.sleep(random.uniform(1, 3))
    world.proxy.delay_s = 0.0


def cut(world: World, random: Random) -> None:
    """All connections are reset, again and again."""
    for _ in range(random.randint(1, 4)):
        world.proxy.cut()
        time.sleep(random.uniform(0, 0.4))


def half_open(world: World, _random: Random) -> None:
    """All connections fall silent, and nobody is told."""
    assert world.proxy.half_open(), "the service has no connections"


def fill_disk(world: World, _random: Random) -> None:
    """The store of the state can't grow any more; then it can again."""
    world.service.limit_files(4096)
    code = world.service.wait_for_end()
    assert code == 1, f"a full disk ended with exit code {code}: {world.service.ends[-1][1]}"
    world.service.start()


def jump_clock(world: World, random: Random) -> None:
    """The wall clock of the process jumps ahead, and back again; the broker's doesn't.

    One process, however many there were before: the library that shifts its clock breaks `time.sleep`, which only a
    launcher of several calls.
    """
    service, count = world.service, world.service.process_count
    service.stop()
    service.process_count = 1
    jump_s = random.randint(60, 3500)
    _shift(world, 0)
    service.environment |= {
        "LD_PRELOAD": str(world.faketime),
        "FAKETIME_TIMESTAMP_FILE": str(world.shift),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    service.start()
    world.wait_until_alerts_flow()
    _shift(world, jump_s)
    time.sleep(2)  # the library looks for its file once a second
    world.wait_until_alerts_flow()
    _shift(world, 0)
    assert service.wait_for_end() == 1
    for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_CACHE_DURATION", "DONT_FAKE_MONOTONIC"):
        del service.environment[name]
    service.process_count = count
    service.start()


def _shift(world: World, seconds: int) -> None:
    arriving = world.shift.with_suffix(".new")
    arriving.write_text(f"{seconds:+d}s\n", encoding="ascii")
    arriving.rename(world.shift)


def add_partition(world: World, _random: Random) -> None:
    """A topic of readings gets one partition more while it is read, and producers use it at once."""
    world.widen_side()
    assert world.service.wait_for_end() == 1
    world.service.start()


def delete_readings(world: World, _random: Random) -> None:
    """A topic of readings is deleted, and made anew when the service has said so."""
    _delete_side(world)
    assert world.service.wait_for_end() == 1
    assert world.service.complained(world.topics["side"]), "the topic isn't named"
    _make_side(world)


def remake_readings(world: World, _random: Random) -> None:
    """A topic of readings is deleted and made anew at once: its offsets begin again."""
    _delete_side(world)
    world.service.kill_all()
    _make_side(world)


def _delete_side(world: World) -> None:
    world.quieten_side()
    with world.feeder.between_steps():
        world.feeder.side_open = False
    world.feeder.settle()
    world.delete("side")


def _make_side(world: World) -> None:
    world.make("side", partitions=world.feeder.side.partitions)
    world.feeder.look_up(world.topics["side"], partitions=world.feeder.side.partitions)
    with world.feeder.between_steps():
        world.feeder.side_open = True
    _accept_loss(world)
    world.disturb_side()


def delete_alerts(world: World, _random: Random) -> None:
    """The topic of alerts is deleted while alerts are written, and made anew."""
    world.service.pause()
    world.collector.forget()
    world.delete("alerts")
    world.service.resume()
    assert world.service.wait_for_end() == 1
    world.make("alerts")
    world.collector.begin()
    world.service.start()


def delete_alarm_states(world: World, _random: Random) -> None:
    """The topic of what stands is deleted, and made anew: it has to be filled again."""
    world.delete("alarms")
    assert world.service.wait_for_end() == 1
    world.make("alarms")
    world.service.start()


def expire(world: World, _random: Random) -> None:
    """Retention takes readings away that weren't read, while the service is down."""
    world.quieten_side()
    world.service.kill_all()
    side = world.topics["side"]
    time.sleep(1)
    world.feeder.settle()
    partitions = [TopicPartition(side, number, -1) for number in range(world.feeder.side.partitions)]  # -1: all of it
    for deleted in world.admin.delete_records(partitions).values():
        deleted.result(20)
    _accept_loss(world)
    world.disturb_side()


def _accept_loss(world: World) -> None:
    """The service says what is lost and stops; a person lets it go on."""
    service = world.service
    service.environment.pop("ANDON_SERVICE__ON_LOST_OFFSETS", None)
    service.start()
    assert service.wait_for_end() == 1, "lost offsets didn't stop the service"
    assert service.complained(world.topics["side"], "asked for offset", "on_lost_offsets"), "the gap isn't told"
    service.environment["ANDON_SERVICE__ON_LOST_OFFSETS"] = "earliest"
    service.start()


LOST = "next messages to read are gone"

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("kill one process", "kill -9 of one process; the whole service starts again", RESUMED, kill_one),
        Fault("kill all processes", "kill -9 of all processes at once", RESUMED, kill_all),
        Fault("terminate", "SIGTERM, exit code 0", r'"event": ?"stopped"', terminate),
        Fault("rescale", "another number of processes, of 1, 2 and 3", RESUMED, rescale),
        Fault("pause broker 5 s", "SIGSTOP of the broker for 5 s", OUTAGE, pause_broker),
        Fault("pause broker 40 s", "SIGSTOP of the broker for 40 s", OUTAGE, pause_broker_for_long),
        Fault("kill broker", "kill -9 of the broker, restart on its data", OUTAGE, kill_broker),
        Fault("delay", "0.1 to 1 s in each direction between service and broker", "", delay),
        Fault("cut", "all connections reset, up to four times", OUTAGE, cut),
        Fault("half-open", "all connections silent, nobody told", OUTAGE, half_open),
        Fault("full disk", "the store of the state can't grow", "store of its state can't be used", fill_disk),
        Fault("clock jump", "the clock jumps ahead by up to an hour, and back", "clock was set back by", jump_clock),
        Fault(
            "partition added", "a topic of readings grows while it is read", r"it has \d+ partitions now", add_partition
        ),
        Fault("readings deleted", "a topic of readings is deleted; it is made anew", "there any more", delete_readings),
        Fault("readings anew", "a topic of readings is deleted and made anew at once", LOST, remake_readings),
        Fault("alerts deleted", "the topic of alerts is deleted and made anew", "can't be delivered", delete_alerts),
        Fault("states deleted", "the alarm-state topic is deleted and made anew", "delivered", delete_alarm_states),
        Fault("expired", "retention passes the saved offsets", LOST, expire),
    )
}
"""By name."""
