"""One round: a service that works, faults one after the other, and the comparison with a run that nothing disturbs."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.debian import ProgramError, files
from deploy.kafka.local import LocalKafka
from tests.conftest import ADMIN_WAIT_S
from tests.crash.collector import Collector, Told, told
from tests.crash.faults import FAULTS
from tests.crash.feeder import Feeder
from tests.crash.judge import Verdict, judge, standing
from tests.crash.plant import ASSETS_MAX, PARTITIONS, RULES, SENSORS, step_of
from tests.crash.proxy import Proxy
from tests.crash.supervised import Supervised, settings_text
from tests.crash.world import ROLES, World, make_topics, topic_names
from tests.kafka.service import read_all

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bench", "Outcome", "Round", "faketime", "open_bench"]

EPOCH_S = 1.0
SHOWN_LINES, SHOWN_CHARACTERS = 25, 400
SERVICE = f"""\
epoch_s = {EPOCH_S}
delivery_wait_s = 30
"""


class Outcome(NamedTuple):
    """One fault, struck."""

    name: str
    began_s: float
    """By the monotonic clock."""
    resume_s: float
    """From its end until readings that were sent after it had caused alerts in every partition."""
    missing: str
    """What a person should have been told and wasn't, and what was said last; empty if all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What became of one round."""

    outcomes: tuple[Outcome, ...]
    verdict: Verdict
    alerts: int
    readings: int
    memory_mb_max: float
    processes: int


class Bench(NamedTuple):
    """A broker and the way to it, for all rounds."""

    broker: LocalKafka
    proxy: Proxy
    folder: Path
    faketime: Path

    def mend(self) -> None:
        """Whatever a round that broke off has left: the next one finds a broker that works, and a quick way to it."""
        self.proxy.delay_s = 0.0
        self.broker.resume()
        if not self.broker.running:
            self.broker.start()


@contextmanager
def open_bench(folder: Path) -> Iterator[Bench]:
    """Start a broker behind a proxy.

    Raises: ProgramError if the library that shifts clocks isn't to be had; LocalKafkaError if the broker isn't.
    """
    library = faketime()
    with Proxy() as proxy, LocalKafka(folder / "kafka", detour_port=proxy.port) as broker:
        proxy.target_port = broker.inner_port
        yield Bench(broker, proxy, folder, library)


