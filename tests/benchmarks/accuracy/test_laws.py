"""The laws hold, and what breaks them is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.contenders.andon import Andon, Played
from benchmarks.accuracy.laws import nothing_differs, prefix_holds, prove
from benchmarks.accuracy.streams import Stream

ROWS = 900


@pytest.fixture(scope="module")
def streams():
    """One asset with one sensor, and one with three; both with a fault late in the recording."""
    values = np.random.default_rng(7).normal(size=(ROWS, 3)).cumsum(axis=0) * 0.1
    values[700:720] += 8.0
    times = 1_700_000_000_000 + 60_000 * np.arange(ROWS)
    return [
        Stream("plant/pump", "plant", ("flow",), times, values[:, :1]),
        Stream("plant/press", "plant", ("x", "y", "z"), times, values),
    ]


@pytest.fixture(scope="module")
def andon(streams):
    """That has judged them."""
    contender = Andon("andon", 'policy = "ranked"')
    contender.judge(streams)
    return contender


def test_andon_sees_no_future_and_forgets_nothing_in_a_restart(andon, streams):
    """What it says of a moment depends on what was before it, and on nothing else."""
    told = []

    proof = prove(andon, streams, told.append)

    assert proof.holds
    assert (proof.streams, proof.prefix, proof.restart) == (2, 2, 2)
    assert told == ["no look ahead: 2 of 2 streams", "restarts change nothing: 2 of 2 streams"]


def _changed(played, *, at):
    trace = played.traces["flow"].copy()
    trace["p"][at] += 1e-12
    return Played({**played.traces, "flow": trace}, played.raised)


def test_a_look_ahead_is_noticed(andon, streams):
    """A score that moves in its last digit when the future is another has seen it."""
    whole, first = andon.played(streams[0]), streams[0].part(0, 500)
    prefix = andon.play([first])[first.name]

    assert prefix_holds(whole, prefix, first)
    assert prefix_holds(_changed(whole, at=500), prefix, first)
    assert not prefix_holds(_changed(whole, at=499), prefix, first)


def test_rows_that_were_not_judged_are_noticed(andon, streams):
    """Saying nothing is no proof."""
    whole, first = andon.played(streams[0]), streams[0].part(0, 500)
    prefix = andon.play([streams[0].part(0, 400)])[first.name]

    assert not prefix_holds(whole, prefix, first)


def test_a_restart_that_changes_something_is_noticed(andon, streams):
    """One digit of one score, or one alert."""
    whole = andon.played(streams[0])

    assert nothing_differs(whole, whole)
    assert not nothing_differs(whole, _changed(whole, at=899))
    assert not nothing_differs(whole, whole._replace(raised=(*whole.raised, (1, "flow"))))
    assert not nothing_differs(whole, whole._replace(traces={}))
