"""Lanes: the flow's source of readings from Kafka.

A fixed number of lanes with stable names; lane l reads the partitions p with p mod lanes = l of all topics. Partitions
may be added to a topic at any time (they are read after a restart): no lane changes its name, so saved positions fit.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic, perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import Consumer

from contracts.errors import AndonError, SourceError, StateError
from contracts.readings import Block, Reject
from dataflows.cluster import News, Told, to_all
from dataflows.decode import Decoder
from dataflows.offsets import Start, partitions_of_lane
from dataflows.reader import CLOSE_WAIT_S, Reader
from dataflows.standing import LaneStanding
from dataflows.statistics import Broker
from dataflows.ticking import Ticking
from dataflows.topic_ids import TopicIds

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from contracts.readings import Tick
    from contracts.settings import Settings
    from dataflows.happenings import Happenings
    from dataflows.heartbeat import Pulse
    from dataflows.offsets import Partition
    from dataflows.polls import Poll
    from dataflows.standing import Standing
    from dataflows.statistics import Statistics
    from dataflows.steps import Item

__all__ = ["KafkaLanes", "LaneSurroundings", "lane_name", "tell_if_open"]

VERSION = 1

IDLE_S = 0.005
"""A lane that found little looks again after this long: every lane gates every snapshot, so it may not be more."""

BUSY_MESSAGES = 1_000
"""A lane that found so many looks again at once."""


def lane_name(lane: int) -> str:
    """The name under which a lane's position is stored. A schema: never change it."""
    return f"lane-{lane:02d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSurroundings:
    """What all lanes of a process share, and its source of commands."""

    settings: Settings
    happenings: Happenings
    standing: Standing
    stop: threading.Event
    """Set: every lane ends, the flow takes its last snapshot and is over."""
    now_ms: Callable[[], int]
    """The wall clock, ms since the epoch."""
    until_caught_up: bool = False
    """Stop once all lanes have read up to where their partitions ended at the start, and the commands likewise."""
    pulse: Pulse | None = None
    """The heartbeats of the process; None: it has none."""
    closed: list[tuple[Reader, Mapping[str, int] | None]] = field(default_factory=list)
    """Readers of sources that were closed, and the positions in their last snapshots where others may see those."""
    open_consumer: Callable[[dict[str, Any]], Any] = Consumer
    topic_ids: TopicIds = field(default_factory=TopicIds)
    """Of all topics with saved positions, and of the alarm-state topic."""
    faults: list[AndonError] = field(default_factory=list)
    """What this process can't go on for, as it was raised."""

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Around what a source does: keeps its error, which is lost where the flow is one of several processes."""
        try:
            yield
        except AndonError as error:
            self.faults.append(error)
            raise

    def leave(self, *, saved: bool, wait_s: float = CLOSE_WAIT_S) -> None:
        """Let go of the broker for all sources that were closed, at once, and give that a moment.

        Args:
            saved: the flow went to its end, so its last snapshots are in the store, and others may see how far it is.
                One that broke off goes on from the snapshots before.
            wait_s: how long the moment is at most.
        """
        for reader, positions in self.closed:
            if saved and positions is not None:
                reader.commit(positions)
        leaving = [reader.leave() for reader, _ in self.closed]
        deadline = monotonic() + wait_s
        for thread in leaving:
            thread.join(max(0.0, deadline - monotonic()))

    def hear(self, news: News) -> None:
        """Take to heart what this process or another one tells."""
        self.standing.hear(news)
        if news.told is Told.STOPPING or (self.until_caught_up and self.standing.caught_up):
            self.stop.set()

    def tell(self, told: Told, by: str) -> list[tuple[str, Item]]:
        """Let all processes know; returns what has to enter the flow for it, which is nothing if there is but one."""
        news = News(told, by)
        self.hear(news)
        return list(to_all(news, self.standing.share))

    def farewell(self) -> list[tuple[str, Item]]:
        """What a lane has to say before it ends: once in each process, that it stops."""
        if self.standing.stopping:
            return []
        self.standing.stopping = True
        return self.tell(Told.STOPPING, self.standing.share.name)


class KafkaLanes(FixedPartitionedSource[tuple[str, "Item"], dict[str, Any]]):
    """The readings of all topics, in lanes.

    Guarantees: at least once. A lane goes on from its last snapshot, which is its own; the offsets of the snapshot
    before the last are committed for others to see. After kill -9 what came since the snapshot is read again. Nothing
    here blocks or sleeps. A dead broker stops the lanes, not the process, until it is back.
    """

    def __init__(self, surroundings: LaneSurroundings, *, partition_counts: Mapping[str, int]) -> None:
        """Lanes of topics.

        Args:
            partition_counts: how many partitions each topic has.
        """
        self._surroundings = surroundings
        self._counts = dict(partition_counts)

    def list_parts(self) -> list[str]:
        """The names of all lanes of this process, whether they have partitions or not."""
        has = self._surroundings.standing.share.has
        return [lane_name(lane) for lane in range(self._surroundings.settings.service.lanes) if has(lane)]

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, Any] | None) -> Lane:  # noqa: ARG002
        """Open a lane where its snapshot left it.

        Raises: SourceError if the broker doesn't answer, or saved positions are gone and may not be given up.
        """
        lane = int(for_part.removeprefix("lane-"))
        lanes = self._surroundings.settings.service.lanes
        partitions = partitions_of_lane(lane, lanes=lanes, counts=self._counts)
        with self._surroundings.telling():
            return Lane(lane, partitions, saved=resume_state, counts=self._counts, surroundings=self._surroundings)


class Lane(StatefulSourcePartition[tuple[str, "Item"], dict[str, Any]]):
    """One lane: blocks and rejects of its partitions, and ticks for the key groups that it has fed."""

    def __init__(
        self,
        lane: int,
        partitions: tuple[Partition, ...],
        *,
        saved: dict[str, Any] | None,
        counts: Mapping[str, int],
        surroundings: LaneSurroundings,
    ) -> None:
        if saved is not None and saved.get("version") != VERSION:
            raise StateError(
                f"{lane_name(lane)}: version {saved.get('version')!r} is saved, this andon knows {VERSION}."
            )
        service = surroundings.settings.service
        self._lane = lane
        self._surroundings = surroundings
        self._messages_max = service.poll_messages_max
        self._bytes_max = service.epoch_bytes_max
        self._bytes = 0
        self._busy = False
        self._ended = False
        self._mark: tuple[int, dict[Partition, int]] | None = None
        self._groups: set[str] = set(saved["groups"]) if saved else set()
        self._saved: dict[str, int] | None = saved["positions"] if saved else None
        self._topic_ids: dict[str, str] = saved.get("topic_ids", {}) if saved else {}
        self._committable: dict[str, int] | None = None
        self._snapshot_at = perf_counter()
        self._worked_at = 0.0
        self._saving = False
        self._lag_rows: dict[str, int] = {}
        now_ms = surroundings.now_ms()
        grace_ms = round(service.stale_grace_s * 1000)
        self._ticking = Ticking(lane=lane, grace_ms=grace_ms, now_ms=now_ms) if service.clock == "wall" else None
        self._decoder = Decoder(surroundings.settings, lane=lane, happenings=surroundings.happenings)
        self._sources = tuple((partition.topic, partition.number) for partition in partitions)
        self._resumed = saved is not None
        self._reader: Reader | None = None
        if partitions:
            self._reader = Reader(
                surroundings.settings,
                partitions,
                saved=self._saved,
                start=Start(service.start, service.on_lost_offsets),
                anew=surroundings.topic_ids.anew(self._topic_ids),
                counts=counts,
                happenings=surroundings.happenings,
                on_statistics=self._learn,
                direct=service.lane == "direct",
                open_consumer=surroundings.open_consumer,
            )
            surroundings.standing.broker_seen_ms = now_ms  # it has just told its offsets
            self._topic_ids = surroundings.topic_ids.saved(self._topic_ids, {topic for topic, _ in partitions})
        self._tell_standing(caught_up=not partitions)
        tell_if_open(surroundings)

    def next_batch(self) -> list[tuple[str, Item]]:
        """What is there now: perhaps a tick that excuses an outage, then blocks and rejects, then perhaps a tick.

        Raises: StopIteration when asked to stop; SourceError where reading can't go on.
        """
        with self._surroundings.telling():
            return self._next()

    def _next(self) -> list[tuple[str, Item]]:
        around = self._surroundings
        around.standing.running = True
        around.standing.asked += 1
        if self._saving:
            self._saving = False
            around.happenings.epoch_closed(perf_counter() - self._snapshot_at, worked_s=thread_time() - self._worked_at)
        if around.stop.is_set():
            if farewell := around.farewell():
                self._busy = False
                return farewell
            raise StopIteration
        now_ms = around.now_ms()
        if around.pulse is not None:
            around.pulse.beat(now_ms)
        if self._reader is None:
            self._busy = False
            return self._judge_end()
        if self._bytes >= self._bytes_max:  # the epoch is full: the rest of the flow is behind, and goes first
            self._busy = False
            return []
        began = perf_counter()
        if self._ticking and not self._ticking.polled(now_ms):
            self._mark = None
        poll = self._reader.take(self._messages_max)
        self._stop_if_made_anew()
        around.happenings.stage_took("poll", perf_counter() - began)
        self._busy = len(poll.messages) >= BUSY_MESSAGES
        out = self._read(poll, now_ms) if len(poll.messages) else []
        out += self._judge_end()
        if tick := self._due(now_ms):
            out += self._to_groups(tick)
        return out

    def next_awake(self) -> datetime | None:
        """At once while there is much to read, else a little later."""
        return None if self._busy else datetime.now(UTC) + timedelta(seconds=IDLE_S)

    def snapshot(self) -> dict[str, Any]:
        """The next unread offset of each partition, their topics' ids, and who listens to this lane's ticks."""
        now = perf_counter()
        self._surroundings.happenings.epoch_ended(now - self._snapshot_at)
        self._snapshot_at = now
        self._saving = True
        self._worked_at = thread_time()
        self._bytes = 0
        if self._reader:
            before, self._committable = self._committable, self._reader.saved_positions()
            if before is not None and not self._away:
                self._reader.commit(before)
            self._saved = self._committable
        saved = {"version": VERSION, "positions": self._saved or {}, "groups": sorted(self._groups)}
        return {**saved, "topic_ids": self._topic_ids} if self._topic_ids else saved

    def close(self) -> None:
        """The last snapshot is taken, and perhaps not stored yet: whoever runs the flow knows when to let go."""
        if self._reader:
            self._surroundings.closed.append((self._reader, None if self._away else self._committable))

    @property
    def _away(self) -> bool:
        return self._ticking is not None and self._ticking.away

    def _read(self, poll: Poll, now_ms: int) -> list[tuple[str, Item]]:
        if not self._surroundings.standing.reading:
            self._surroundings.standing.reading = True
            topic, partition = self._sources[poll.messages["partition"][0]]
            offset = int(poll.messages["offset"][0])
            self._surroundings.happenings.reading_began(topic=topic, partition=partition, offset=offset)
        excuse = self._ticking.before_readings(now_ms) if self._ticking else None
        out = self._to_groups(excuse) if excuse else []
        for item in self._decoder.decode(poll):
            out.append(item)
            key, carried = item
            if isinstance(carried, Block):
                self._groups.add(key)
                self._bytes += carried.rows.nbytes
            elif isinstance(carried, Reject):
                self._bytes += len(carried.value or b"")
        return out

    def _stop_if_made_anew(self) -> None:
        """End where a topic isn't the one any more that it was: what is gone with it is told at the start."""
        if topic := self._surroundings.topic_ids.changed:
            raise SourceError(
                f"kafka {topic}: it was deleted and made anew meanwhile. Start andon again, as a supervisor does: then "
                "it says which readings or commands are gone, and writes again which alarms stand."
            )

    def _due(self, now_ms: int) -> Tick | None:
        """The tick that is due, once all that was there at the last mark has been read."""
        if self._mark is None or self._reader is None or not self._reader.reached(self._mark[1]):
            return None
        marked_ms, self._mark = self._mark[0], None
        return self._ticking.due(now_ms, read_up_to_ms=marked_ms) if self._ticking else None

    def _to_groups(self, tick: Tick) -> list[tuple[str, Item]]:
        return [(key, tick) for key in sorted(self._groups)]

    def _learn(self, statistics: Statistics) -> None:
        """Twice a second, from inside of a poll: what the broker's side looks like."""
        around = self._surroundings
        now_ms = around.now_ms()
        around.topic_ids.look(now_ms)
        if statistics.broker is Broker.ANSWERS:
            around.standing.broker_seen_ms = now_ms
            if self._ticking and self._ticking.broker_answered(now_ms):
                around.happenings.broker_found(lane_name(self._lane))
        elif statistics.broker is Broker.AWAY and self._ticking and self._ticking.broker_away(now_ms):
            around.happenings.broker_lost(lane_name(self._lane))
        if self._mark is None and len(statistics.ends) == len(self._sources):
            self._mark = (min(now_ms, statistics.told_ms), statistics.ends)
        assert self._reader is not None
        positions = self._reader.positions
        for partition, end in statistics.ends.items():
            rows = max(0, end - positions[partition])
            self._lag_rows[str(partition)] = rows
            around.happenings.lag_measured(topic=partition.topic, partition=partition.number, rows=rows)
        self._tell_standing(caught_up=self._reader.reached(statistics.ends))

    def _judge_end(self) -> list[tuple[str, Item]]:
        """Tell when all is read that was there at the start: commands wait for it, and perhaps no more is asked for."""
        around = self._surroundings
        out: list[tuple[str, Item]] = []
        if not self._ended and (self._reader is None or self._reader.reached(self._reader.ends_at_start)):
            self._ended = True
            out += around.tell(Told.LANE_ENDED, lane_name(self._lane))
        if around.standing.all_ended and around.standing.share.name not in around.standing.through:
            out += around.tell(Told.BACKLOG_THROUGH, around.standing.share.name)
        return out

    def _tell_standing(self, *, caught_up: bool) -> None:
        positions = self._reader.positions if self._reader else {}
        self._surroundings.standing.lanes[lane_name(self._lane)] = LaneStanding(
            positions={str(partition): position for partition, position in positions.items()},
            lag_rows=dict(self._lag_rows),
            caught_up=caught_up,
            resumed=self._resumed,
        )


def tell_if_open(surroundings: LaneSurroundings) -> None:
    """Log, once, that every lane here and the commands know where to read: nothing that is sent later is missed."""
    standing = surroundings.standing
    if standing.built and standing.commands_open:
        lanes = standing.lanes.values()
        surroundings.happenings.lanes_opened(
            lanes=len(lanes),
            positions=dict(sorted((name, at) for lane in lanes for name, at in lane.positions.items())),
            resumed=any(lane.resumed for lane in lanes),
        )