def faketime() -> Path:
    """The library that shifts the clock of a process.

    Raises: ProgramError.
    """
    folder = files("libfaketime")
    found = sorted(folder.glob("usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise ProgramError(f"there is no libfaketimeMT.so.1 in {folder}.")
    return found[0]


def run_round(
    bench: Bench,
    names: Sequence[str],
    *,
    random: Random,
    processes: int = 1,
    processes_max: int = 3,
    assets: int = ASSETS_MAX,
    client: str = "",
    tell: Callable[[str], None] = lambda _line: None,
) -> Round:
    """Strike one fault after the other while readings flow, and judge what was told meanwhile.

    Args:
        processes: of the service, at the beginning; `rescale` changes that, up to `processes_max`.
        assets: of the plant, each with 100 readings a second.
        client: lines of settings for the service's Kafka client.
        tell: gets a line about each fault as soon as it is over.
    """
    admin = AdminClient({"bootstrap.servers": bench.broker.bootstrap})
    topics = topic_names(f"crash-{uuid4().hex[:8]}")
    make_topics(admin, topics)
    folder = bench.folder / topics["readings"]
    folder.mkdir()
    way = f"127.0.0.1:{bench.proxy.port}"
    service = Supervised(_settings(folder, "disturbed", way, topics, service=SERVICE, client=client))
    service.process_count = processes
    with ExitStack() as opened:
        collector = opened.enter_context(Collector(bench.broker.bootstrap, topics["alerts"]))
        opened.enter_context(service)
        feeder = Feeder(
            bench.broker.bootstrap,
            topic=topics["readings"],
            side_topic=topics["side"],
            whole_topic=topics["whole"],
            assets=assets,
        )
        world = World(
            broker=bench.broker,
            proxy=bench.proxy,
            feeder=feeder,
            collector=collector,
            service=service,
            admin=admin,
            topics=topics,
            folder=folder,
            faketime=bench.faketime,
            processes_max=processes_max,
        )
        with feeder:
            service.start()
            world.wait_until_alerts_flow()
            time.sleep(2 * EPOCH_S)  # something is saved
            outcomes = []
            for name in names:
                outcomes.append(_strike_or_explain(world, name, random))
                tell(f"{name}: alerts flow again after {outcomes[-1].resume_s:.1f} s")
        service.stop()
        service.finish()
        collector.drain()
    undisturbed, undisturbed_states = _undisturbed(bench, folder, topics, admin)
    begins = [outcome.began_s for outcome in outcomes]
    verdict = judge(
        collector.records,
        undisturbed,
        states=standing(_keys_and_bodies(bench.broker.bootstrap, topics["alarms"])),
        undisturbed_states=undisturbed_states,
        fault_of=lambda record: bisect_right(begins, feeder.sent_at(step_of(record.ts))) - 1,
        fault_at=lambda record: bisect_right(begins, record.at_s) - 1,
    )
    for deleted in admin.delete_topics(list(topics.values())).values():
        deleted.result(ADMIN_WAIT_S)
    return Round(
        outcomes=tuple(outcomes),
        verdict=verdict,
        alerts=len({record.ce_id for record in undisturbed}),
        readings=feeder.step * assets * SENSORS,
        memory_mb_max=service.memory_mb_max,
        processes=processes,
    )


def _strike_or_explain(world: World, name: str, random: Random) -> Outcome:
    """The same; where the bench itself is at a loss, what the service said is part of the error."""
    try:
        return _strike(world, name, random)
    except (AssertionError, KafkaException, TimeoutExpired) as error:
        said = "\n".join(line[:SHOWN_CHARACTERS] for line in world.service.lines[-SHOWN_LINES:])
        raise AssertionError(f"{name}: {error}. The service said last:\n{said}") from error


def _strike(world: World, name: str, random: Random) -> Outcome:
    fault, service = FAULTS[name], world.service
    time.sleep(random.uniform(0, EPOCH_S))
    since, began = service.lines_of_this_run, time.monotonic()
    fault.strike(world, random)
    resume_s = world.wait_until_alerts_flow()
    told = not fault.told or service.said(fault.told, since=since)
    missing = "" if told else f"{fault.told}, but {service.ends[-1][1] if service.ends else 'nothing'}"
    return Outcome(name, began, resume_s, missing)


def _settings(
    folder: Path, name: str, bootstrap: str, topics: dict[str, str], *, service: str = "", client: str = ""
) -> Path:
    file = folder / f"{name}.toml"
    text = settings_text(
        topics,
        bootstrap=bootstrap,
        state_dir=folder / name,
        lanes=PARTITIONS,
        rules=RULES,
        service=service,
        client=client,
    )
    file.write_text(text, encoding="utf-8")
    return file


def _undisturbed(
    bench: Bench, folder: Path, topics: dict[str, str], admin: AdminClient
) -> tuple[list[Told], dict[str, bytes]]:
    """What a service tells that reads the same readings in peace, and what stands after it."""
    roles = ("alerts", "alarms", "dead_letters")
    calm = {**topics, "side": topics["whole"], **{role: f"{topics[role]}.calm" for role in roles}}
    make_topics(admin, calm, roles={role: ROLES[role] for role in roles})
    Supervised(_settings(folder, "undisturbed", bench.broker.bootstrap, calm)).finish()
    alerts = [told(message) for message in read_all(bench.broker.bootstrap, calm["alerts"])]
    states = standing(_keys_and_bodies(bench.broker.bootstrap, calm["alarms"]))
    for deleted in admin.delete_topics([calm[role] for role in roles]).values():
        deleted.result(ADMIN_WAIT_S)
    return alerts, states


def _keys_and_bodies(bootstrap: str, topic: str) -> list[tuple[str, bytes | None]]:
    return [(message.key().decode(), message.value()) for message in read_all(bootstrap, topic)]
