"""Play a recording, or a simulated plant, through lanes that are named as those of Kafka are.

One reader feeds all lanes: a lane that has nothing left asks it for the next batch, and the rows of every other lane
wait in that lane's queue. All readings of a key group go through one lane, in the order of the recording, so the result
is the same for any number of lanes and any size of batch.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from contracts.readings import READING, Reject, group_key, group_of
from dataflows.decode import REJECT_KEY
from dataflows.series import Refusal, SeriesTable
from dataflows.split import split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from contracts.readings import Rows
    from contracts.settings import Settings
    from dataflows.chunks import Chunk, Recording
    from dataflows.happenings import Happenings
    from dataflows.steps import Item

__all__ = ["Pace", "Playback"]

AWAKE_MS = 5
"""How long an idle lane rests. Every lane gates every epoch, so none may rest longer."""

QUEUED_ITEMS_MAX = 64
"""Blocks that may wait in all queues before a lane without readings stops asking for more."""

_UNKNOWN, _REFUSED = -1, -2


@dataclass(slots=True, kw_only=True)
class Pace:
    """When a reading is due: as fast as it goes, or by its event time at so many times the world's speed.

    Event times before `from_ms` are due at once; the world's clock starts at the first reading that isn't.
    """

    speed: float | None = None
    """Event seconds in a second; None: as fast as it goes."""
    from_ms: int = 0
    clock: Callable[[], float] = time.monotonic
    _began: tuple[float, int] | None = field(default=None, init=False)

    def due(self, ts: Rows) -> int:
        """How many of these rows, from the first, are due now.

        Args:
            ts: event times in ms, shape (n,), in the order of the recording.
        """
        if self.speed is None or not len(ts):
            return len(ts)
        if self._began is None:
            live = np.flatnonzero(ts >= self.from_ms)
            if not len(live):
                return len(ts)
            self._began = (self.clock(), int(ts[live[0]]))
        began, from_ms = self._began
        now_ms = from_ms + (self.clock() - began) * 1000 * self.speed
        ahead = np.flatnonzero(ts > now_ms)
        return int(ahead[0]) if len(ahead) else len(ts)


class Playback(FixedPartitionedSource["tuple[str, Item]", None]):
    """A recording as the source of a dataflow.

    Guarantees: every reading once and in order; nothing is saved, so it always starts from the beginning. Bad rows
    come out as rejects. A reader that fails raises SourceError and ends the flow. Nothing here blocks or sleeps.
    """

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        *,
        pace: Pace,
        happenings: Happenings,
        stop: Event | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Make it ready to be played.

        Args:
            recording: what is played.
            settings: lanes, key groups, rows in a batch (`poll_messages_max`), bounds on series.
            pace: when readings are due.
            happenings: where rejects are counted.
            stop: ends the playback early when it is set.
            on_progress: called after each batch with the readings handed out so far and the newest event time (ms).
        """
        self._settings = settings
        self._dealer = _Dealer(
            recording, settings, pace=pace, happenings=happenings, stop=stop, on_progress=on_progress
        )

    def list_parts(self) -> list[str]:
        """The names of all lanes."""
        return [f"lane-{lane:02d}" for lane in range(self._settings.service.lanes)]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Lane:  # noqa: ARG002 - Bytewax's words
        """One lane."""
        return _Lane(self._dealer, int(for_part.removeprefix("lane-")))


class _Lane(StatefulSourcePartition["tuple[str, Item]", None]):
    def __init__(self, dealer: _Dealer, lane: int) -> None:
        self._dealer = dealer
        self._lane = lane
        self._idle = False

    def next_batch(self) -> list[tuple[str, Item]]:
        items = self._dealer.take(self._lane)
        self._idle = not items
        return items

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + timedelta(milliseconds=AWAKE_MS) if self._idle and self._dealer.waiting else None

    def snapshot(self) -> None:
        return None


