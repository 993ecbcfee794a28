"""andon as a contender: it is the product that is measured, and each row carries what was said of it."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest

from andon.replay.playing import play
from benchmarks.accuracy.contenders.andon import Andon, Collector, on_rows
from benchmarks.accuracy.contenders.any_sensor import AnySensor
from benchmarks.accuracy.contenders.recombined import Recombination, alarms_at, recombine
from benchmarks.accuracy.corpora.folder import corpus_folder
from benchmarks.accuracy.corpora.nab import read_streams
from benchmarks.accuracy.laws import nothing_differs
from dataflows.files import Files
from dataflows.sheets import Choice
from detectors.policy import RANK_MIN

RANKED = 'policy = "ranked"'
MACHINE = "realKnownCause/ambient_temperature_system_failure"
REPEATS_AN_HOUR = "realKnownCause/ec2_request_latency_system_failure"
SOME = (MACHINE, REPEATS_AN_HOUR)


@pytest.fixture(scope="module")
def streams(corpora):
    """Two of NAB's streams by name."""
    return {stream.name: stream for stream in read_streams(corpus_folder(corpora, "nab"), SOME)}


@pytest.fixture(scope="module")
def andon(streams):
    """andon with the ranked policy, that has judged two streams."""
    contender = Andon("andon", RANKED)
    contender.judge([streams[MACHINE], streams[REPEATS_AN_HOUR]])
    return contender


def test_what_is_measured_is_what_replaying_the_file_gives(corpora, streams, andon):
    """The benchmark has no path of its own through the product: bit by bit it sees what a user sees."""
    file = corpus_folder(corpora, "nab") / "data" / f"{MACHINE}.csv"
    collector = Collector()
    recording = Files([file], andon.settings, Choice(asset=MACHINE))

    play(
        recording,
        andon.settings,
        on_alert=collector.take,
        on_reject=print,
        on_progress=lambda *_: None,
        stop=Event(),
        tracer=collector.trace,
    )

    replayed = collector.played([streams[MACHINE]])[MACHINE]
    assert len(replayed.raised) > 0
    assert nothing_differs(replayed, andon.played(streams[MACHINE]))


def test_its_alarms_are_the_alerts_that_people_get(streams, andon):
    """No alarm counts that nobody was told of, and none is left out."""
    stream = streams[MACHINE]

    judged = andon.judge([stream])[MACHINE]

    ends = andon.played(stream).traces["value"]["end"][np.flatnonzero(judged.alarms)]
    assert ends.tolist() == [ts for ts, _ in andon.played(stream).raised]
    assert judged.active[judged.alarms].all()


def test_a_late_row_carries_the_score_before_it_and_no_alarm(streams, andon):
    """An hour that comes twice is judged once."""
    stream = streams[REPEATS_AN_HOUR]
    late = np.flatnonzero(stream.times_ms <= np.maximum.accumulate(np.append(0, stream.times_ms[:-1])))

    judged = andon.judge([stream])[stream.name]

    assert len(late) == 11
    assert len(andon.played(stream).traces["value"]) == len(stream.times_ms) - len(late)
    np.testing.assert_array_equal(judged.scores[late], judged.scores[late[0] - 1])
    assert not judged.alarms[late].any()


def test_windows_are_told_on_the_rows_from_their_start_on():
    """A row before the first window has nothing, one between two windows has the first of them."""
    told = on_rows(np.array([1.0, 2.0]), np.array([20, 40]), np.array([10, 20, 30, 40, 35]), missing=-1.0)

    assert told.tolist() == [-1.0, 1.0, 1.0, 2.0, 2.0]


def test_all_parts_together_are_the_product(streams, andon):
    """What is said of andon without a family is said of andon, and not of something like it."""
    for name in (MACHINE, REPEATS_AN_HOUR):
        trace = andon.played(streams[name]).traces["value"]

        found = recombine(trace)

        np.testing.assert_array_equal(found.s, trace["s"])
        np.testing.assert_allclose(found.r, trace["p"], rtol=1e-14)
        np.testing.assert_array_equal(found.alarms & (trace["active"] > 0), found.alarms)
        assert set(np.flatnonzero(trace["raised"])) <= set(np.flatnonzero(found.alarms))


def test_another_threshold_is_the_same_policy(streams, andon):
    """At the usual one the search for a better threshold finds the product's own decisions."""
    trace = andon.played(streams[MACHINE]).traces["value"]

    np.testing.assert_array_equal(alarms_at(trace["p"], RANK_MIN), recombine(trace).alarms)
    assert alarms_at(trace["p"], 0.3).sum() >= alarms_at(trace["p"], 0.9).sum()


def test_a_family_that_is_left_out_is_not_heard(streams, andon):
    """Its z may be what it likes."""
    trace = andon.played(streams[MACHINE]).traces["value"].copy()
    without = Recombination(andon, "level").judge([streams[MACHINE]])[MACHINE]

    trace["z"][:, 0] = 6.0

    np.testing.assert_array_equal(recombine(trace, ["spread", "season", "shape", "spike"]).r, without.scores)
    assert (recombine(trace).r != without.scores).any()


def test_any_sensor_of_one_is_that_sensor(streams, andon):
    """For who has one sensor, it makes no difference to be asked sensor by sensor."""
    stream = streams[MACHINE]

    asked = AnySensor(andon).judge([stream])[MACHINE]

    judged = andon.judge([stream])[MACHINE]
    np.testing.assert_array_equal(asked.scores, judged.scores)
    np.testing.assert_array_equal(asked.alarms, judged.alarms)
    np.testing.assert_array_equal(asked.active, judged.active)
