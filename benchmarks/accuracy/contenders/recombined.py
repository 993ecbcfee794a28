"""andon's families put together anew: without one of them, or with another threshold.

The tracer tells z of every family before they are combined. From there on this runs the product's own kernels
(combination, policy) in the product's order; with all families it comes to the product's own S, P and
alarms, bit by bit (tests). What a family does besides (the alarm state watches level and spread) isn't removed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.accuracy.contenders.andon import on_rows
from benchmarks.accuracy.contenders.judged import Judged
from benchmarks.accuracy.streams import fresh_rows
from detectors import combination, policy
from detectors.combination import FAMILIES
from detectors.compiled import Record, compiled

if TYPE_CHECKING:
    from benchmarks.accuracy.contenders.andon import Andon
    from benchmarks.accuracy.streams import Flags, Floats, Stream
    from contracts.readings import Rows

__all__ = ["Recombination", "Recombined", "alarms_at", "recombine"]

STATE = np.dtype(
    [
        ("combination", combination.STATE),
        ("policy", policy.STATE),
        ("scored", np.int64),
    ],
    align=True,
)


class Recombined(NamedTuple):
    """One entry a window; shape (n,)."""

    s: Floats
    p: Floats
    alarms: Flags
    """Where the policy decides on an alarm by P, not in the warm-up."""


def recombine(trace: Rows, families: Collection[str] = FAMILIES) -> Recombined:
    """What the families say together.

    Args:
        trace: records of one series under the ranked policy, dtype TRACE, shape (n,).
        families: that are heard; at least one.
    """
    heard = np.array([family in families for family in FAMILIES])
    state = np.zeros(1, STATE)
    combination.fresh(state["combination"][0])
    policy.fresh(state["policy"][0])
    z = np.ascontiguousarray(trace["z"], dtype=np.float64)
    out = np.zeros((2, len(trace)))
    alarms = np.zeros(len(trace), np.bool_)
    _recombine(z, trace["learned"] > 0, heard, state, out, alarms)
    return Recombined(out[0], out[1], alarms)


def alarms_at(p: Floats, rank_min: float) -> Flags:
    """Where the ranked policy would alarm if P had to reach another value.

    Args:
        p: P of each window of one series, shape (n,).
    """
    alarms = np.zeros(len(p), np.bool_)
    u, before, latest = 0.0, 0, -policy.REFRACTORY
    for row in np.flatnonzero(p >= rank_min).tolist():
        u, before = u * policy.U_KEPT ** (row - before), row
        if row - latest >= policy.REFRACTORY and p[row] >= rank_min * (1.0 + policy.RAISE * u):
            u, latest = u + 1.0, row
            alarms[row] = row >= policy.WARMUP
    return alarms


class Recombination:
    """andon with all of its families or without one, from what it told of the same streams of one sensor.

    Args:
        andon: with the ranked policy; it judges a stream first where it hasn't yet.
        without: the family that isn't heard; None: all are.
    """

    state_bytes = None

    def __init__(self, andon: Andon, without: str | None = None) -> None:
        self.name = "all" if without is None else f"without {without}"
        self._andon = andon
        self._families = [family for family in FAMILIES if family != without]

    def judge(self, streams: Sequence[Stream]) -> Mapping[str, Judged]:
        """P and alarms; it has no state of its own."""
        return {stream.name: self._judged(stream) for stream in streams}

    def _judged(self, stream: Stream) -> Judged:
        trace = self._andon.played(stream).traces[stream.sensors[0]]
        found = recombine(trace, self._families)
        scores = on_rows(found.p, trace["start"], stream.times_ms, missing=np.nan)
        alarms = on_rows(found.alarms, trace["start"], stream.times_ms, missing=0.0) > 0
        return Judged(scores, alarms & fresh_rows(stream.times_ms))


@compiled
def _recombine(z: Floats, learned: Flags, heard: Flags, states: Record, out: Floats, alarms: Flags) -> None:
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
        s = combination.smooth(state.combination, total, families, n, learning)
        p = combination.rank(state.combination, s)
        out[0, i], out[1, i] = s, p
        policy.age_by_one(state.policy, 0.0)
        alarm = policy.step(state.policy, p, policy.rank_threshold(state.policy))
        alarms[i] = alarm and n >= policy.WARMUP
        if learning:
            combination.learn(state.combination, s, n)
            state.scored += 1
