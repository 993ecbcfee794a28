"""andon's families put together anew: without one of them, or with another threshold.

The tracer tells z of every family before they are combined, and L of what may raise by itself: a spike, and the spread
family. From there on this runs the product's own kernels (combination, hourly, policy) in the product's order; with all
of them it comes to the product's own S, R and alarms (tests). What a family does besides isn't removed: the alarm state
watches level and spread.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.accuracy.contenders.andon import on_rows
from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import fresh_rows
from detectors import combination, hourly, policy, profile
from detectors.combination import FAMILIES
from detectors.compiled import Record, compiled

if TYPE_CHECKING:
    from benchmarks.accuracy.contenders.andon import Andon
    from benchmarks.accuracy.streams import Flags, Floats, Moments, Stream
    from contracts.readings import Rows

__all__ = ["PARTS", "Recombination", "Recombined", "alarms_at", "recombine"]

SPIKE = "spike"
PARTS = (*FAMILIES, SPIKE)
"""Whatever may raise: the families together, and the spike channel by itself."""

STATE = np.dtype(
    [
        ("combination", combination.STATE),
        ("hourly", hourly.STATE),
        ("policy", policy.STATE),
        ("scored", np.int64),
    ],
    align=True,
)


ALONE = {SPIKE: "spike", "spread": "restless"}
"""Fields of the trace by the part that may raise by itself."""


class Recombined(NamedTuple):
    """One entry a window; shape (n,)."""

    s: Floats
    r: Floats
    """What the policy decides by."""
    alarms: Flags
    """Where it decides on an alarm; not in the warm-up."""


def recombine(trace: Rows, parts: Collection[str] = PARTS) -> Recombined:
    """What some parts say together.

    Args:
        trace: records of one series under the ranked policy, dtype TRACE, shape (n,).
        parts: that are heard, of PARTS; at least one family.
    """
    heard = np.array([family in parts for family in FAMILIES])
    state = np.zeros(1, STATE)
    combination.fresh(state["combination"][0])
    policy.fresh(state["policy"][0])
    z = np.ascontiguousarray(trace["z"], dtype=np.float64)
    out = np.zeros((2, len(trace)))
    alarms = np.zeros(len(trace), np.bool_)
    alone = np.full((2, len(trace)), np.nan)
    for place, (part, field) in enumerate(ALONE.items()):
        if part in parts:
            alone[place] = trace[field]
    starts = np.ascontiguousarray(trace["start"])
    _recombine(starts, z, alone, trace["learned"] > 0, heard, state, out, alarms)
    return Recombined(out[0], out[1], alarms)


def alarms_at(r: Floats, rank_min: float) -> Flags:
    """Where the ranked policy would alarm if R had to reach another value.

    Args:
        r: of each window of one series, shape (n,).
    """
    alarms = np.zeros(len(r), np.bool_)
    u, before, latest = 0.0, 0, -policy.REFRACTORY
    for row in np.flatnonzero(r >= rank_min).tolist():
        u, before = u * policy.U_KEPT ** (row - before), row
        if row - latest >= policy.REFRACTORY and r[row] >= rank_min * (1.0 + policy.RAISE * u):
            u, latest = u + 1.0, row
            alarms[row] = row >= policy.WARMUP
    return alarms


class Recombination:
    """andon with all of its parts or without one, from what it told of the same streams of one sensor.

    Args:
        andon: with the ranked policy; it judges a stream first where it hasn't yet.
        without: the part that isn't heard; None: all are.
    """

    state_bytes = None

    def __init__(self, andon: Andon, without: str | None = None) -> None:
        self.name = "all" if without is None else f"without {without}"
        self._andon = andon
        self._parts = [part for part in PARTS if part != without]

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """R and alarms; it has no state of its own."""
        return {stream.name: self._judged(stream) for stream in streams}

    def _judged(self, stream: Stream) -> Judged:
        trace = self._andon.played(stream).traces[stream.sensors[0]]
        found = recombine(trace, self._parts)
        scores = on_rows(found.r, trace["start"], stream.times_ms, missing=np.nan)
        alarms = on_rows(found.alarms, trace["start"], stream.times_ms, missing=0.0) > 0
        return Judged(scores, alarms & fresh_rows(stream.times_ms))


@compiled
def _recombine(
    starts: Moments,
    z: Floats,
    alone: Floats,
    learned: Flags,
    heard: Flags,
    states: Record,
    out: Floats,
    alarms: Flags,
) -> None:
    state = states[0]
    families = 0
    for family in range(heard.shape[0]):
        families += 1 if heard[family] else 0
    for i in range(z.shape[0]):
        n, learning = state.scored, learned[i]
        total = 0.0
        for family in range(heard.shape[0]):
            if heard[family]:
                total += min(combination.Z_CLIP, z[i, family])
        b = profile.hour(starts[i])
        as_it_is = combination.smooth(state.combination, total, families, n, learning)
        s = hourly.beyond(state.hourly, b, as_it_is)
        r = combination.rank(state.combination, s)
        for place in range(alone.shape[0]):
            if not math.isnan(alone[place, i]):
                r = max(r, (alone[place, i] + policy.L_OF_QUARTER) / policy.L_PER_RANK)
        out[0, i], out[1, i] = s, r
        policy.age_by_one(state.policy, 0.0)
        alarm = policy.step(state.policy, r, policy.rank_threshold(state.policy), math.inf)
        alarms[i] = alarm and n >= policy.WARMUP
        if learning:
            if state.combination.tainted == 0:
                hourly.learn(state.hourly, b, as_it_is)
            combination.learn(state.combination, s, n)
            state.scored += 1
