"""Verdicts as findings: names, ranges, evidence."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.findings import CLOSED, Kind, Share, Window
from detectors import episode, verdicts
from detectors.verdicts import Subject, finding_of

TEMP = Subject(asset="press", sensor="temp", model=None, ranked=False, shares=(Share("temp", 1.0),))


def told(what, why=0, subject=TEMP):
    """The finding of a verdict about the window from 60 s to 120 s."""
    rows = np.zeros(1, verdicts.VERDICT)
    verdicts.write(rows, 0, 0, what, why, 5000, 321, 20.0, 0.5, 26.0)
    rows[0]["score"], rows[0]["rank"], rows[0]["z"], rows[0]["threshold"] = 3.5, 1.2, 6.5, 2.5
    rows[0]["found_by"] = 1
    window = np.zeros(1, CLOSED)[0]
    window["start"], window["end"], window["mean"], window["count"] = 60_000, 120_000, 25.0, 60
    return finding_of(rows[0], window, subject, "readings/0/17")


@pytest.mark.parametrize(
    ("what", "kind", "rule", "active"),
    [
        (verdicts.RAISED, Kind.ANOMALY, "sensor", True),
        (verdicts.DRIFTED, Kind.DRIFT, "level", True),
        (verdicts.SETTLED, Kind.DRIFT, "level", False),
    ],
)
def test_every_verdict_is_a_finding_with_range_window_and_source(what, kind, rule, active):
    """What the operator reads is complete."""
    finding = told(what)

    assert (finding.kind, finding.rule, finding.active) == (kind, rule, active)
    assert (finding.asset, finding.sensor, finding.onset_ts, finding.ts) == ("press", "temp", 5000, 120_000)
    assert (finding.value, finding.expected) == (25.0, (18.5, 21.5))
    assert finding.window == Window(60_000, 120_000, 60)
    assert (finding.source, finding.contributions) == ("readings/0/17", (("temp", 1.0),))


def test_an_anomaly_carries_its_score_its_rank_and_why():
    """Score and rank are numbers that a person can sort by; the evidence says by what."""
    finding = told(verdicts.RAISED)

    assert (finding.score, finding.rank) == (3.5, 1.2)
    assert finding.evidence == {"found_by": "spread", "z": 6.5, "policy": "budget", "threshold": 2.5, "windows": 321}


@pytest.mark.parametrize(("why", "words"), [(episode.ENDED_CALM, "calm"), (episode.ENDED_HELD, "held")])
def test_an_anomaly_that_ended_says_why(why, words):
    """Back to normal, or the new normal: two ends that mean different things."""
    finding = told(verdicts.ENDED, why)

    assert finding.evidence == {"found_by": "spread", "z": 6.5, "ended_by": words, "windows_held": 321}


def test_a_drift_says_from_where_to_where():
    """The operator reads how far the level has moved, in the sensor's unit and in sigmas."""
    finding = told(verdicts.DRIFTED, verdicts.BY_HOLDING)

    assert (finding.score, finding.rank) == (None, None)
    assert finding.evidence == {
        "from": 20.0,
        "to": 26.0,
        "change": 6.0,
        "change_sd": 12.0,
        "found_by": "held anomaly",
        "windows": 321,
    }


def test_a_model_of_river_expects_no_range():
    """A score of trees has no unit: no range is made up."""
    finding = told(verdicts.RAISED, subject=TEMP._replace(model="river.anomaly.LODA", ranked=True))

    assert finding.expected == (None, None)
    assert (finding.evidence["found_by"], finding.evidence["policy"]) == ("river.anomaly.LODA", "ranked")


def test_an_assets_anomaly_has_no_value():
    """A machine has many values and no single one."""
    shares = (Share("temp", 0.75), Share("speed", 0.25))

    finding = told(verdicts.RAISED, subject=Subject("press", None, "river.anomaly.LODA", False, shares))

    assert (finding.sensor, finding.rule, finding.value) == (None, "asset", None)
    assert finding.contributions == shares
