"""`andon run`: the service. The one place where its parts are put together."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from platform import python_version
from socket import gethostname
from typing import TYPE_CHECKING

import click

from andon.clock import clock_watched
from andon.cluster import begun_in_time, not_left_waiting, place_of, until_the_launcher_ends
from andon.installed import version_of
from andon.launcher import launch
from andon.leaving import complain, leave
from contracts.errors import AndonError, StateError
from contracts.loading import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from andon.cluster import Place
    from contracts.settings import Settings

__all__ = ["command", "run"]


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings to run by."
)
@click.option("--until-caught-up", is_flag=True, help="Stop once all that is in Kafka now has been read.")
@click.option("--processes", type=click.IntRange(min=1), metavar="N", help="Share the work among so many, here.")
@click.option("--process", type=click.IntRange(min=0), metavar="I", help="This one of --addresses, from 0.")
@click.option("--addresses", metavar="HOST:PORT;…", help="Where all processes of the cluster find each other.")
@click.option("--lifeline", type=int, hidden=True, help="What --processes gives to its processes.")
def command(
    file: str,
    *,
    until_caught_up: bool,
    processes: int | None,
    process: int | None,
    addresses: str | None,
    lifeline: int | None,
) -> None:
    """Watch the plant: readings from Kafka in, alerts to Kafka out, until SIGTERM or Ctrl-C.

    State is saved as it goes: after a stop, or a crash, it goes on where it was. Metrics and health are served over
    HTTP. Logs go to stderr, as JSON when it isn't a terminal.

    One process uses one processor. With --processes several share the work on this machine; with --process and
    --addresses, on many. Stop them, and start another number: each finds what it needs of the saved state.

    \b
    andon run --settings andon.toml
    andon run --settings andon.toml --until-caught-up
    andon run --settings andon.toml --processes 3
    andon run --settings andon.toml --process 0 --addresses "andon-0:9465;andon-1:9465"
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    settings = load(file, os.environ)
    if processes is not None and (process is not None or addresses is not None):
        raise click.UsageError("--processes starts processes on this machine; --process is one of a cluster of many.")
    stop = threading.Event()
    with _signals(stop):
        if processes is not None and processes > 1:
            options = ["--until-caught-up"] if until_caught_up else []
            launch(settings, file=file, processes=processes, options=options, stop=stop)
            return
        place = place_of(process=process, addresses=addresses, lifeline=lifeline, settings=settings)
        with until_the_launcher_ends(place):
            try:
                run(settings, file=file, stop=stop, place=place, until_caught_up=until_caught_up)
            except AndonError as error:
                leave(complain(error))
    leave(0)