class _Dealer:
    """Reads the recording and deals its readings to the lanes' queues."""

    def __init__(
        self,
        recording: Recording,
        settings: Settings,
        *,
        pace: Pace,
        happenings: Happenings,
        stop: Event | None,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        service = settings.service
        self._recording = recording
        self._pace = pace
        self._happenings = happenings
        self._stop = stop
        self._on_progress = on_progress
        self._lanes = service.lanes
        self._key_groups = service.key_groups
        self._rows_max = service.poll_messages_max
        self._tables = [SeriesTable(service) for _ in range(service.lanes)]
        self._queues: list[deque[tuple[str, Item]]] = [deque() for _ in range(service.lanes)]
        self._lane_of_name = np.zeros(0, np.int32)
        self._number_of_name = np.zeros(0, np.int32)
        self._refusals: dict[int, Refusal] = {}
        self._batches = self._batched(recording.chunks())
        self._next: tuple[Chunk, Rows] | None = None
        self._queued = 0
        self._read = 0
        self._ended = False
        self.waiting = False
        """Nothing is due yet: lanes may rest."""

    def take(self, lane: int) -> list[tuple[str, Item]]:
        """What this lane hands out next; nothing when nothing is due.

        Raises: StopIteration at the end of the recording.
        """
        queue = self._queues[lane]
        if not queue and not self._ended and self._queued < QUEUED_ITEMS_MAX:
            self._deal()
        if not queue and self._ended:
            raise StopIteration
        items = list(queue)
        queue.clear()
        self._queued -= len(items)
        return items

    def _deal(self) -> None:
        """Put the next batch, as far as it is due, into the queues."""
        if self._stop is not None and self._stop.is_set():
            self._ended = True
            return
        if self._next is None:
            self._next = next(self._batches, None)
        if self._next is None:
            self._ended = True
            return
        chunk, rows = self._next
        due = self._pace.due(rows["ts"])
        self.waiting = due < len(rows)
        if due:
            self._queue_rows(rows[:due], chunk.source)
            self._read += due
            if self._on_progress is not None:
                self._on_progress(self._read, int(rows["ts"][due - 1]))
        if due < len(rows):
            self._next = (chunk, rows[due:])
            return
        self._next = None
        for reject in chunk.rejects:
            self._queue_reject(reject)

    def _batched(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Rows]]:
        """Chunks cut to the size of a batch; the last piece of a chunk carries its rejects."""
        for chunk in chunks:
            start = 0
            while len(chunk.rows) - start > self._rows_max:
                yield _without_rejects(chunk), chunk.rows[start : start + self._rows_max]
                start += self._rows_max
            yield chunk, chunk.rows[start:]

    def _queue_rows(self, rows: Rows, source: int) -> None:
        self._meet(rows)
        numbers = self._number_of_name[rows["name"]]
        if self._refusals and (refused := numbers == _REFUSED).any():
            for row in rows[refused]:
                self._refuse(row, source)
            rows, numbers = rows[~refused], numbers[~refused]
        readings = np.zeros(len(rows), READING)
        readings["ts"], readings["value"], readings["offset"] = rows["ts"], rows["value"], rows["line"]
        readings["series"], readings["quality"] = numbers, rows["quality"]
        readings["partition"] = source
        lanes = self._lane_of_name[rows["name"]]
        for lane in np.unique(lanes).tolist():
            mine = readings[lanes == lane]
            blocks = split(
                mine, table=self._tables[lane], lane=lane, sources=self._recording.sources, arrived_ms=mine["ts"]
            )
            self._extend(lane, blocks)
        for lane, table in enumerate(self._tables):
            self._extend(lane, ((group_key(group), (finding,)) for group, finding in table.take_findings()))

    def _meet(self, rows: Rows) -> None:
        """Number the series that are met for the first time, in the order in which they are."""
        names = self._recording.names
        if len(names) > len(self._number_of_name):
            new = range(len(self._number_of_name), len(names))
            lanes = [group_of(names.pairs[name][0], self._key_groups) % self._lanes for name in new]
            self._lane_of_name = np.append(self._lane_of_name, np.array(lanes, dtype=np.int32))
            self._number_of_name = np.append(self._number_of_name, np.full(len(new), _UNKNOWN, np.int32))
        unknown = np.flatnonzero(self._number_of_name[rows["name"]] == _UNKNOWN)
        if not len(unknown):
            return
        _, first = np.unique(rows["name"][unknown], return_index=True)
        for row in rows[unknown[np.sort(first)]]:
            name = int(row["name"])
            asset, sensor = names.pairs[name]
            number = self._tables[self._lane_of_name[name]].number(asset, sensor, int(row["ts"]))
            if isinstance(number, Refusal):
                self._refusals[name] = number
                number = _REFUSED
            self._number_of_name[name] = number

    def _refuse(self, row: Rows, source: int) -> None:
        refusal = self._refusals[int(row["name"])]
        asset, _ = self._recording.names.pairs[int(row["name"])]
        topic = self._recording.sources[source]
        self._queue_reject(Reject(refusal.reason, refusal.detail, asset.encode(), None, topic, 0, int(row["line"])))

    def _queue_reject(self, reject: Reject) -> None:
        self._happenings.message_rejected(reject.reason, 1)
        self._extend(0, [(REJECT_KEY, reject)])

    def _extend(self, lane: int, items: Iterator[tuple[str, Item]] | list[tuple[str, Item]]) -> None:
        queue = self._queues[lane]
        before = len(queue)
        queue.extend(items)
        self._queued += len(queue) - before


def _without_rejects(chunk: Chunk) -> Chunk:
    return type(chunk)(rows=chunk.rows, source=chunk.source)
