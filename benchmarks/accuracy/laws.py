"""What must be true of andon on every stream: no look into the future, and restarts change nothing.

prefix     the first rows alone lead to what they lead to when more rows follow: bit by bit, for a random row
restart    saved and started again before random rows, as a service is, it says what it says without
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from andon.engine import run_flow
from andon.state import open_state
from benchmarks.accuracy.contenders.andon import Collector, Played
from benchmarks.accuracy.contenders.recording import StreamsRecording
from dataflows.collect import Hand
from dataflows.commands import NoCommands
from dataflows.detect import Sinks, build
from dataflows.happenings import Happenings
from dataflows.playback import Pace, Playback
from detectors.trace import TRACE

if TYPE_CHECKING:
    from bytewax.recovery import RecoveryConfig

    from benchmarks.accuracy.contenders.andon import Andon
    from benchmarks.accuracy.streams import Stream
    from contracts.alerts import AlertRecord
    from contracts.readings import Rows

__all__ = ["RESTARTS", "Proof", "nothing_differs", "play_in_parts", "prefix_holds", "prove"]

SEED = 7
RESTARTS = 3
EPOCH_S = 3600.0


class Proof(NamedTuple):
    """How many streams keep the laws."""

    streams: int
    prefix: int
    restart: int

    @property
    def holds(self) -> bool:
        """All of them do."""
        return self.prefix == self.restart == self.streams


def prove(andon: Andon, streams: Sequence[Stream], told: Callable[[str], None], *, restarts: int = RESTARTS) -> Proof:
    """Look at every stream.

    Args:
        restarts: of each stream.
        told: is told what has been done.
    """
    cuts = {stream.name: _cuts(stream, 1)[0] for stream in streams}
    parts = [stream.part(0, cuts[stream.name]) for stream in streams]
    played = andon.play(parts)
    prefix = sum(
        prefix_holds(andon.played(stream), played[stream.name], stream.part(0, cuts[stream.name])) for stream in streams
    )
    told(f"no look ahead: {prefix} of {len(streams)} streams")
    resumed = play_in_parts(andon, streams, {stream.name: _cuts(stream, restarts) for stream in streams})
    restart = sum(nothing_differs(andon.played(stream), resumed[stream.name]) for stream in streams)
    told(f"restarts change nothing: {restart} of {len(streams)} streams")
    return Proof(len(streams), prefix, restart)


def prefix_holds(whole: Played, prefix: Played, stream: Stream) -> bool:
    """Whether the rows of `stream`, the beginning of a longer one, led to the same without those after them."""
    newest_ms = stream.times_ms.max()
    return all(
        _same(trace, whole.traces[sensor][: len(trace)])
        and len(trace) >= np.count_nonzero(whole.traces[sensor]["start"] < newest_ms)  # an asset's last row may be open
        for sensor, trace in prefix.traces.items()
    )


def nothing_differs(one: Played, other: Played) -> bool:
    """Whether both say the same of every window, bit by bit, and raised the same alerts."""
    return (
        one.raised == other.raised
        and one.traces.keys() == other.traces.keys()
        and all(_same(trace, other.traces[sensor]) for sensor, trace in one.traces.items())
    )


def play_in_parts(andon: Andon, streams: Sequence[Stream], cuts: Mapping[str, Sequence[int]]) -> dict[str, Played]:
    """Stop before each of these rows, save, and go on from what was saved, as a service that is restarted.

    Args:
        cuts: rows by name of the stream, rising; as many for each.
    """
    bounds = {stream.name: list(pairwise((0, *cuts[stream.name], len(stream.times_ms)))) for stream in streams}
    parts: list[dict[str, Played]] = []
    with TemporaryDirectory(prefix="andon-bench-") as folder, open_state(Path(folder), andon.settings) as recovery:
        for step in range(len(bounds[streams[0].name])):
            part = [stream.part(*bounds[stream.name][step]) for stream in streams]
            parts.append(_play(andon, part, recovery))
    return {stream.name: _joined([part[stream.name] for part in parts]) for stream in streams}


def _play(andon: Andon, streams: Sequence[Stream], recovery: RecoveryConfig) -> dict[str, Played]:
    """From what is saved there, and save in the end."""
    collector, happenings = Collector(), Happenings()

    def take(record: AlertRecord) -> None:
        collector.take(record.alert)

    source = Playback(StreamsRecording(streams), andon.settings, pace=Pace(), happenings=happenings)
    sinks = Sinks(alerts=Hand(take), dead_letters=Hand(_ignore), alarms=Hand(_ignore))
    flow = build(andon.settings, source, NoCommands(), sinks, happenings, tracer=collector.trace)
    run_flow(flow, epoch_s=EPOCH_S, recovery=recovery)
    return collector.played(streams)


def _joined(parts: Sequence[Played]) -> Played:
    sensors = dict.fromkeys(sensor for part in parts for sensor in part.traces)
    none = np.zeros(0, TRACE)
    traces = {sensor: np.concatenate([part.traces.get(sensor, none) for part in parts]) for sensor in sensors}
    return Played(traces, tuple(raised for part in parts for raised in part.raised))


def _cuts(stream: Stream, count: int) -> tuple[int, ...]:
    random = np.random.default_rng([SEED, zlib.crc32(stream.name.encode())])
    rows = random.choice(np.arange(1, len(stream.times_ms)), size=count, replace=False)
    return tuple(np.sort(rows).tolist())


def _same(one: Rows, other: Rows) -> bool:
    """Bit by bit, the slots left out: after a restart they may be others."""
    return len(one) == len(other) and all(
        one[name].tobytes() == other[name].tobytes() for name in TRACE.names or () if name != "slot"
    )


def _ignore(_record: object) -> None:
    """The tracer and the alerts tell what is compared."""