def run(settings: Settings, *, file: str, stop: threading.Event, place: Place, until_caught_up: bool = False) -> None:
    """Run the service, or its share of a cluster's, until `stop` is set.

    Args:
        file: where the settings come from, for messages.
        stop: set it, and the flow takes its last snapshot and ends.
        place: of this process in its cluster.
        until_caught_up: set `stop` once all that was in Kafka at the start has been read.

    Raises: StateError, SourceError, SinkError, ClusterError; ConfigError for what only shows when it is used.
    """
    import structlog  # noqa: PLC0415 - all of these: `andon --help` shall not wait for numba and Bytewax
    from bytewax.recovery import InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError  # noqa: PLC0415

    from andon.access import access_of  # noqa: PLC0415
    from andon.engine import run_flow  # noqa: PLC0415
    from andon.logs import log_to  # noqa: PLC0415
    from andon.server import Health, Server  # noqa: PLC0415
    from andon.traces import Traces, exporter_to, tell_troubles  # noqa: PLC0415
    from andon.warm import warm  # noqa: PLC0415
    from dataflows.cluster import Ears  # noqa: PLC0415
    from dataflows.commands import KafkaCommands  # noqa: PLC0415
    from dataflows.detect import Sinks, build  # noqa: PLC0415
    from dataflows.happenings import Happenings  # noqa: PLC0415
    from dataflows.heartbeat import Pulse  # noqa: PLC0415
    from dataflows.inventory import KafkaInventory  # noqa: PLC0415
    from dataflows.kafka_client import admin_client, wait_for_topics  # noqa: PLC0415
    from dataflows.kafka_sink import Delivery, KafkaAlarmStates, KafkaAlerts, KafkaDeadLetters  # noqa: PLC0415
    from dataflows.lanes import KafkaLanes, LaneSurroundings  # noqa: PLC0415
    from dataflows.rights import refuse_without_rights  # noqa: PLC0415
    from dataflows.standing import Standing  # noqa: PLC0415
    from dataflows.topic_ids import TopicIds  # noqa: PLC0415

    share = place.share
    recent = log_to(process=share.process if place.in_cluster else None)
    log = structlog.get_logger("andon")
    version = version_of("andon")
    service, kafka = settings.service, settings.kafka
    happenings = Happenings()
    settings_hash = hash_of(settings)
    happenings.started(
        version=version, python=python_version(), bytewax=version_of("bytewax"), config_hash=settings_hash
    )
    standing = Standing(service.lanes, share)
    log.info(
        "started",
        version=version,
        site=settings.site.name,
        settings=file,
        settings_hash=settings_hash,
        processes=share.processes,
        pid=os.getpid(),
    )

    with ExitStack() as opened:
        if service.traces_endpoint is not None:
            tell_troubles(happenings.traces_unsent)
            exporter = exporter_to(service.traces_endpoint)
            traces = Traces(exporter, version=version, site=settings.site.name, process=share.process)
            opened.callback(traces.close)
            happenings.spans = traces
        recovery = opened.enter_context(place.state(settings))
        health = Health(
            settings,
            happenings=happenings,
            standing=standing,
            version=version,
            settings_hash=settings_hash,
            now_ms=now_ms,
            recent=recent,
        )
        if service.metrics_port is not False:
            port = service.metrics_port and service.metrics_port + place.port_offset
            access = access_of(service)
            server = opened.enter_context(Server(health, host=service.metrics_host, port=port, access=access))
            log.info("metrics served", host=service.metrics_host, port=server.port)

        devices = settings.device_topics
        counts = wait_for_topics(
            kafka,
            (*kafka.readings, *settings.command_topics, *devices, kafka.alerts, kafka.alarms, kafka.dead_letters),
            wait_s=service.broker_wait_s,
            stop=stop,
            hint=f"Create what is missing: andon topics create {file}",
        )
        if counts is None:
            log.info("stopped", before="the broker answered")
            return
        client = admin_client(kafka)
        refuse_without_rights(
            kafka,
            client,
            reads=(*kafka.readings, *settings.command_topics, *devices, kafka.alarms),
            writes=(kafka.alerts, kafka.alarms, kafka.dead_letters),
        )
        log.info("kernels loading", note="a fresh installation compiles them now, up to a minute")
        warm()

        pulse = Pulse(settings, process=process_name(place), version=version, standing=standing, happenings=happenings)
        surroundings = LaneSurroundings(
            settings=settings,
            happenings=happenings,
            standing=standing,
            stop=stop,
            now_ms=now_ms,
            until_caught_up=until_caught_up,
            pulse=pulse,
            topic_ids=TopicIds(client, (*kafka.readings, *settings.command_topics, *devices, kafka.alarms)),
        )
        delivery = Delivery(settings, happenings=happenings, stop=stop, faults=surroundings.faults)
        flow = build(
            settings,
            KafkaLanes(surroundings, partition_counts={topic: counts[topic] for topic in kafka.readings}),
            KafkaCommands(
                surroundings,
                partition_count=sum(counts[topic] for topic in settings.command_topics),
                alarm_partition_count=counts[kafka.alarms],
            ),
            Sinks(
                alerts=KafkaAlerts(
                    settings, delivery, happenings=happenings, version=version, now_ms=now_ms, share=share
                ),
                dead_letters=KafkaDeadLetters(settings, delivery, share=share),
                alarms=KafkaAlarmStates(settings, delivery, share=share),
                news=Ears(surroundings.hear, lanes=service.lanes, share=share),
            ),
            happenings,
            inventory=KafkaInventory(surroundings, topic=devices[0], partition_count=counts[devices[0]])
            if devices
            else None,
        )
        if place.in_cluster:
            log.info("cluster forming", addresses=list(place.addresses))
        opened.enter_context(
            begun_in_time(place, wait_s=service.cluster_wait_s, has_begun=lambda: bool(standing.lanes))
        )
        opened.enter_context(clock_watched())
        # A sink may hold the flow up for as long as an alert may wait for its broker: then it is that which is told.
        patience_s = service.cluster_wait_s + service.delivery_wait_s
        opened.enter_context(not_left_waiting(place, wait_s=patience_s, asked=lambda: standing.asked))
        if place.in_cluster and stop.is_set():  # a flow that waits for the others wouldn't look
            log.info("stopped", before="the cluster formed")
            return
        saved = False
        try:
            run_flow(
                flow,
                epoch_s=service.epoch_s,
                recovery=recovery,
                addresses=place.addresses,
                process=share.process,
                faults=surroundings.faults,
            )
            saved = True
        except (InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError) as error:
            raise StateError(
                f"{service.state_dir}: the saved state isn't whole ({error}). Restore it, or take a new directory."
            ) from error
        finally:
            surroundings.leave(saved=saved)
        delivery.settle()
        pulse.stop(now_ms())
        log.info("stopped", caught_up=standing.all_ended if until_caught_up else None, **happenings.account())


def hash_of(settings: Settings) -> str:
    """Names the settings as they are in force, without what may be secret in them (16 hex digits)."""
    shown = settings.model_dump_json(exclude={"kafka": {"client"}, "gateway": True})
    return blake2b(shown.encode(), digest_size=8).hexdigest()


def process_name(place: Place) -> str:
    """The name under which this process has its heartbeat: its host's, and in a cluster its number there.

    Stable over restarts, so that old heartbeats don't pile up. A container has a new name whenever it is made anew; the
    record of the one before is removed a day after its last heartbeat.
    """
    return f"{gethostname()}/{place.share.process}" if place.in_cluster else gethostname()


def now_ms() -> int:
    """The wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask the flow to stop; the second time they don't ask.

    They count signals, because `stop` may be set already: another process of the cluster stops, or all is caught up.
    """
    asked = False

    def ask(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
